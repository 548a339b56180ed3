/** Answers requests that could not be parsed as problems too, on the bare connection. */
import type { Socket } from 'node:net'
import { type ErrorCode, REFUSALS } from '../../errors.ts'
import { problemOf } from '../problem.ts'

/** The parser's error codes. Anything else is not HTTP. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
}

/** In both languages, since no header was read. */
export function refuseUnread(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return void socket.destroy(error)
  const code = CODES[error.code ?? ''] ?? 'MALFORMED_REQUEST'
  const body = JSON.stringify(problemOf(code, 'zh-CN'))
  const head = [
    `HTTP/1.1 ${REFUSALS[code].status} ${code}`,
    'content-type: application/problem+json; charset=utf-8',
    'content-language: zh-CN',
    'cache-control: no-store',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
