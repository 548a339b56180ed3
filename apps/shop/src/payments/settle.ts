/** The one door for money: notification, return, job and staff all come through here, and nothing else marks anything paid. */
import { sql } from 'kysely'
import type { Transaction } from '../database/connect.ts'
import { grantForOrder } from '../enrolments/access.ts'
import type { Fen } from '../money.ts'
import type { OrderStatus } from '../orders/states.ts'
import { transition } from '../orders/transition.ts'
import type { PaidNotice } from './providers/provider.ts'
import { requestRefund } from './refunds.ts'

export interface PaidAttempt extends PaidNotice {
  readonly provider: string
  /** How we know, for the order's history: "notification 12", "query". */
  readonly source: string
  readonly now: Date
}

/** What a payment did. `set-aside` is money that belongs to no unpaid order as it stands: listed, and paid back where it is ours to. */
export type Settlement =
  | { readonly outcome: 'settled' }
  | { readonly outcome: 'repeated' }
  | { readonly outcome: 'set-aside'; readonly reason: UnmatchedReason }

export type UnmatchedReason =
  | 'UNKNOWN_ATTEMPT'
  | 'AMOUNT_DIFFERS'
  | 'SECOND_TRADE'
  | 'ORDER_ALREADY_PAID'
  | 'ORDER_CLOSED'
  | 'COURSE_ALREADY_OWNED'

/**
 * Settles an attempt that its provider says was paid: attempt, order and access in the caller's transaction. Safe to
 * repeat and to race: the order's row is held, the first one wins, the rest see its result.
 */
export async function settle(tx: Transaction, paid: PaidAttempt): Promise<Settlement> {
  const attempt = await lockAttempt(tx, paid)
  if (!attempt) return setAside(tx, paid, 'UNKNOWN_ATTEMPT')
  const { order_id: orderId } = attempt
  if (attempt.amount_fen !== paid.amount) return setAside(tx, paid, 'AMOUNT_DIFFERS', { orderId })
  if (attempt.status === 'paid') {
    return attempt.trade_no === paid.tradeNo ? { outcome: 'repeated' } : setAside(tx, paid, 'SECOND_TRADE', { orderId })
  }

  await tx
    .updateTable('payment_attempts')
    .set({ status: 'paid', trade_no: paid.tradeNo, paid_at: paid.paidAt, ask_at: null })
    .where('id', '=', attempt.id)
    .execute()
  const reason = `${paid.provider} ${paid.tradeNo}, ${paid.source}`
  const order = await transition(tx, 'pay', { orderId, at: paid.now, actor: 'gateway', reason })
  if (!order) return payBack(tx, paid, closedReason(attempt.order_status), attempt)

  await tx
    .insertInto('order_payments')
    .values({ order_id: orderId, attempt_id: attempt.id, paid_at: paid.paidAt })
    .execute()
  const grant = { userId: order.userId, orderId, courseIds: order.courseIds, at: paid.now }
  for (const courseId of await grantForOrder(tx, grant)) await payBackLine(tx, paid, attempt, courseId)
  return { outcome: 'settled' }
}

type LockedAttempt = NonNullable<Awaited<ReturnType<typeof lockAttempt>>>

/** The attempt, with its order's row held: everything that changes an order takes that row first. */
async function lockAttempt(tx: Transaction, { provider, attemptNo }: PaidAttempt) {
  return tx
    .selectFrom('payment_attempts')
    .innerJoin('orders', 'orders.id', 'payment_attempts.order_id')
    .select([
      'payment_attempts.id',
      'payment_attempts.order_id',
      'payment_attempts.amount_fen',
      'payment_attempts.status',
    ])
    .select(['payment_attempts.trade_no', 'orders.status as order_status'])
    .where('payment_attempts.attempt_no', '=', attemptNo)
    .where('payment_attempts.provider', '=', provider)
    .modifyEnd(sql`for no key update of orders, payment_attempts`)
    .executeTakeFirst()
}

const closedReason = (status: OrderStatus): UnmatchedReason =>
  status === 'cancelled' || status === 'expired' ? 'ORDER_CLOSED' : 'ORDER_ALREADY_PAID'

async function setAside(
  tx: Transaction,
  paid: PaidAttempt,
  reason: UnmatchedReason,
  about: { orderId?: number; courseId?: number; amount?: Fen; refundId?: number } = {},
): Promise<Settlement> {
  await tx
    .insertInto('unmatched_payments')
    .values({
      provider: paid.provider,
      trade_no: paid.tradeNo,
      attempt_no: paid.attemptNo,
      amount_fen: about.amount ?? paid.amount,
      reason,
      order_id: about.orderId ?? null,
      course_id: about.courseId ?? null,
      refund_id: about.refundId ?? null,
      found_at: paid.now,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  return { outcome: 'set-aside', reason }
}

/** A payment that its order does not need, since it is closed or paid already: it goes back by itself, and staff see it. */
async function payBack(
  tx: Transaction,
  paid: PaidAttempt,
  reason: UnmatchedReason,
  attempt: LockedAttempt,
): Promise<Settlement> {
  const { id: attemptId, order_id: orderId } = attempt
  const refundId = await requestRefund(tx, { attemptId, orderId, amount: paid.amount, reason, now: paid.now })
  return setAside(tx, paid, reason, { orderId, refundId })
}

/** The order is paid, but one of its courses was owned already: that line's price goes back by itself. */
async function payBackLine(
  tx: Transaction,
  paid: PaidAttempt,
  attempt: LockedAttempt,
  courseId: number,
): Promise<void> {
  const { id: attemptId, order_id: orderId } = attempt
  const { price_fen: amount } = await tx
    .selectFrom('order_lines')
    .select('price_fen')
    .where('order_id', '=', orderId)
    .where('course_id', '=', courseId)
    .executeTakeFirstOrThrow()
  if (amount === 0) return
  const reason = 'COURSE_ALREADY_OWNED'
  const refundId = await requestRefund(tx, { attemptId, orderId, courseId, amount, reason, now: paid.now })
  await setAside(tx, paid, reason, { orderId, courseId, amount, refundId })
}
