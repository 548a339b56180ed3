/**
 * The numbers of the shop by day: sales net of refunds, by course, by method, from order to payment, and how long access
 * takes. Past days are summed up by a job and kept; only the last days are counted again, so that the page is as fast with
 * ten million orders as with ten.
 */
import { sql } from 'kysely'
import { type Static, Type } from 'typebox'
import type { Database, Reader } from '../database/connect.ts'
import { Money } from '../http/shapes.ts'
import { formatYuan, toFen } from '../money.ts'
import { dayBefore, dayOf, endOf, midnight } from '../reconciliation/days.ts'

const Signed = Type.String({ pattern: '^-?\\d+\\.\\d{2}$' })

export const DashboardShape = Type.Object(
  {
    from: Type.String(),
    to: Type.String(),
    sales: Money,
    refunds: Money,
    net: Signed,
    placedOrders: Type.Integer(),
    paidOrders: Type.Integer(),
    secondsToAccess: Type.Union([Type.Integer(), Type.Null()], {
      description: "From the payment at the gateway to access, in seconds: the middle of the days' medians",
    }),
    days: Type.Array(
      Type.Object({
        day: Type.String(),
        sales: Money,
        refunds: Money,
        net: Signed,
        placedOrders: Type.Integer(),
        paidOrders: Type.Integer(),
      }),
    ),
    methods: Type.Array(Type.Object({ payType: Type.String(), sales: Money, paidOrders: Type.Integer() })),
    courses: Type.Array(
      Type.Object({ courseId: Type.Integer(), title: Type.String(), sales: Money, sold: Type.Integer() }),
    ),
  },
  { $id: 'Dashboard' },
)

export type Dashboard = Static<typeof DashboardShape>

/** A payment may become known this long after its day. Earlier days are not counted again. */
const DAYS_COUNTED_AGAIN = 3

/** Sums up the days that are not, and the last ones again. Safe in any number of processes. */
export async function sumUpDays(db: Database, now: Date): Promise<void> {
  const first = await sql<{ day: string | null }>`
    select to_char(min(created_at) at time zone 'Asia/Shanghai', 'YYYY-MM-DD') as day from orders`.execute(db)
  const begin = first.rows[0]?.day
  if (!begin) return
  const known = await db
    .selectFrom('sales_days')
    .select((column) => column.fn.max('day').as('day'))
    .executeTakeFirst()
  let again = dayOf(now)
  for (let back = 0; back < DAYS_COUNTED_AGAIN; back += 1) again = dayBefore(again)
  const from = known?.day && known.day < again ? known.day : known?.day ? again : begin
  for (let day = from < begin ? begin : from; day <= dayOf(now); day = dayOf(endOf(day))) await sumUpDay(db, day)
}

async function sumUpDay(db: Database, day: string): Promise<void> {
  const [from, until] = [midnight(day), endOf(day)]
  await db.transaction().execute(async (tx) => {
    // One at a time a day: the second finds the first one's sums and replaces them with the same.
    await sql`select pg_advisory_xact_lock(hashtext('sales'), hashtext(${day}))`.execute(tx)
    await tx.deleteFrom('sales_days').where('day', '=', day).execute()
    await sql`
      insert into sales_days (day, pay_type, course_id, sold, sales_fen, paid_orders, refunds_fen, placed_orders, median_seconds)
      select ${day}::text, o.pay_type, l.course_id, count(*), sum(l.price_fen), 0, 0, 0, null::integer
        from orders o join order_lines l on l.order_id = o.id
        where o.paid_at >= ${from} and o.paid_at < ${until} group by o.pay_type, l.course_id
      union all
      select ${day}::text, pay_type, null::integer, 0, 0, count(*) filter (where paid_at >= ${from} and paid_at < ${until}), 0,
          count(*) filter (where created_at >= ${from} and created_at < ${until}), null
        from orders where (paid_at >= ${from} and paid_at < ${until}) or (created_at >= ${from} and created_at < ${until})
        group by pay_type
      union all
      select ${day}::text, a.provider, null::integer, 0, 0, 0, sum(r.amount_fen), 0, null
        from refunds r join order_payments p on p.attempt_id = r.attempt_id join payment_attempts a on a.id = r.attempt_id
        where r.status = 'succeeded' and r.finished_at >= ${from} and r.finished_at < ${until} group by a.provider
      union all
      select ${day}::text, '', null::integer, 0, 0, 0, 0, 0,
          percentile_disc(0.5) within group (order by greatest(0, extract(epoch from o.paid_at - p.paid_at)::int))
        from orders o join order_payments p on p.order_id = o.id
        where o.paid_at >= ${from} and o.paid_at < ${until} having count(*) > 0`.execute(tx)
  })
}

/** The last `days` Beijing days, today included. */
export async function readDashboard(db: Reader, days: number, now: Date): Promise<Dashboard> {
  const to = dayOf(now)
  const from = dayOf(new Date(midnight(to).getTime() - (days - 1) * 86_400_000))
  const rows = await db.selectFrom('sales_days').selectAll().where('day', '>=', from).where('day', '<=', to).execute()
  const sum = (some: typeof rows, field: 'sales_fen' | 'refunds_fen' | 'paid_orders' | 'placed_orders' | 'sold') =>
    some.reduce((total, row) => total + row[field], 0)
  const money = (fen: number) => formatYuan(toFen(fen))
  const totals = (some: typeof rows) => {
    const [sales, refunds] = [sum(some, 'sales_fen'), sum(some, 'refunds_fen')]
    const net = `${sales < refunds ? '-' : ''}${money(Math.abs(sales - refunds))}`
    const [placedOrders, paidOrders] = [sum(some, 'placed_orders'), sum(some, 'paid_orders')]
    return { sales: money(sales), refunds: money(refunds), net, placedOrders, paidOrders }
  }
  const everyDay: string[] = []
  for (let day = from; day <= to; day = dayOf(endOf(day))) everyDay.push(day)
  const byDay = Map.groupBy(rows, (row) => row.day)
  const byMethod = Map.groupBy(
    rows.filter((row) => row.pay_type !== ''),
    (row) => row.pay_type,
  )
  const byCourse = [...Map.groupBy(rows, (row) => row.course_id)]
    .flatMap(([courseId, some]) =>
      courseId === null ? [] : [{ courseId, sold: sum(some, 'sold'), fen: sum(some, 'sales_fen') }],
    )
    .sort((left, right) => right.fen - left.fen)
    .slice(0, 20)
  const titles = await titlesOf(
    db,
    byCourse.map(({ courseId }) => courseId),
  )
  const medians = rows.flatMap((row) => (row.median_seconds === null ? [] : [row.median_seconds])).sort((a, b) => a - b)
  return {
    from,
    to,
    ...totals(rows),
    secondsToAccess: medians[Math.floor(medians.length / 2)] ?? null,
    days: everyDay.map((day) => ({ day, ...totals(byDay.get(day) ?? []) })),
    methods: [...byMethod].map(([payType, some]) => {
      return { payType, sales: money(sum(some, 'sales_fen')), paidOrders: sum(some, 'paid_orders') }
    }),
    courses: byCourse.map(({ courseId, sold, fen }) => {
      return { courseId, title: titles.get(courseId) ?? '', sales: money(fen), sold }
    }),
  }
}

async function titlesOf(db: Reader, courseIds: readonly number[]): Promise<Map<number, string>> {
  if (courseIds.length === 0) return new Map()
  const rows = await db
    .selectFrom('courses')
    .select(['id', 'title'])
    .where('id', 'in', [...courseIds])
    .execute()
  return new Map(rows.map((row) => [row.id, row.title]))
}
