/** The event streams that are open in this process, and whose they are. */
import type { ServerResponse } from 'node:http'
import { ShopError } from '../errors.ts'

/** More pages than anybody watches at a time; a page that is refused asks every few seconds instead. */
export const MOST_STREAMS = 16

export interface Streams {
  /** Counts it until it closes. @throws ShopError TOO_MANY_STREAMS */
  add(userId: number, stream: ServerResponse): void
  count(): number
  endAll(): void
}

export function createStreams(): Streams {
  const byUser = new Map<number, Set<ServerResponse>>()
  const all = () => [...byUser.values()].flatMap((streams) => [...streams])
  return {
    add(userId, stream) {
      if (stream.destroyed) return // its buyer has left already: it closes no more
      const streams = byUser.get(userId) ?? new Set()
      if (streams.size >= MOST_STREAMS) throw new ShopError('TOO_MANY_STREAMS')
      byUser.set(userId, streams.add(stream))
      stream.on('close', () => {
        streams.delete(stream)
        if (streams.size === 0 && byUser.get(userId) === streams) byUser.delete(userId)
      })
    },
    count: () => all().length,
    endAll() {
      for (const stream of all()) stream.end()
    },
  }
}
