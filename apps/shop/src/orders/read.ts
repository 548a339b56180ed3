/** An order as its buyer sees it. */
import type { ExpressionBuilder } from 'kysely'
import { jsonArrayFrom } from 'kysely/helpers/postgres'
import { type Static, Type } from 'typebox'
import { coverUrl } from '../catalog/courses.ts'
import type { Reader } from '../db/connect.ts'
import { isInArray } from '../db/statements/array-parameter.ts'
import { batchLoader } from '../db/statements/batch-loader.ts'
import { compiledQuery } from '../db/statements/compiled-query.ts'
import type { Tables } from '../db/tables.generated.ts'
import { ShopError } from '../errors.ts'
import { cursorPage, type Page } from '../http/cursor.ts'
import { Moment, Money, writeMoment, writeMomentOrNull } from '../http/shapes.ts'
import { formatYuan, sumFen, toFen } from '../money.ts'
import { leftOf } from './lines.ts'

const PAGE = 20

/** The path parameter of routes for one order. */
export const OrderNo = Type.Object({ orderNo: Type.String({ minLength: 1, maxLength: 64 }) })

export const OrderShape = Type.Object(
  {
    orderNo: Type.String(),
    subject: Type.String(),
    status: Type.Enum(['unpaid', 'paid', 'partially_refunded', 'refunded', 'cancelled', 'expired']),
    totalAmount: Money,
    paymentCheck: Type.Enum(['known', 'unanswered'], {
      description:
        '`unanswered`: the gateway of a payment that may have been made was asked and has not answered since. Whether the order was paid is not known then, whatever its status says',
    }),
    payType: Type.String(),
    createdAt: Moment,
    expiresAt: Moment,
    paidAt: Type.Union([Moment, Type.Null()], { description: "The gateway's own time" }),
    closedAt: Type.Union([Moment, Type.Null()]),
    tradeNo: Type.Union([Type.String(), Type.Null()], { description: "The gateway's number of the payment" }),
    replacedBy: Type.Union([Type.String(), Type.Null()], {
      description: 'The order that took the payment of this one, since it arrived after this one had expired',
    }),
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
        reserved: { ...Money, description: 'For refunds that are requested or on their way' },
        refunded: { ...Money, description: 'Has gone back' },
        refundable: Money,
      }),
    ),
    refunds: Type.Array(
      Type.Object({
        requestNo: Type.String(),
        amount: Money,
        status: Type.Enum(['requested', 'approved', 'sent', 'succeeded', 'refused', 'declined', 'withdrawn']),
        reason: Type.String(),
        stopped: Type.Boolean({ description: 'Whether it is refused because the shop stopped it' }),
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

/** An order with its lines and refunds in one statement; money as integers, times as text. */
function orders(db: Reader) {
  return db
    .selectFrom('orders')
    .leftJoin('order_payments', 'order_payments.order_id', 'orders.id')
    .leftJoin('payment_attempts', 'payment_attempts.id', 'order_payments.attempt_id')
    .select(['orders.id', 'order_no', 'subject', 'orders.status', 'total_fen', 'pay_type'])
    .select(['orders.created_at', 'expires_at', 'order_payments.paid_at', 'closed_at', 'payment_attempts.trade_no'])
    .select([
      'payment_attempts.amount_fen as came_fen',
      'payment_attempts.reserved_fen',
      'payment_attempts.refunded_fen',
    ])
    .select((order) =>
      order
        .selectFrom('orders as other')
        .select('other.order_no')
        .whereRef('other.id', '=', 'orders.replaced_by')
        .as('replaced_by'),
    )
    .select((order) => [linesOf(order).as('lines'), refundsOf(order).as('refunds'), unanswered(order).as('unanswered')])
}

type OrderColumns = ExpressionBuilder<Tables, 'orders'>

const linesOf = (order: OrderColumns) =>
  jsonArrayFrom(
    order
      .selectFrom('order_lines')
      .select(['course_id', 'course_title', 'order_lines.price_fen', 'order_lines.original_price_fen'])
      .select(['order_lines.reserved_fen', 'order_lines.refunded_fen'])
      // Not a join: a plan made while there are few courses would scan all of them for every line.
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
      .select(['request_no', 'amount_fen', 'refunds.status', 'reason', 'answer', 'requested_by', 'stopped'])
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

/** Attempts that may still be paid, and whose gateway did not answer the last query. */
const unanswered = (order: OrderColumns) =>
  order.exists(
    order
      .selectFrom('payment_attempts')
      .select('payment_attempts.id')
      .whereRef('payment_attempts.order_id', '=', 'orders.id')
      .where('unanswered_since', 'is not', null)
      .where((attempt) =>
        attempt.or([attempt('payment_attempts.status', '=', 'open'), attempt('ask_at', 'is not', null)]),
      ),
  )

type OrderRow = Awaited<ReturnType<ReturnType<typeof orders>['executeTakeFirstOrThrow']>>

/** @throws ShopError ORDER_NOT_FOUND, also for another buyer's order */
export async function readOrder(db: Reader, userId: number, orderNo: string): Promise<OrderView> {
  const [row] = await readOrders(db)([orderNo])
  return viewFor(userId, row)
}

/** An order's id. @throws ShopError ORDER_NOT_FOUND, also for another buyer's order if `userId` is given */
export async function findOrderId(db: Reader, orderNo: string, userId?: number): Promise<number> {
  let select = db.selectFrom('orders').select('id').where('order_no', '=', orderNo)
  if (userId !== undefined) select = select.where('user_id', '=', userId)
  const order = await select.executeTakeFirst()
  if (!order) throw new ShopError('ORDER_NOT_FOUND')
  return order.id
}

/** Reads orders for many concurrent requests, each as it is after the request was made. */
export interface OrderReader {
  /**
   * Reads the order while the user is being identified: neither waits for the other, and nothing is returned before
   * both are known.
   * @throws ShopError ORDER_NOT_FOUND, also for another buyer's order; and whatever `userId` rejects with
   */
  read(userId: number | Promise<number>, orderNo: string): Promise<OrderView>
}

export function createOrderReader(db: Reader): OrderReader {
  const ask = batchLoader(readOrders(db))
  return {
    async read(userId, orderNo) {
      const [reader, row] = await Promise.all([userId, ask(orderNo)])
      return viewFor(reader, row)
    },
  }
}

/** In the order of the given numbers; undefined for an unknown number. */
function readOrders(db: Reader) {
  const numbered = compiledQuery((orderNos: readonly string[]) =>
    orders(db)
      .select('orders.user_id')
      .where((order) => isInArray(order.ref('orders.order_no'), orderNos, 'text')),
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

export const listOrders = (db: Reader, userId: number, cursor?: string): Promise<Page<OrderView>> =>
  cursorPage({
    cursor,
    query: orders(db).where('orders.user_id', '=', userId),
    key: 'orders.id',
    size: PAGE,
    view: (rows) => rows.map(toView),
  })

const NOT_PAID: ReadonlySet<OrderRow['status']> = new Set(['unpaid', 'cancelled', 'expired'])

function toView(row: OrderRow): OrderView {
  const left = refundableOf(row)
  const linesLeft = row.lines.map((line) => Math.min(leftOf(line.price_fen, line), left))
  return {
    orderNo: row.order_no,
    subject: row.subject,
    status: row.status,
    totalAmount: formatYuan(row.total_fen),
    paymentCheck: row.unanswered && NOT_PAID.has(row.status) ? 'unanswered' : 'known',
    payType: row.pay_type,
    createdAt: writeMoment(row.created_at),
    expiresAt: writeMoment(row.expires_at),
    paidAt: writeMomentOrNull(row.paid_at),
    closedAt: writeMomentOrNull(row.closed_at),
    tradeNo: row.trade_no,
    replacedBy: row.replaced_by,
    refundable: formatYuan(toFen(Math.min(sumFen(linesLeft.map(toFen)), left))),
    lines: row.lines.map((line, index) => ({
      courseId: line.course_id,
      title: line.course_title,
      price: formatYuan(line.price_fen),
      originalPrice: line.original_price_fen === null ? null : formatYuan(line.original_price_fen),
      coverUrl: coverUrl(line.course_id, line.cover),
      reserved: formatYuan(line.reserved_fen),
      refunded: formatYuan(line.refunded_fen),
      refundable: formatYuan(toFen(linesLeft[index] ?? 0)),
    })),
    refunds: row.refunds.map((refund) => ({
      requestNo: refund.request_no,
      amount: formatYuan(refund.amount_fen),
      status: refund.status,
      reason: refund.reason,
      stopped: refund.status === 'refused' && refund.stopped,
      answer: refund.answer,
      requestedBy: refund.requested_by,
      requestedAt: writeMoment(new Date(refund.requested_at)),
      finishedAt: refund.finished_at === null ? null : writeMoment(new Date(refund.finished_at)),
      lines: refund.lines.map((line) => ({ courseId: line.course_id, amount: formatYuan(line.amount_fen) })),
    })),
  }
}

/** A refund for no known line still reduces what is left. */
function refundableOf({ status, came_fen, reserved_fen, refunded_fen }: OrderRow): number {
  if (status !== 'paid' && status !== 'partially_refunded') return 0
  return came_fen === null || reserved_fen === null || refunded_fen === null
    ? 0
    : leftOf(came_fen, { reserved_fen, refunded_fen })
}
