/** An order as its buyer sees it. */
import type { ExpressionBuilder } from 'kysely'
import { jsonArrayFrom } from 'kysely/helpers/postgres'
import { type Static, Type } from 'typebox'
import { coverUrl } from '../catalog/courses.ts'
import { isAnyOf } from '../database/any-of.ts'
import { inBatches } from '../database/batches.ts'
import { builtOnce } from '../database/built-once.ts'
import type { Reader } from '../database/connect.ts'
import type { Tables } from '../database/tables.ts'
import { ShopError } from '../errors.ts'
import { readCursor, writeCursor } from '../http/cursor.ts'
import { Moment, Money, writeMoment, writeMomentOrNull } from '../http/shapes.ts'
import { formatYuan, sumFen, toFen } from '../money.ts'

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
    refundable: Type.String({
      ...Money,
      description: 'Of all lines together: less than their sum where money went back for no line that is known',
    }),
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

/** An order with its lines and refunds in one statement; money as whole numbers, times as text. */
function orders(db: Reader) {
  return db
    .selectFrom('orders')
    .leftJoin('order_payments', 'order_payments.order_id', 'orders.id')
    .leftJoin('payment_attempts', 'payment_attempts.id', 'order_payments.attempt_id')
    .select(['orders.id', 'order_no', 'subject', 'orders.status', 'total_fen', 'pay_type'])
    .select(['orders.created_at', 'expires_at', 'orders.paid_at', 'closed_at', 'payment_attempts.trade_no'])
    .select(['payment_attempts.amount_fen as came_fen', 'payment_attempts.refunded_fen as back_fen'])
    .select((order) => [linesOf(order).as('lines'), refundsOf(order).as('refunds')])
}

type OrderColumns = ExpressionBuilder<Tables, 'orders'>

const linesOf = (order: OrderColumns) =>
  jsonArrayFrom(
    order
      .selectFrom('order_lines')
      .select(['course_id', 'course_title', 'order_lines.price_fen', 'order_lines.original_price_fen', 'refunded_fen'])
      // Not a join: planned while courses are few, it would go over all of them for every line.
      .select((line) =>
        line.selectFrom('courses').select('cover').whereRef('courses.id', '=', 'order_lines.course_id').as('cover'),
      )
      .whereRef('order_lines.order_id', '=', 'orders.id')
      .orderBy('position'),
  )

const refundsOf = (order: OrderColumns) =>
  jsonArrayFrom(
    order
      .selectFrom('refunds')
      .select(['request_no', 'amount_fen', 'refunds.status', 'reason', 'answer', 'requested_by'])
      .select(['requested_at', 'finished_at'])
      .select((refund) =>
        jsonArrayFrom(
          refund
            .selectFrom('refund_lines')
            .select(['course_id', 'amount_fen'])
            .whereRef('refund_lines.refund_id', '=', 'refunds.id'),
        ).as('lines'),
      )
      .whereRef('refunds.order_id', '=', 'orders.id')
      .orderBy('refunds.id'),
  )

type OrderRow = Awaited<ReturnType<ReturnType<typeof orders>['executeTakeFirstOrThrow']>>

/** @throws ShopError ORDER_NOT_FOUND, also for an order of somebody else */
export async function readOrder(db: Reader, userId: number, orderNo: string): Promise<OrderView> {
  const [row] = await readOrders(db)([orderNo])
  return viewFor(userId, row)
}

/** An order's id. @throws ShopError ORDER_NOT_FOUND, also for an order of another buyer where one is named */
export async function orderNumbered(db: Reader, orderNo: string, userId?: number): Promise<number> {
  let select = db.selectFrom('orders').select('id').where('order_no', '=', orderNo)
  if (userId !== undefined) select = select.where('user_id', '=', userId)
  const order = await select.executeTakeFirst()
  if (!order) throw new ShopError('ORDER_NOT_FOUND')
  return order.id
}

/** Reads orders for many who ask at once, each at the state it has after it was asked for. */
export interface OrderReader {
  /**
   * Reads the order while it is found out who asks: the two do not wait for each other, and nothing is said before both are known.
   * @throws ShopError ORDER_NOT_FOUND, also for an order of somebody else; and what `userId` throws
   */
  read(userId: number | Promise<number>, orderNo: string): Promise<OrderView>
}

export function createOrderReader(db: Reader): OrderReader {
  const ask = inBatches(readOrders(db))
  return {
    async read(userId, orderNo) {
      const [reader, row] = await Promise.all([userId, ask(orderNo)])
      return viewFor(reader, row)
    },
  }
}

/** In the order of their numbers; undefined for a number that no order has. */
function readOrders(db: Reader) {
  const numbered = builtOnce((orderNos: readonly string[]) =>
    orders(db)
      .select('orders.user_id')
      .where((order) => isAnyOf(order.ref('orders.order_no'), orderNos, 'text')),
  )
  return async (orderNos: readonly string[]) => {
    const { rows } = await db.executeQuery(numbered(orderNos))
    const byNumber = new Map(rows.map((row) => [row.order_no, row]))
    return orderNos.map((orderNo) => byNumber.get(orderNo))
  }
}

function viewFor(userId: number, row: (OrderRow & { user_id: number }) | undefined): OrderView {
  if (row?.user_id !== userId) throw new ShopError('ORDER_NOT_FOUND')
  return toView(row)
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
  return { items: page.map(toView), next: rows.length > PAGE && last ? writeCursor([last.id]) : null }
}

function toView(row: OrderRow): OrderView {
  const left = leftOf(row)
  const linesLeft = row.lines.map((line) => Math.min(line.price_fen - line.refunded_fen, left))
  return {
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
    refundable: formatYuan(toFen(Math.min(sumFen(linesLeft.map(toFen)), left))),
    lines: row.lines.map((line, index) => ({
      courseId: line.course_id,
      title: line.course_title,
      price: formatYuan(line.price_fen),
      originalPrice: line.original_price_fen === null ? null : formatYuan(line.original_price_fen),
      coverUrl: coverUrl(line.course_id, line.cover),
      refunded: formatYuan(line.refunded_fen),
      refundable: formatYuan(toFen(linesLeft[index] ?? 0)),
    })),
    refunds: row.refunds.map((refund) => ({
      requestNo: refund.request_no,
      amount: formatYuan(refund.amount_fen),
      status: refund.status,
      reason: refund.reason,
      answer: refund.answer,
      requestedBy: refund.requested_by,
      requestedAt: writeMoment(new Date(refund.requested_at)),
      finishedAt: refund.finished_at === null ? null : writeMoment(new Date(refund.finished_at)),
      lines: refund.lines.map((line) => ({ courseId: line.course_id, amount: formatYuan(line.amount_fen) })),
    })),
  }
}

/** What went back for no line that is known is gone all the same. */
function leftOf({ status, came_fen, back_fen }: OrderRow): number {
  if (status !== 'paid' && status !== 'partially_refunded') return 0
  return came_fen === null || back_fen === null ? 0 : came_fen - back_fen
}
