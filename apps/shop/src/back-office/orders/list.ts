/**
 * Order search for the back office: by number, buyer, course, amount, date, status or method; newest first, paginated.
 */
import { sql } from 'kysely'
import { jsonArrayFrom } from 'kysely/helpers/postgres'
import { type Static, Type } from 'typebox'
import type { Reader } from '../../db/connect.ts'
import { cutPage, type Page, readCursor } from '../../http/cursor.ts'
import { Moment, Money, writeMoment, writeMomentOrNull } from '../../http/shapes.ts'
import { formatYuan, toFen } from '../../money.ts'
import { ORDER_STATUSES } from '../../orders/states.ts'
import { findOrders } from './find.ts'
import type { OrderSearch } from './search.ts'

const PAGE = 30

export const BuyerShape = Type.Object({ id: Type.Integer(), username: Type.String(), displayName: Type.String() })

export const orderRowFields = {
  orderNo: Type.String(),
  subject: Type.String(),
  status: Type.Enum([...ORDER_STATUSES]),
  totalAmount: Money,
  refundedAmount: Type.Union([Money], { description: 'What of its payment has gone back, by hand as well' }),
  refundingAmount: Type.Union([Money], { description: 'What is on its way back; not what nobody has decided yet' }),
  payType: Type.String(),
  buyer: BuyerShape,
  createdAt: Moment,
  paidAt: Type.Union([Moment, Type.Null()], { description: "The gateway's own time" }),
  refundsMade: Type.Array(Type.Object({ at: Moment, amount: Money }), {
    description: "What has gone back, each at the gateway's own time, the oldest first",
  }),
  tradeNo: Type.Union([Type.String(), Type.Null()], { description: "The gateway's number of the payment" }),
}

export const OrderRowShape = Type.Object(orderRowFields, { $id: 'AdminOrderRow' })

export type OrderRowView = Static<typeof OrderRowShape>

const orders = (db: Reader) =>
  db
    .selectFrom('orders')
    .innerJoin('users', 'users.id', 'orders.user_id')
    .leftJoin('order_payments', 'order_payments.order_id', 'orders.id')
    .leftJoin('payment_attempts', 'payment_attempts.id', 'order_payments.attempt_id')
    .selectAll('orders')
    .select(['users.username', 'users.display_name', 'payment_attempts.trade_no'])
    .select('order_payments.paid_at as came_at')
    .select(['payment_attempts.reserved_fen', 'payment_attempts.refunded_fen'])
    .select((order) =>
      jsonArrayFrom(
        order
          .selectFrom('refunds')
          .select(['refunds.made_at', 'refunds.amount_fen'])
          .whereRef('refunds.attempt_id', '=', 'order_payments.attempt_id')
          .where('refunds.status', '=', 'succeeded')
          .orderBy('refunds.made_at'),
      ).as('made'),
    )
    .select((order) =>
      order
        .selectFrom('refunds')
        .select((refund) => refund.fn.coalesce(refund.fn.sum<number>('refunds.amount_fen'), sql.lit(0)).as('fen'))
        .whereRef('refunds.attempt_id', '=', 'order_payments.attempt_id')
        .where('refunds.status', '=', 'requested')
        .as('requested_fen'),
    )

export type OrderRow = Awaited<ReturnType<ReturnType<typeof orders>['executeTakeFirstOrThrow']>>

export const orderNumbered = (db: Reader, orderNo: string): Promise<OrderRow | undefined> =>
  orders(db).where('orders.order_no', '=', orderNo).executeTakeFirst()

/** @throws ShopError INVALID_INPUT for an invalid cursor */
export async function searchOrders(
  db: Reader,
  { cursor, ...search }: OrderSearch & { cursor?: string },
): Promise<Page<OrderRowView> & { tooMany: boolean }> {
  const before = readCursor(cursor, ['number'])?.map(Number)[0]
  const { ids, tooMany } = await findOrders(db, search, PAGE + 1, before)
  const { page, next } = cutPage(ids, PAGE, (id) => [id])
  return { items: await readRows(db, page), next, tooMany }
}

/** The orders with these ids, newest first. */
export async function readRows(db: Reader, ids: readonly number[]): Promise<OrderRowView[]> {
  if (ids.length === 0) return []
  const rows = await orders(db)
    .where('orders.id', 'in', [...ids])
    .execute()
  return rows.sort((left, right) => right.id - left.id).map(writeRow)
}

export const writeRow = (row: OrderRow): OrderRowView => ({
  orderNo: row.order_no,
  subject: row.subject,
  status: row.status,
  totalAmount: formatYuan(row.total_fen),
  refundedAmount: formatYuan(row.refunded_fen ?? toFen(0)),
  refundingAmount: formatYuan(toFen((row.reserved_fen ?? 0) - Number(row.requested_fen))),
  payType: row.pay_type,
  buyer: { id: row.user_id, username: row.username, displayName: row.display_name },
  createdAt: writeMoment(row.created_at),
  paidAt: writeMomentOrNull(row.came_at),
  refundsMade: row.made.map(({ made_at, amount_fen }) => ({
    at: writeMoment(new Date(made_at ?? 0)),
    amount: formatYuan(amount_fen),
  })),
  tradeNo: row.trade_no,
})
