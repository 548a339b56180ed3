/** The monthly partitions of the inbox and of the orders' history; migration 0027 defines how they are created. */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Logger } from 'pino'
import type { Database } from './connect.ts'
import { isLockConflict } from './statements/lock-conflict.ts'

/** Months created ahead: if jobs stop for that long, rows go into the default partition. */
const AHEAD = 3
/** Orders wait while rows move, so a running shop moves at most this many. */
const MAX_MISPLACED = 10_000
/** The time for creating one partition, including moving its rows; orders wait meanwhile. */
const LIMIT_MS = 5000
const TRIES = 3
const PAUSE_MS = 1000

export interface PartitionsKept {
  /** The number of partitions created. */
  readonly made: number
  /** The number of rows in the default partition. */
  readonly misplaced: number
  /** The number of months still without a partition. */
  readonly missing: number
}

/**
 * Creates the partitions of this month (in Beijing) and the next ones, and moves rows out of the default partition:
 * each in a transaction of its own, which gives up if the tables are locked for long, as by a backup. The next run
 * continues.
 */
export async function keepPartitions(db: Database, now: Date, log: Logger): Promise<PartitionsKept> {
  const { rows: months } = await sql<{ grown: string; month: string; misplaced: number }>`
    select grown, month::text, strays as misplaced
    from missing_months((${now}::timestamptz at time zone 'Asia/Shanghai')::date, ${AHEAD}::int)`.execute(db)
  const misplaced = months.reduce((sum, month) => sum + month.misplaced, 0)
  if (misplaced > 0) log.warn({ misplaced }, 'rows came for months without a partition')
  let made = 0
  for (const month of months) {
    if (month.misplaced > MAX_MISPLACED) {
      log.error(
        month,
        'too many rows to be moved while the shop runs; stop it, and select keep_months(current_date, 3)',
      )
      continue
    }
    const outcome = await addMonth(db, month)
    if (outcome === 'made') made += 1
    if (outcome === 'blocked') {
      log.warn({ ...month, made }, 'a month could not be made: something holds its tables, perhaps a backup')
      break
    }
  }
  return { made, misplaced, missing: months.length - made }
}

async function addMonth(db: Database, month: { grown: string; month: string }): Promise<'made' | 'blocked'> {
  for (let left = TRIES; ; left -= 1) {
    try {
      await db.transaction().execute(async (tx) => {
        await sql`select set_config('statement_timeout', ${String(LIMIT_MS)}, true)`.execute(tx)
        await sql`select add_month(${month.grown}::regclass, ${month.month}::date)`.execute(tx)
      })
      return 'made'
    } catch (error) {
      if (!isLockConflict(error)) throw error
      if (left <= 1) return 'blocked'
      await sleep(PAUSE_MS)
    }
  }
}

/** Updates the planner's statistics of the whole partitioned table; autovacuum covers only the partitions. */
export async function analyzePartitions(db: Database): Promise<void> {
  await sql`analyze notifications, order_history`.execute(db)
}
