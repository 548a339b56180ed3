/** The monthly partitions of the inbox and of the orders' history; migration 0027 says how they are made. */
import { sql } from 'kysely'
import type { Logger } from 'pino'
import type { Database } from './connect.ts'

/** Made ahead for so many months: jobs may stand still for that long before a row finds no month of its own. */
const AHEAD = 3

/**
 * Makes the partitions of this month (Beijing's) and the next ones, and moves rows that found none into theirs.
 * @returns how many partitions were made and how many rows had found none
 */
export async function keepMonths(db: Database, now: Date, log: Logger): Promise<{ made: number; strays: number }> {
  const { rows } = await sql<{ strays: number }>`
    select ((select count(*) from notifications_other) + (select count(*) from order_history_other))::int as strays`.execute(
    db,
  )
  const strays = rows[0]?.strays ?? 0
  if (strays > 0) log.warn({ strays }, 'rows came for months without a partition; they are moved into their own now')
  const kept = await sql<{ made: number }>`
    select keep_months((${now}::timestamptz at time zone 'Asia/Shanghai')::date, ${AHEAD}::int) as made`.execute(db)
  return { made: kept.rows[0]?.made ?? 0, strays }
}
