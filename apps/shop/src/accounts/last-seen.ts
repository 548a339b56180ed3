/** When each session of the staff was last seen: written at most once in ten minutes a session, beside the request. */
import type { Logger } from 'pino'
import type { Database } from '../database/connect.ts'

const EVERY_MS = 10 * 60_000
/** Sessions remembered in this process; the staff of a shop are fewer. */
const REMEMBERED = 1000

/** @returns what to call with the session of a request; it neither waits nor fails */
export function keepLastSeen(db: Database, clock: () => Date, log: Logger): (sessionId: string) => void {
  const written = new Map<string, number>()
  return (sessionId) => {
    const now = clock()
    const longAgo = new Date(now.getTime() - EVERY_MS)
    if ((written.get(sessionId) ?? 0) > longAgo.getTime()) return
    if (written.size >= REMEMBERED) written.clear()
    written.set(sessionId, now.getTime())
    db.updateTable('sessions')
      .set({ seen_at: now })
      .where('id', '=', sessionId)
      // Another process may have written it just now.
      .where((of) => of.or([of('seen_at', 'is', null), of('seen_at', '<', longAgo)]))
      .execute()
      .catch((error: unknown) => {
        written.delete(sessionId)
        log.warn({ err: error }, 'last seen not written')
      })
  }
}
