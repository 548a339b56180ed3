/**
 * Open-loop load: a fixed number of requests per second, whatever happened to earlier ones. Over bare sockets, since it
 * shares the cores with what it measures.
 */
import { connect, type Socket } from 'node:net'
import type { Request } from './load.ts'

export interface Coming {
  readonly kind: string
  readonly request: Request
}

/** One request, once answered or given up. Times in milliseconds, from when it was due to be sent. */
export interface Answered {
  readonly kind: string
  readonly at: number
  readonly took: number
  /** 0 without an answer. */
  readonly status: number
}

const PATIENCE_MS = 20_000
const TICK_MS = 5

/** Offers `perSecond` requests for some seconds. @returns the result of each, once all are answered or given up */
export async function offer(
  origin: string,
  next: () => Coming,
  { perSecond, seconds }: { perSecond: number; seconds: number },
): Promise<Answered[]> {
  const pool = openPool(origin)
  const all: Answered[] = []
  const started = performance.now()
  const total = Math.round(perSecond * seconds)
  let open = 0
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - started) / 1000) * perSecond))
    for (; sent < due; sent += 1) {
      const { kind, request } = next()
      const at = (sent / perSecond) * 1000
      open += 1
      pool.send(request, (status) => {
        open -= 1
        all.push({ kind, at, took: performance.now() - started - at, status })
      })
    }
    await new Promise((done) => setTimeout(done, TICK_MS))
  }
  while (open > 0) await new Promise((done) => setTimeout(done, TICK_MS))
  pool.close()
  return all
}

/** Kept-alive connections; opens another one when none is free, as another visitor would. */
function openPool(origin: string) {
  const { hostname, port, host } = new URL(origin)
  const free: Connection[] = []
  const sockets = new Set<Socket>()

  const open = (): Connection => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    const connection: Connection = { socket, onStatus: undefined, text: '' }
    const over = (status: number) => {
      const { onStatus } = connection
      connection.onStatus = undefined
      connection.text = ''
      onStatus?.(status)
    }
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      connection.text += chunk
      const status = statusOfWhole(connection.text)
      if (status === undefined) return
      over(status)
      free.push(connection)
    })
    socket.setTimeout(PATIENCE_MS, () => socket.destroy())
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      const at = free.indexOf(connection)
      if (at !== -1) free.splice(at, 1)
      over(0)
    })
    sockets.add(socket)
    return connection
  }

  return {
    send({ method, path, headers = {}, body }: Request, onStatus: (status: number) => void) {
      const connection = free.pop() ?? open()
      connection.onStatus = onStatus
      const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
      const length = body === undefined ? '' : `content-length: ${Buffer.byteLength(body)}\r\n`
      connection.socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('')}${length}\r\n${body ?? ''}`)
    },
    close() {
      for (const socket of sockets) socket.destroy()
    },
  }
}

interface Connection {
  readonly socket: Socket
  onStatus: ((status: number) => void) | undefined
  text: string
}

/** The status, once the whole answer has arrived. All measured answers have a content length. */
function statusOfWhole(text: string): number | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const length = /content-length: (\d+)/i.exec(text.slice(0, end))?.[1]
  return text.length >= end + 4 + Number(length ?? 0) ? Number(text.slice(9, 12)) : undefined
}
