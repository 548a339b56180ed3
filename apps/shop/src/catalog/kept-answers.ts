/**
 * Answers about the catalogue, kept as they were written: it is read a thousand times for each change. Any change to it,
 * by whichever process, empties this in all of them; while word of changes does not arrive, nothing is kept at all.
 */
import type { Announcements } from '../database/announcements.ts'

const MOST = 500

export interface KeptAnswers {
  /** The answer as JSON, in the bytes that are sent: the one that is kept under this key, or a fresh one. */
  get(key: string, read: () => Promise<unknown>): Promise<Buffer>
  /** The one that is kept under this key, if there is one. */
  known(key: string): Buffer | undefined
}

export function keepAnswers(announcements: Announcements): KeptAnswers {
  const kept = new Map<string, Buffer>()
  let generation = 0
  announcements.on('catalog_changed', () => {
    generation += 1
    kept.clear()
  })
  return {
    known: (key) => kept.get(key),
    async get(key, read) {
      const known = kept.get(key)
      if (known !== undefined) return known
      const before = generation
      const answer = Buffer.from(JSON.stringify(await read()))
      // What was read before a change must not be kept after it.
      if (!announcements.live || generation !== before) return answer
      const [oldest] = kept.keys()
      if (kept.size >= MOST && oldest !== undefined) kept.delete(oldest)
      kept.set(key, answer)
      return answer
    },
  }
}
