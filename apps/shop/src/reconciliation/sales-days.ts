/**
 * Aggregates each day for the dashboard: sales and refunds by method and course, by the gateway's own time as in its
 * bill; what became of the orders placed on it; and how long access took, by ours. All values are sums, so days can be added up. Past days are kept; only the last ones
 * are recomputed.
 */
import { sql } from 'kysely'
import { dayBefore, dayOf, endOf, midnight } from '../beijing-day.ts'
import type { Database, Transaction } from '../db/connect.ts'

/**
 * A payment may be reported this long after its day. Earlier days are recomputed only if something of theirs changed
 * since.
 */
const DAYS_COUNTED_AGAIN = 3

/** What the sums mean; days that an older version has added up are added up again. 2: by the gateway's time. */
const COUNTED_AS = 2

/** Aggregates the days that are missing, and the last ones again. Safe to run in any number of processes. */
export async function sumUpDays(db: Database, now: Date): Promise<void> {
  const today = dayOf(now)
  const first = await sql<{ day: string | null }>`
    select to_char(min(created_at) at time zone 'Asia/Shanghai', 'YYYY-MM-DD') as day from orders`.execute(db)
  const known = await db
    .selectFrom('sales_days')
    .select((column) => column.fn.max('day').as('day'))
    .where('counted_at', 'is not', null)
    .where('counted_as', '=', COUNTED_AS)
    .executeTakeFirst()
  let again = today
  for (let back = 0; back < DAYS_COUNTED_AGAIN; back += 1) again = dayBefore(again)
  const begin = first.rows[0]?.day ?? today
  const next = known?.day ? (known.day < again ? known.day : again) : begin
  const from = next < begin ? begin : next
  // What was only learned of late changes the day on which the gateway took or paid back the money, and the conversion of
  // the day on which the order was placed.
  const start = midnight(from)
  const late = await sql<{ day: string }>`
    select distinct to_char(at at time zone 'Asia/Shanghai', 'YYYY-MM-DD') as day from (
      select unnest(array[o.created_at, p.paid_at]) as at
        from orders o join order_payments p on p.order_id = o.id where o.paid_at >= ${start}
      union all
      select made_at from refunds where status = 'succeeded' and finished_at >= ${start}) changed
    where at < ${start}`.execute(db)
  const changed = await sql<{ day: string }>`
    select day from sales_days where day < ${from} group by day
    having max(counted_at) is null or min(counted_as) < ${COUNTED_AS}`.execute(db)
  for (const { day } of [...late.rows, ...changed.rows]) await sumUpDay(db, day, now)
  for (let day = from; day <= today; day = dayOf(endOf(day))) await sumUpDay(db, day, now)
}

/** Something that happened at these times has changed: marks their days to be recomputed, if they were counted. */
export async function countAgain(tx: Transaction, ...times: Date[]): Promise<void> {
  // In order, so that two processes never wait for each other.
  for (const day of [...new Set(times.map(dayOf))].sort()) {
    // A process that is adding the day up does not see this change: it is marked once that has ended.
    await lockDay(tx, day)
    await tx.updateTable('sales_days').set({ counted_at: null }).where('day', '=', day).execute()
  }
}

const lockDay = (tx: Transaction, day: string) =>
  sql`select pg_advisory_xact_lock(hashtext('sales'), hashtext(${day}))`.execute(tx)

async function sumUpDay(db: Database, day: string, now: Date): Promise<void> {
  await db.transaction().execute(async (tx) => {
    // One process per day: a second one replaces the sums with the same values.
    await lockDay(tx, day)
    await tx.deleteFrom('sales_days').where('day', '=', day).execute()
    await tx.deleteFrom('access_waits').where('day', '=', day).execute()
    await addSales(tx, day, now)
    await addWaits(tx, day)
  })
}

/** Grouped by the method that was actually used to pay, which may differ from the method of the order. */
async function addSales(tx: Transaction, day: string, now: Date): Promise<void> {
  const [from, until] = [midnight(day), endOf(day)]
  await sql`
    insert into sales_days (day, pay_type, course_id, sold, sales_fen, refunds_fen, paid_orders, placed_orders, converted_orders, counted_at, counted_as)
    select ${day}::text, a.provider, l.course_id, count(*), sum(l.price_fen), 0, 0, 0, 0, null::timestamptz, ${COUNTED_AS}::smallint
      from orders o join order_payments p on p.order_id = o.id join payment_attempts a on a.id = p.attempt_id
        join order_lines l on l.order_id = o.id
      where p.paid_at >= ${from} and p.paid_at < ${until} group by a.provider, l.course_id
    union all
    select ${day}::text, a.provider, null::integer, 0, 0, 0, count(*), 0, 0, null, ${COUNTED_AS}
      from orders o join order_payments p on p.order_id = o.id join payment_attempts a on a.id = p.attempt_id
      where p.paid_at >= ${from} and p.paid_at < ${until} group by a.provider
    union all
    select ${day}::text, a.provider, part.course_id, 0, 0, sum(part.fen), 0, 0, 0, null, ${COUNTED_AS}
      from refunds r join order_payments p on p.attempt_id = r.attempt_id join payment_attempts a on a.id = r.attempt_id
        cross join lateral (
          select l.course_id, l.amount_fen as fen from refund_lines l where l.refund_id = r.id
          union all
          -- What went back for no line that is known.
          select null, r.amount_fen - coalesce(sum(l.amount_fen), 0) from refund_lines l where l.refund_id = r.id) part
      where part.fen <> 0 and r.status = 'succeeded' and r.made_at >= ${from} and r.made_at < ${until} group by a.provider, part.course_id
    union all
    select ${day}::text, '', null, 0, 0, 0, 0, count(*), count(paid_at), ${now}::timestamptz, ${COUNTED_AS}
      from orders where created_at >= ${from} and created_at < ${until}`.execute(tx)
}

async function addWaits(tx: Transaction, day: string): Promise<void> {
  await sql`
    insert into access_waits (day, seconds, orders)
    select ${day}::text, case when s <= 60 then s when s <= 3600 then ceil(s / 60.0) * 60 else ceil(s / 3600.0) * 3600 end, count(*)
      from orders o join order_payments p on p.order_id = o.id
      cross join lateral (select greatest(0, extract(epoch from o.paid_at - p.paid_at))::int as s) waited
      where o.paid_at >= ${midnight(day)} and o.paid_at < ${endOf(day)} group by 2`.execute(tx)
}
