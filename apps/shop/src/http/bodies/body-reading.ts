/**
 * Deadlines for request bodies, and what happens to a body that the route does not read. A client that drips its body,
 * or keeps sending after a refusal, is cut off; one that is merely slow gets its answer.
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** For a body of any length: a minimum rate instead of a deadline. */
    slowBody?: boolean
  }
}

export interface Patience {
  /** From the first byte of a body to its last, in addition to the time for its length. */
  readonly bodyMs: number
  /** The minimum rate of a body as long as its route allows, and of an unbounded one. */
  readonly bytesPerSecond: number
  /** How often the rate of an unbounded body is checked. */
  readonly rateWindowMs: number
  /**
   * How long, and how many bytes of, an unwanted body is read before the answer, so that the client sees the answer.
   */
  readonly restMs: number
  readonly restBytes: number
}

export const PATIENCE: Patience = {
  bodyMs: 20_000,
  bytesPerSecond: 16 * 1024,
  rateWindowMs: 30_000,
  restMs: 1000,
  restBytes: 256 * 1024,
}

/** Ends requests that take longer than their body needs, or that continue after the answer. */
export function boundBodies(app: FastifyInstance, patience: Patience = PATIENCE): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const { raw, routeOptions } = request
    if (!hasBody(raw)) return done()
    if (routeOptions.config.slowBody) demandRate(raw, routeOptions.bodyLimit ?? 0, patience)
    else cutAfter(raw, patience.bodyMs + ((routeOptions.bodyLimit ?? 0) / patience.bytesPerSecond) * 1000)
    done()
  })
  app.addHook('onSend', (request, reply, _payload, done) => {
    const { raw } = request
    if (!hasBody(raw) || raw.readableEnded || raw.destroyed) return done()
    // A client that is cut off while sending may lose the answer: read a short rest; after a long one, close the
    // connection.
    readRest(raw, patience, (isAll) => {
      if (isAll) reply.removeHeader('connection')
      else reply.header('connection', 'close')
      done()
    })
  })
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'

function cutAfter(raw: IncomingMessage, milliseconds: number): void {
  const timer = setTimeout(() => raw.destroy(), milliseconds).unref()
  untilEnd(raw, () => clearTimeout(timer))
}

/** Such a body bypasses Fastify, which would otherwise count its bytes. */
function demandRate(raw: IncomingMessage, most: number, { rateWindowMs, bytesPerSecond }: Patience): void {
  const least = (rateWindowMs / 1000) * bytesPerSecond
  const first = raw.socket.bytesRead
  let before = first
  const timer = setInterval(() => {
    const now = raw.socket.bytesRead
    if (now - before < least || now - first > most) raw.destroy()
    before = now
  }, rateWindowMs).unref()
  untilEnd(raw, () => clearInterval(timer))
}

function untilEnd(raw: IncomingMessage, stop: () => void): void {
  raw.once('end', stop).once('close', stop)
}

function readRest(raw: IncomingMessage, { restMs, restBytes }: Patience, done: (isAll: boolean) => void): void {
  let bytes = 0
  const finish = () => {
    clearTimeout(timer)
    raw.off('data', count).off('end', finish).off('close', finish).pause()
    done(raw.readableEnded)
  }
  const count = (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > restBytes) finish()
  }
  const timer = setTimeout(finish, restMs)
  raw.on('data', count).once('end', finish).once('close', finish)
}
