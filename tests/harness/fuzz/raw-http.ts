/** HTTP by hand, for requests that no client would send: half of one, one that drips, one with ten thousand headers. */
import { connect, type Socket } from 'node:net'

export interface RawAnswer {
  /** 0 where the connection ended without an answer. */
  readonly status: number
  readonly text: string
}

/**
 * Sends what it is given as it is, and waits for the beginning of an answer; then leaves.
 * @param drip sent again and again until the answer is here or the connection has ended
 */
export async function sendRaw(
  base: string,
  bytes: string | Buffer,
  { drip = '', every = 100, limitMs = 60_000 } = {},
): Promise<RawAnswer> {
  const { hostname, port } = new URL(base)
  const socket = connect(Number(port), hostname)
  let text = ''
  const ended = new Promise<void>((done) => {
    socket.once('close', () => done())
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (isWhole(text)) done()
    })
    socket.setTimeout(limitMs, () => socket.destroy())
  })
  socket.write(bytes)
  const timer = drip ? setInterval(() => writeIfOpen(socket, drip), every) : undefined
  await ended
  clearInterval(timer)
  socket.destroy()
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text }
}

/** How long a connection stays open that sends this, in milliseconds; no longer than the limit. */
export async function openFor(base: string, bytes: string, drip: string, limitMs: number): Promise<number> {
  const { hostname, port } = new URL(base)
  const socket = connect(Number(port), hostname)
  const started = performance.now()
  socket.on('error', () => {}).resume()
  socket.write(bytes)
  const timer = setInterval(() => writeIfOpen(socket, drip), 500)
  await new Promise<void>((done) => {
    socket.once('close', () => done())
    setTimeout(done, limitMs).unref()
  })
  clearInterval(timer)
  socket.destroy()
  return performance.now() - started
}

function writeIfOpen(socket: Socket, text: string): void {
  if (socket.writable) socket.write(text)
}

const isWhole = (text: string): boolean => {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return false
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, end))?.[1]
  return length === undefined ? /\r\n0\r\n\r\n$/.test(text) : text.length >= end + 4 + Number(length)
}
