/** The monthly partitions of the inbox and of the orders' history; migration 0027 says how they are made. */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Logger } from 'pino'
import type { Database } from './connect.ts'
import { isHeldUp } from './held-up.ts'

/** Made ahead for so many months: jobs may stand still for that long before a row finds no month of its own. */
const AHEAD = 3
/** Orders wait while rows move, so no more than these do under a shop that runs. */
const MOST_STRAYS = 10_000
/** For making one month, such rows included; orders wait for as long. */
const LIMIT_MS = 5000
const TRIES = 3
const PAUSE_MS = 1000

export interface Kept {
  /** How many partitions were made. */
  readonly made: number
  /** How many rows had found none. */
  readonly strays: number
  /** How many months are still without one. */
  readonly missing: number
}

/**
 * Makes the partitions of this month (Beijing's) and the next ones, and moves rows that found none into theirs: each in a
 * transaction of its own, given up where others hold the tables for long, as a backup does. The next run goes on.
 */
export async function keepMonths(db: Database, now: Date, log: Logger): Promise<Kept> {
  const { rows: months } = await sql<{ grown: string; month: string; strays: number }>`
    select grown, month::text, strays
    from missing_months((${now}::timestamptz at time zone 'Asia/Shanghai')::date, ${AHEAD}::int)`.execute(db)
  const strays = months.reduce((sum, month) => sum + month.strays, 0)
  if (strays > 0) log.warn({ strays }, 'rows came for months without a partition')
  let made = 0
  for (const month of months) {
    if (month.strays > MOST_STRAYS) {
      log.error(
        month,
        'too many rows to be moved while the shop runs; stop it, and select keep_months(current_date, 3)',
      )
      continue
    }
    const outcome = await addMonth(db, month)
    if (outcome === 'made') made += 1
    if (outcome === 'held up') {
      log.warn({ ...month, made }, 'a month could not be made: something holds its tables, perhaps a backup')
      break
    }
  }
  return { made, strays, missing: months.length - made }
}

async function addMonth(db: Database, month: { grown: string; month: string }): Promise<'made' | 'held up'> {
  for (let left = TRIES; ; left -= 1) {
    try {
      await db.transaction().execute(async (tx) => {
        await sql`select set_config('statement_timeout', ${String(LIMIT_MS)}, true)`.execute(tx)
        await sql`select add_month(${month.grown}::regclass, ${month.month}::date)`.execute(tx)
      })
      return 'made'
    } catch (error) {
      if (!isHeldUp(error)) throw error
      if (left <= 1) return 'held up'
      await sleep(PAUSE_MS)
    }
  }
}

/** What the planner knows of all months together; PostgreSQL gathers by itself what it knows of each. */
export async function analyzeMonths(db: Database): Promise<void> {
  await sql`analyze notifications, order_history`.execute(db)
}
