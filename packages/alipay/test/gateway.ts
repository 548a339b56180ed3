/** A small HTTP server in place of the gateway, which answers as the test says. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach } from 'vitest'

export interface Received {
  readonly method: string
  /** The parameters of the address and the body together. */
  readonly parameters: Record<string, string>
  readonly query: URLSearchParams
  readonly form: URLSearchParams
  readonly headers: IncomingMessage['headers']
}

export interface Gateway {
  readonly url: string
  readonly received: readonly Received[]
  /** Stops listening immediately. */
  close(): Promise<void>
}

const open: (() => Promise<void>)[] = []

afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()))
})

/** Closed automatically after each test. */
export async function startGateway(answer: (response: ServerResponse, request: Received) => unknown): Promise<Gateway> {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const query = new URL(request.url ?? '/', 'http://gateway').searchParams
    const form = new URLSearchParams(Buffer.concat(chunks).toString())
    const each = {
      method: request.method ?? '',
      parameters: Object.fromEntries([...query, ...form]),
      query,
      form,
      headers: request.headers,
    }
    received.push(each)
    await answer(response, each)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  open.push(close)
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/gateway.do`, received, close }
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}
