/**
 * Whether the database accepts work at the moment. It has its own connection: a busy pool does not mean that the
 * database is away, and a load balancer that removed a busy server would make the others busier still.
 */
import { sql } from 'kysely'
import type { Connection } from './connect.ts'

const LIMITS = { statement: 1000, answer: 1200, connection: 1200 }
/** The result is cached this long, however often it is requested. */
const CACHED_MS = 250

export interface Readiness {
  /** @throws the database's or the connection's error, or a timeout */
  check(): Promise<void>
  close(): Promise<void>
}

export function watchReadiness(shop: Connection): Readiness {
  const { db, close } = shop.beside(1, LIMITS)
  let checkedAt = Number.NEGATIVE_INFINITY
  let answer: Promise<void> = Promise.resolve()

  const runCheck = async () => {
    if (!shop.diskFull) {
      const { rows } = await sql<{ state: string }>`select current_setting('transaction_read_only') as state`.execute(
        db,
      )
      // A standby can serve pages, but no purchases.
      if (rows[0]?.state !== 'off') throw new Error('The database can only be read')
      return
    }
    // Reads still work while the disk is full. A temporary table needs disk space, like any write.
    await db.transaction().execute(async (tx) => {
      await sql`create temporary table room on commit drop as select random() from generate_series(1, 2000)`.execute(tx)
    })
    shop.diskFull = false
  }

  return {
    check() {
      const now = performance.now()
      if (now - checkedAt > CACHED_MS) {
        checkedAt = Number.POSITIVE_INFINITY // no second check while one is running
        answer = runCheck().finally(() => {
          checkedAt = performance.now()
        })
      }
      return answer
    },
    close,
  }
}
