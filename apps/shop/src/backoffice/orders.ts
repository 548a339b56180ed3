/** Orders as staff find them: by number, buyer, course, amount, date, status, method; newest first, page by page. */
import { type Static, Type } from 'typebox'
import type { Reader } from '../database/connect.ts'
import { readCursor, writeCursor } from '../http/cursor.ts'
import { Moment, Money, writeMoment, writeMomentOrNull } from '../http/shapes.ts'
import { formatYuan, parseYuan, sumFen } from '../money.ts'
import { ORDER_STATUSES, type OrderStatus } from '../orders/states.ts'

const PAGE = 30
const DAY_MS = 86_400_000

export const BuyerShape = Type.Object({ id: Type.Integer(), username: Type.String(), displayName: Type.String() })

export const orderRowFields = {
  orderNo: Type.String(),
  subject: Type.String(),
  status: Type.Enum([...ORDER_STATUSES]),
  totalAmount: Money,
  refundedAmount: Type.Union([Money], { description: 'Gone back, or on its way' }),
  payType: Type.String(),
  buyer: BuyerShape,
  createdAt: Moment,
  paidAt: Type.Union([Moment, Type.Null()]),
  tradeNo: Type.Union([Type.String(), Type.Null()], { description: "The gateway's number of the payment" }),
}

export const OrderRowShape = Type.Object(orderRowFields, { $id: 'AdminOrderRow' })

export type OrderRowView = Static<typeof OrderRowShape>

export interface OrderSearch {
  /** An order's, attempt's or gateway's number, a buyer's name, a course's title, or an amount. */
  readonly q?: string | undefined
  readonly status?: OrderStatus | undefined
  readonly payType?: string | undefined
  /** Beijing days, both included. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly cursor?: string | undefined
}

const orders = (db: Reader) =>
  db
    .selectFrom('orders')
    .innerJoin('users', 'users.id', 'orders.user_id')
    .leftJoin('order_payments', 'order_payments.order_id', 'orders.id')
    .leftJoin('payment_attempts', 'payment_attempts.id', 'order_payments.attempt_id')
    .selectAll('orders')
    .select(['users.username', 'users.display_name', 'payment_attempts.trade_no'])

export type OrderRow = Awaited<ReturnType<ReturnType<typeof orders>['executeTakeFirstOrThrow']>>

export const orderNumbered = (db: Reader, orderNo: string): Promise<OrderRow | undefined> =>
  orders(db).where('orders.order_no', '=', orderNo).executeTakeFirst()

export async function searchOrders(
  db: Reader,
  search: OrderSearch,
): Promise<{ items: OrderRowView[]; next: string | null }> {
  const { q, status, payType, from, to } = search
  const after = readCursor(search.cursor, ['number'])
  let select = orders(db)
  if (status) select = select.where('orders.status', '=', status)
  if (payType) select = select.where('orders.pay_type', '=', payType)
  if (from) select = select.where('orders.created_at', '>=', beijingMidnight(from))
  if (to) select = select.where('orders.created_at', '<', new Date(beijingMidnight(to).getTime() + DAY_MS))
  if (after) select = select.where('orders.id', '<', Number(after[0]))
  const words = q?.trim()
  if (words) select = select.where('orders.id', 'in', matching(db, words))
  const rows = await select
    .orderBy('orders.id', 'desc')
    .limit(PAGE + 1)
    .execute()
  const page = rows.slice(0, PAGE)
  const last = page.at(-1)
  return { items: await writeRows(db, page), next: rows.length > PAGE && last ? writeCursor([last.id]) : null }
}

/** Numbers are looked up whole; names and titles by their beginning; an amount as what the order cost. */
function matching(db: Reader, words: string) {
  const amount = parseYuan(words)
  const start = `${words.replace(/[\\%_]/g, '\\$&').toLowerCase()}%`
  const byNumber = db
    .selectFrom('payment_attempts')
    .select('order_id as id')
    .where((where) => where.or([where('attempt_no', '=', words), where('trade_no', '=', words)]))
    .unionAll(db.selectFrom('orders').select('id').where('order_no', '=', words))
  if (/^[0-9a-f]{32}$|^\d{20,32}$/.test(words)) return byNumber
  const byName = byNumber
    .unionAll(
      db
        .selectFrom('orders')
        .innerJoin('users', 'users.id', 'orders.user_id')
        .select('orders.id')
        .where((where) => where(where.fn('lower', ['users.username']), 'like', start)),
    )
    .unionAll(
      db
        .selectFrom('order_lines')
        .innerJoin('courses', 'courses.id', 'order_lines.course_id')
        .select('order_id as id')
        .where((where) => where(where.fn('lower', ['courses.title']), 'like', `%${start}`)),
    )
  if (amount === undefined) return byName
  return byName.unionAll(db.selectFrom('orders').select('id').where('total_fen', '=', amount))
}

export async function writeRows(db: Reader, rows: readonly OrderRow[]): Promise<OrderRowView[]> {
  if (rows.length === 0) return []
  const lines = await db
    .selectFrom('order_lines')
    .select(['order_id', 'refunded_fen'])
    .where(
      'order_id',
      'in',
      rows.map((row) => row.id),
    )
    .execute()
  return rows.map((row) => ({
    orderNo: row.order_no,
    subject: row.subject,
    status: row.status,
    totalAmount: formatYuan(row.total_fen),
    refundedAmount: formatYuan(
      sumFen(lines.filter((line) => line.order_id === row.id).map((line) => line.refunded_fen)),
    ),
    payType: row.pay_type,
    buyer: { id: row.user_id, username: row.username, displayName: row.display_name },
    createdAt: writeMoment(row.created_at),
    paidAt: writeMomentOrNull(row.paid_at),
    tradeNo: row.trade_no,
  }))
}

/** The beginning of a Beijing day (`YYYY-MM-DD`). */
const beijingMidnight = (day: string): Date => new Date(`${day}T00:00:00+08:00`)
