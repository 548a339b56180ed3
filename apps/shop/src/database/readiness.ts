/**
 * Whether the database takes work just now. Asked over a connection of its own: that all the others are busy is no sign of
 * a database that is away, and a balancer that took a busy server out would make the others busier still.
 */
import { sql } from 'kysely'
import type { Connection } from './connect.ts'

const LIMITS = { statement: 1000, answer: 1200, connection: 1200 }
/** However often it is asked, the database is asked no oftener. */
const BELIEVED_MS = 250

export interface Readiness {
  /** @throws what the database, or the way to it, said; or that it said nothing in time */
  check(): Promise<void>
  close(): Promise<void>
}

export function watchReadiness(shop: Connection): Readiness {
  const { db, close } = shop.beside(1, LIMITS)
  let asked = Number.NEGATIVE_INFINITY
  let answer: Promise<void> = Promise.resolve()

  const ask = async () => {
    if (!shop.diskFull) {
      const { rows } = await sql<{ state: string }>`select current_setting('transaction_read_only') as state`.execute(
        db,
      )
      // At a standby, pages can be read; nobody can buy.
      if (rows[0]?.state !== 'off') throw new Error('The database can only be read')
      return
    }
    // Reading goes on while the disk is full. Pages of a temporary table need room as all others do.
    await db.transaction().execute(async (tx) => {
      await sql`create temporary table room on commit drop as select random() from generate_series(1, 2000)`.execute(tx)
    })
    shop.diskFull = false
  }

  return {
    check() {
      const now = performance.now()
      if (now - asked > BELIEVED_MS) {
        asked = Number.POSITIVE_INFINITY // while it is asked nobody else asks
        answer = ask().finally(() => {
          asked = performance.now()
        })
      }
      return answer
    },
    close,
  }
}
