/** The event streams that are open in this process, by user. */
import type { ServerResponse } from 'node:http'
import { ShopError } from '../errors.ts'

/** More pages than one user watches at a time; a page that is refused polls every few seconds instead. */
export const MAX_STREAMS = 16

export interface Streams {
  /** Counts the stream until it closes. @throws ShopError TOO_MANY_STREAMS */
  add(userId: number, stream: ServerResponse): void
  count(): number
  endAll(): void
}

export function createStreams(): Streams {
  const byUser = new Map<number, Set<ServerResponse>>()
  const all = () => [...byUser.values()].flatMap((streams) => [...streams])
  return {
    add(userId, stream) {
      if (stream.destroyed) return // the buyer has left already: there will be no close event
      const streams = byUser.get(userId) ?? new Set()
      if (streams.size >= MAX_STREAMS) throw new ShopError('TOO_MANY_STREAMS')
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
