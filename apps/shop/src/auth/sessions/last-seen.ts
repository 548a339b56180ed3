/** When each staff session was last used: written at most once a minute per session, without delaying the request. */
import type { Logger } from 'pino'
import type { Database } from '../../db/connect.ts'

/** A staff session expires two hours after its last use; with this interval, at most a minute early. */
const EVERY_MS = 60_000
/** The number of sessions remembered in this process; a shop has fewer staff. */
const REMEMBERED = 1000

/** @returns a function to call with the session of a request; it neither waits nor fails */
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
      // Another process may have just written it.
      .where((of) => of.or([of('seen_at', 'is', null), of('seen_at', '<', longAgo)]))
      .execute()
      .catch((error: unknown) => {
        written.delete(sessionId)
        log.warn({ err: error }, 'last seen not written')
      })
  }
}
