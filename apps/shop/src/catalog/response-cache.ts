/**
 * Serialized responses about the catalogue, which is read a thousand times for each change. A change made by any
 * process empties the cache in all of them. While the subscription to changes is down, nothing is cached.
 */
import type { Subscriptions } from '../db/pub-sub.ts'
import { ShopError } from '../errors.ts'
import { createFairQueue } from '../http/load/fair-queue.ts'
import { moneyIsHere, waitOutside } from '../http/load/overload.ts'

const MAX_CACHED = 500
/** Maximum number of waiting reads. When it is reached, a read of the client with the most waiting reads is refused. */
const MAX_WAITING = 64
/**
 * While payments are being handled, the database pauses between two reads for this many times the duration of the last
 * one.
 */
const PAUSE_FACTOR = 3

export interface ResponseCache {
  /**
   * The response as serialized JSON, from the cache or freshly read.
   * @param sender the client, for fair turns when several wait
   * @throws ShopError OVERLOADED when too many reads are waiting
   */
  get(key: string, sender: string, read: () => Promise<unknown>): Promise<Buffer>
  /** The cached response, if there is one. */
  known(key: string): Buffer | undefined
}

export function createResponseCache(subscriptions: Subscriptions): ResponseCache {
  const kept = new Map<string, Buffer>()
  let generation = 0
  subscriptions.on('catalog_changed', () => {
    generation += 1
    kept.clear()
  })
  const readInTurn = oneAtATime()
  return {
    known: (key) => kept.get(key),
    async get(key, sender, read) {
      const known = kept.get(key)
      if (known !== undefined) return known
      const before = generation
      const answer = Buffer.from(JSON.stringify(await readInTurn(sender, read)))
      // Do not cache what was read before a change.
      if (!subscriptions.live || generation !== before) return answer
      const [oldest] = kept.keys()
      if (kept.size >= MAX_CACHED && oldest !== undefined) kept.delete(oldest)
      kept.set(key, answer)
      return answer
    },
  }
}

interface Waiter {
  readonly turn: () => void
  readonly refuse: (error: ShopError) => void
}

/**
 * Runs reads one at a time, taking turns between clients. A client that keeps sending new queries can then use at most
 * one database core, and delays the reads of others by one read at most.
 */
function oneAtATime(): <Result>(sender: string, read: () => Promise<Result>) => Promise<Result> {
  const waiting = createFairQueue<Waiter>()
  const tooMany = () => new ShopError('OVERLOADED', { retryAfterSeconds: 2 })
  let busy = false
  const startNext = () => {
    const next = waiting.take()
    busy = next !== undefined
    next?.turn()
  }
  const ownTurn = (sender: string) =>
    new Promise<void>((turn, refuse) => {
      const own = waiting.lanes().get(sender)?.items.length ?? 0
      if (waiting.length() >= MAX_WAITING) {
        const other = waiting.dropOfLongest(own + 2)
        if (!other) return refuse(tooMany())
        other.refuse(tooMany())
      }
      waiting.push(sender, { turn, refuse })
    })
  return async (sender, read) => {
    if (busy) await waitOutside(() => ownTurn(sender))
    busy = true
    const began = performance.now()
    try {
      return await read()
    } finally {
      if (moneyIsHere()) setTimeout(startNext, PAUSE_FACTOR * (performance.now() - began)).unref()
      else startNext()
    }
  }
}
