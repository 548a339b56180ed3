/** An order as its buyer sees it. */
import { type Static, Type } from 'typebox'
import { coverUrl } from '../catalog/courses.ts'
import type { Reader } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { readCursor, writeCursor } from '../http/cursor.ts'
import { Moment, Money, writeMoment, writeMomentOrNull } from '../http/shapes.ts'
import { formatYuan, toFen } from '../money.ts'

const PAGE = 20

export const OrderShape = Type.Object(
  {
    orderNo: Type.String(),
    subject: Type.String(),
    status: Type.Enum(['unpaid', 'paid', 'partially_refunded', 'refunded', 'cancelled', 'expired']),
    totalAmount: Money,
    payType: Type.String(),
    createdAt: Moment,
    expiresAt: Moment,
    paidAt: Type.Union([Moment, Type.Null()]),
    closedAt: Type.Union([Moment, Type.Null()]),
    tradeNo: Type.Union([Type.String(), Type.Null()], { description: "The gateway's number of the payment" }),
    lines: Type.Array(
      Type.Object({
        courseId: Type.Integer(),
        title: Type.String(),
        price: Money,
        originalPrice: Type.Union([Money, Type.Null()]),
        coverUrl: Type.String(),
        refunded: Money,
        refundable: Money,
      }),
    ),
    refunds: Type.Array(
      Type.Object({
        requestNo: Type.String(),
        amount: Money,
        status: Type.Enum(['requested', 'approved', 'sent', 'succeeded', 'refused', 'declined', 'withdrawn']),
        reason: Type.String(),
        answer: Type.String({ description: 'What the shop said to it' }),
        requestedBy: Type.Enum(['buyer', 'staff', 'shop']),
        requestedAt: Moment,
        finishedAt: Type.Union([Moment, Type.Null()]),
        lines: Type.Array(Type.Object({ courseId: Type.Integer(), amount: Money })),
      }),
    ),
  },
  { $id: 'Order' },
)

export type OrderView = Static<typeof OrderShape>

function orders(db: Reader) {
  return db
    .selectFrom('orders')
    .leftJoin('order_payments', 'order_payments.order_id', 'orders.id')
    .leftJoin('payment_attempts', 'payment_attempts.id', 'order_payments.attempt_id')
    .selectAll('orders')
    .select('payment_attempts.trade_no')
}

type OrderRow = Awaited<ReturnType<ReturnType<typeof orders>['executeTakeFirstOrThrow']>>

/** @throws ShopError ORDER_NOT_FOUND, also for an order of somebody else */
export async function readOrder(db: Reader, userId: number, orderNo: string): Promise<OrderView> {
  const row = await orders(db)
    .where('orders.order_no', '=', orderNo)
    .where('orders.user_id', '=', userId)
    .executeTakeFirst()
  const [order] = row ? await withLines(db, [row]) : []
  if (!order) throw new ShopError('ORDER_NOT_FOUND')
  return order
}

export async function listOrders(
  db: Reader,
  userId: number,
  cursor?: string,
): Promise<{ items: OrderView[]; next: string | null }> {
  const after = readCursor(cursor, ['number'])
  let select = orders(db).where('orders.user_id', '=', userId)
  if (after) select = select.where('orders.id', '<', Number(after[0]))
  const rows = await select
    .orderBy('orders.id', 'desc')
    .limit(PAGE + 1)
    .execute()
  const page = rows.slice(0, PAGE)
  const last = page.at(-1)
  return { items: await withLines(db, page), next: rows.length > PAGE && last ? writeCursor([last.id]) : null }
}

async function withLines(db: Reader, rows: readonly OrderRow[]): Promise<OrderView[]> {
  if (rows.length === 0) return []
  const ids = rows.map((row) => row.id)
  const [lines, refunds] = [
    await db
      .selectFrom('order_lines')
      .selectAll()
      .where('order_id', 'in', ids)
      .orderBy('order_id')
      .orderBy('position')
      .execute(),
    rows.some((row) => row.paid_at || row.closed_at) ? await refundsOf(db, ids) : [],
  ]
  return rows.map((row) => ({
    orderNo: row.order_no,
    subject: row.subject,
    status: row.status,
    totalAmount: formatYuan(row.total_fen),
    payType: row.pay_type,
    createdAt: writeMoment(row.created_at),
    expiresAt: writeMoment(row.expires_at),
    paidAt: writeMomentOrNull(row.paid_at),
    closedAt: writeMomentOrNull(row.closed_at),
    tradeNo: row.trade_no,
    lines: lines
      .filter((line) => line.order_id === row.id)
      .map((line) => ({
        courseId: line.course_id,
        title: line.course_title,
        price: formatYuan(line.price_fen),
        originalPrice: line.original_price_fen === null ? null : formatYuan(line.original_price_fen),
        coverUrl: coverUrl(line.course_id),
        refunded: formatYuan(line.refunded_fen),
        refundable: formatYuan(row.paid_at ? toFen(line.price_fen - line.refunded_fen) : toFen(0)),
      })),
    refunds: refunds.filter((refund) => refund.orderId === row.id).map(({ orderId: _, ...refund }) => refund),
  }))
}

async function refundsOf(db: Reader, orderIds: readonly number[]) {
  const refunds = await db
    .selectFrom('refunds')
    .selectAll()
    .where('order_id', 'in', [...orderIds])
    .orderBy('id')
    .execute()
  if (refunds.length === 0) return []
  const lines = await db
    .selectFrom('refund_lines')
    .select(['refund_id', 'course_id', 'amount_fen'])
    .where('order_id', 'in', [...orderIds])
    .execute()
  return refunds.map((refund) => ({
    orderId: refund.order_id,
    requestNo: refund.request_no,
    amount: formatYuan(refund.amount_fen),
    status: refund.status,
    reason: refund.reason,
    answer: refund.answer,
    requestedBy: refund.requested_by,
    requestedAt: writeMoment(refund.requested_at),
    finishedAt: writeMomentOrNull(refund.finished_at),
    lines: lines
      .filter((line) => line.refund_id === refund.id)
      .map((line) => ({ courseId: line.course_id, amount: formatYuan(line.amount_fen) })),
  }))
}
