/**
 * The shop's figures over some days: sales net of refunds by day, course and method, conversion of orders, and time to
 * access. They are added up from days that a job has aggregated, so the page is as fast with ten million orders as with
 * ten.
 */
import { sql } from 'kysely'
import { type Static, Type } from 'typebox'
import { dayOf, endOf, midnight } from '../beijing-day.ts'
import type { Reader } from '../db/connect.ts'
import { Moment, Money, writeMomentOrNull } from '../http/shapes.ts'
import { formatYuan, toFen } from '../money.ts'

const Signed = Type.String({ pattern: '^-?\\d+\\.\\d{2}$' })
const net = { sales: Money, refunds: Money, net: Signed }
const Seconds = Type.Union([Type.Integer(), Type.Null()])

const totals = {
  ...net,
  placedOrders: Type.Integer(),
  convertedOrders: Type.Integer({ description: 'Of the orders placed in this time, those that were paid, whenever' }),
  paidOrders: Type.Integer({ description: 'Orders paid in this time, whenever they were placed' }),
}

export const DashboardShape = Type.Object(
  {
    from: Type.String(),
    to: Type.String(),
    countedAt: Type.Union([Moment, Type.Null()], { description: 'When the last day was counted' }),
    ...totals,
    access: Type.Object(
      { orders: Type.Integer(), median: Seconds, p95: Seconds },
      {
        description:
          'Seconds from the payment at the gateway to access: half, and 95 of 100, had it within so many. Exact up to a minute, then the whole minute, after an hour the whole hour above.',
      },
    ),
    days: Type.Array(Type.Object({ day: Type.String(), ...totals })),
    methods: Type.Array(Type.Object({ payType: Type.String(), ...net, paidOrders: Type.Integer() })),
    courses: Type.Array(Type.Object({ courseId: Type.Integer(), title: Type.String(), ...net, sold: Type.Integer() }), {
      description: 'The 20 that brought in the most, net of refunds',
    }),
    otherCourses: Type.Union([Type.Object({ courses: Type.Integer(), ...net, sold: Type.Integer() }), Type.Null()], {
      description: 'All the others together',
    }),
  },
  { $id: 'Dashboard' },
)

export type Dashboard = Static<typeof DashboardShape>

const COURSES_SHOWN = 20

interface Sums {
  readonly sold: number
  readonly sales: number
  readonly refunds: number
  readonly paid: number
  readonly placed: number
  readonly converted: number
}

/** The sums of one day, of one method or course, or the total. */
interface Row extends Sums {
  readonly by: 'day' | 'method' | 'course' | 'all'
  readonly day: string | null
  readonly payType: string | null
  readonly courseId: number | null
  readonly countedAt: Date | null
}

const ZERO: Sums = { sold: 0, sales: 0, refunds: 0, paid: 0, placed: 0, converted: 0 }

/** The last `days` days in Beijing time, including today. */
export async function readDashboard(db: Reader, days: number, now: Date): Promise<Dashboard> {
  const to = dayOf(now)
  const from = dayOf(new Date(midnight(to).getTime() - (days - 1) * 86_400_000))
  const { rows } = await sql<Row>`
    select case grouping(day, pay_type, course_id) when 3 then 'day' when 5 then 'method' when 6 then 'course' else 'all' end as by,
      day, pay_type as "payType", course_id as "courseId", coalesce(sum(sold), 0)::bigint as sold,
      coalesce(sum(sales_fen), 0)::bigint as sales, coalesce(sum(refunds_fen), 0)::bigint as refunds,
      coalesce(sum(paid_orders), 0)::bigint as paid, coalesce(sum(placed_orders), 0)::bigint as placed,
      coalesce(sum(converted_orders), 0)::bigint as converted, max(counted_at) as "countedAt"
    from sales_days where day >= ${from} and day <= ${to}
    group by grouping sets ((day), (pay_type), (course_id), ())`.execute(db)
  const all = rows.find(({ by }) => by === 'all')
  const byDay = new Map(rows.flatMap((row) => (row.by === 'day' ? [[row.day, row] as const] : [])))
  const everyDay: string[] = []
  for (let day = from; day <= to; day = dayOf(endOf(day))) everyDay.push(day)
  const methods = rows.filter((row) => row.by === 'method' && row.payType !== '').sort(mostFirst)
  const courses = rows.filter((row) => row.by === 'course' && row.courseId !== null).sort(mostFirst)
  const others = courses.slice(COURSES_SHOWN)
  return {
    from,
    to,
    countedAt: writeMomentOrNull(all?.countedAt ?? null),
    ...totalsOf(all ?? ZERO),
    access: await readAccess(db, from, to),
    days: everyDay.map((day) => ({ day, ...totalsOf(byDay.get(day) ?? ZERO) })),
    methods: methods.map((row) => ({ payType: row.payType ?? '', ...moneyOf(row), paidOrders: row.paid })),
    courses: await withTitles(db, courses.slice(0, COURSES_SHOWN)),
    otherCourses: others.length === 0 ? null : { courses: others.length, ...sold(others.reduce(add, ZERO)) },
  }
}

const mostFirst = (left: Row, right: Row) =>
  right.sales - right.refunds - (left.sales - left.refunds) || (left.courseId ?? 0) - (right.courseId ?? 0)

const add = (sum: Sums, row: Sums): Sums => ({
  ...sum,
  sold: sum.sold + row.sold,
  sales: sum.sales + row.sales,
  refunds: sum.refunds + row.refunds,
})

const yuan = (fen: number) => formatYuan(toFen(fen))

const moneyOf = ({ sales, refunds }: Sums) => ({
  sales: yuan(sales),
  refunds: yuan(refunds),
  net: `${sales < refunds ? '-' : ''}${yuan(Math.abs(sales - refunds))}`,
})

const sold = (sums: Sums) => ({ ...moneyOf(sums), sold: sums.sold })

const totalsOf = (sums: Sums) => ({
  ...moneyOf(sums),
  placedOrders: sums.placed,
  convertedOrders: sums.converted,
  paidOrders: sums.paid,
})

async function withTitles(db: Reader, rows: readonly Row[]): Promise<Dashboard['courses']> {
  const ids = rows.flatMap(({ courseId }) => (courseId === null ? [] : [courseId]))
  if (ids.length === 0) return []
  const found = await db.selectFrom('courses').select(['id', 'title']).where('id', 'in', ids).execute()
  const titles = new Map(found.map(({ id, title }) => [id, title]))
  return rows.map((row) => ({ courseId: row.courseId ?? 0, title: titles.get(row.courseId ?? 0) ?? '', ...sold(row) }))
}

async function readAccess(db: Reader, from: string, to: string): Promise<Dashboard['access']> {
  const waits = await db
    .selectFrom('access_waits')
    .select((column) => ['seconds', sql<number>`${column.fn.sum('orders')}::bigint`.as('orders')])
    .where('day', '>=', from)
    .where('day', '<=', to)
    .groupBy('seconds')
    .orderBy('seconds')
    .execute()
  const orders = waits.reduce((sum, wait) => sum + wait.orders, 0)
  const within = (perCent: number): number | null => {
    let counted = 0
    for (const wait of waits) {
      counted += wait.orders
      if (counted * 100 >= orders * perCent) return wait.seconds
    }
    return null
  }
  return { orders, median: within(50), p95: within(95) }
}
