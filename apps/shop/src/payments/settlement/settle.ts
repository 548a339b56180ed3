/**
 * The only way in for money: notifications, returning buyers, jobs and staff all settle through here, and nothing else
 * marks anything as paid.
 */

import { sql } from 'kysely'
import { faultPoint } from '#fault-point'
import type { Reader, Transaction } from '../../db/connect.ts'
import { pipeline } from '../../db/statements/pipeline.ts'
import { grantsForOrder, revokeForOrder } from '../../enrolments/access.ts'
import { enqueue } from '../../jobs/enqueue.ts'
import { type Fen, toFen } from '../../money.ts'
import { publishOrder } from '../../orders/events.ts'
import { historyLines } from '../../orders/history.ts'
import { replaceExpired } from '../../orders/replace.ts'
import { allows } from '../../orders/state-table.ts'
import { ORDER_TRANSITIONS, type OrderStatus } from '../../orders/states.ts'
import { type HeldOrder, lockOrder, orderHistoryEntry, orderUpdate } from '../../orders/transition.ts'
import { attemptHistoryEntry, attemptUpdate, openAttemptsOf } from '../attempts/attempts.ts'
import { ATTEMPT_TRANSITIONS } from '../attempts/states.ts'
import { refundLines, refundPayment } from '../refunds/create.ts'
import { CLOSE_ATTEMPTS } from '../tasks.ts'
import { recordTrialMoney } from '../trials/money.ts'
import type { PaidAttempt, Settlement, UnmatchedReason } from './outcome.ts'
import { mayBePaidAt } from './paid-at-merchant.ts'
import { recordUnmatched } from './unmatched.ts'

/**
 * Settles an attempt that its provider reports as paid: attempt, order and access in the caller's transaction. Safe to
 * repeat and to run concurrently: the order's row is locked, the first one wins, the rest see its result.
 * @param held the rows found by `attemptToSettle` in this transaction, if the caller has run it already
 */
export async function settle(tx: Transaction, paid: PaidAttempt, held?: AttemptToSettle): Promise<Settlement> {
  // A concurrent late payment may have moved this attempt to a new order; retry once to see it.
  const attempt = held ?? (await lockAttempt(tx, paid)) ?? (await lockAttempt(tx, paid))
  if (!attempt) return settleTrial(tx, paid)
  if (!mayBePaidAt(attempt.merchant, paid)) return recordAsUnmatched(tx, paid, 'UNKNOWN_ATTEMPT')
  const served = attempt.status === 'paid' && attempt.trade_no === paid.tradeNo
  // A report about a payment that is settled already: with another amount it is wrong, and is not about any other
  // money.
  if (served && attempt.amount_fen !== paid.amount) return { outcome: 'unmatched', reason: 'AMOUNT_DIFFERS' }
  // guard: notification-amount
  if (attempt.amount_fen !== paid.amount)
    return recordAsUnmatched(tx, paid, 'AMOUNT_DIFFERS', { orderId: attempt.order_id })
  // guard: settled-once
  if (attempt.status === 'paid') {
    if (served) return { outcome: 'repeated' }
    return recordAsUnmatched(tx, paid, 'SECOND_TRADE', { orderId: attempt.order_id })
  }

  const replacement =
    attempt.order_status === 'expired' &&
    (await replaceExpired(tx, { orderId: attempt.order_id, attemptNo: paid.attemptNo, now: paid.now }))
  const order = replacement ? await lockOrder(tx, replacement) : orderOf(attempt)
  if (!order) throw new Error('An order that was just made is not there.')
  faultPoint('settle: order held')
  const by = { actor: 'gateway' } as const
  const { provider, tradeNo, source, replayed } = paid
  const cause = { at: paid.now, by, reason: { code: 'PAID', provider, tradeNo, source, ...replayed } } as const
  const at = paid.from ? { merchant: paid.from.merchant } : {}
  const set = { trade_no: paid.tradeNo, paid_at: paid.paidAt, ask_at: null, order_id: order.id, ...at }
  const move = { attemptNo: paid.attemptNo, ...cause, set }
  // guard: attempt-may-be-paid
  if (!allows(ATTEMPT_TRANSITIONS, 'pay', attempt.status, by)) throw new Error(`An attempt is ${attempt.status}.`)
  // guard: order-may-be-paid
  if (!allows(ORDER_TRANSITIONS, 'pay', order.status, by)) {
    await pipeline(
      tx,
      attemptUpdate(tx, 'pay', attempt, move),
      historyLines(tx, attemptHistoryEntry('pay', attempt, move)),
    )
    faultPoint('settle: attempt paid')
    return refundUnneeded(tx, paid, closedReason(attempt.order_status), attempt)
  }

  const { id: orderId, user_id: userId, course_ids: courseIds } = order
  const settled = await tx
    .with('attempt', (rows) => attemptUpdate(rows, 'pay', attempt, move))
    // The payment may come through an old link with another method than the one chosen last.
    .with('paid', (rows) => orderUpdate(rows, 'pay', order, cause).set({ pay_type: paid.provider }))
    .with('payment', (rows) =>
      rows.insertInto('order_payments').values({ order_id: orderId, attempt_id: attempt.id, paid_at: paid.paidAt }),
    )
    // It may have been recorded as unmatched before, when it was reported with another amount.
    .with('unlisted', (rows) =>
      rows
        .updateTable('unmatched_payments')
        .set({ resolved_at: paid.now, resolution: 'settled' })
        .where('provider', '=', paid.provider)
        .where('trade_no', '=', paid.tradeNo)
        .where('resolved_at', 'is', null),
    )
    .with('granted', (rows) => grantsForOrder(rows, { userId, orderId, courseIds, at: paid.now }))
    .with('told', (rows) =>
      historyLines(rows, attemptHistoryEntry('pay', attempt, move), orderHistoryEntry('pay', order, cause)),
    )
    .selectNoFrom((rows) => [
      rows
        .selectFrom('granted')
        .select(sql<number[]>`coalesce(array_agg(course_id), '{}')`.as('courses'))
        .as('granted'),
      rows.exists(openAttemptsOf(tx, orderId).where('id', '<>', attempt.id)).as('others_open'),
    ])
    .executeTakeFirstOrThrow()
  faultPoint('settle: access granted')
  await publishOrder(tx, order.order_no)
  if (settled.others_open) await enqueue(tx, CLOSE_ATTEMPTS, { orderId })
  const given = new Set(settled.granted)
  // Courses that the buyer owned already through another order: they were paid for twice.
  const owned = courseIds.filter((courseId) => !given.has(courseId))
  // guard: owned-course-refunded
  if (owned.length > 0) await refundOwnedLines(tx, paid, orderId, owned)
  if (paid.isRefunded) await withholdAccess(tx, paid, orderId, courseIds)
  return { outcome: 'settled' }
}

/** A number that is not an order's attempt may be a trial payment's. */
async function settleTrial(tx: Transaction, paid: PaidAttempt): Promise<Settlement> {
  const taken = await recordTrialMoney(tx, paid)
  return typeof taken === 'string' ? recordAsUnmatched(tx, paid, taken) : taken
}

/** The attempt and its order, both rows locked. */
export type AttemptToSettle = NonNullable<Awaited<ReturnType<typeof lockAttempt>>>

const lockAttempt = (tx: Transaction, paid: PaidAttempt) => attemptToSettle(tx, paid).executeTakeFirst()

/** Builds the query that locks the attempt and its order. */
export const attemptToSettle = (db: Reader, { provider, attemptNo }: Pick<PaidAttempt, 'provider' | 'attemptNo'>) =>
  db
    .selectFrom('payment_attempts')
    .innerJoin('orders', 'orders.id', 'payment_attempts.order_id')
    .select([
      'payment_attempts.id',
      'payment_attempts.order_id',
      'payment_attempts.amount_fen',
      'payment_attempts.status',
      'payment_attempts.trade_no',
      'payment_attempts.merchant',
    ])
    .select(['orders.status as order_status', 'orders.order_no', 'orders.user_id', 'orders.course_ids'])
    .where('payment_attempts.attempt_no', '=', attemptNo)
    .where('payment_attempts.provider', '=', provider)
    // guard: settlement-locks
    .modifyEnd(sql`for no key update of orders, payment_attempts`)

const orderOf = ({
  order_id: id,
  order_status: status,
  order_no,
  user_id,
  course_ids,
}: AttemptToSettle): HeldOrder => ({
  ...{ id, status, order_no, user_id, course_ids },
})

type ClosedReason = 'ORDER_CLOSED' | 'ORDER_ALREADY_PAID'

const closedReason = (status: OrderStatus): ClosedReason =>
  status === 'cancelled' || status === 'expired' ? 'ORDER_CLOSED' : 'ORDER_ALREADY_PAID'

async function recordAsUnmatched(
  tx: Transaction,
  paid: PaidAttempt,
  reason: UnmatchedReason,
  about: { orderId?: number; courseId?: number; amount?: Fen; refundId?: number } = {},
): Promise<Settlement> {
  const { provider, tradeNo, attemptNo, now, from } = paid
  const { amount = paid.amount, orderId = null, courseId, refundId } = about
  const merchant = from?.merchant ?? null
  const payment = { provider, tradeNo, attemptNo, amount, reason, orderId, courseId, refundId, now, merchant }
  await recordUnmatched(tx, payment)
  return { outcome: 'unmatched', reason }
}

/**
 * A payment that its order does not need, since it is closed or paid already: it is refunded automatically and shown to
 * staff.
 */
async function refundUnneeded(
  tx: Transaction,
  paid: PaidAttempt,
  reason: ClosedReason,
  { id: attemptId, order_id: orderId }: AttemptToSettle,
): Promise<Settlement> {
  // guard: unneeded-payment-refunded
  const refundId = await refundPayment(tx, { attemptId, orderId, paid, reason })
  faultPoint('settle: refund booked')
  return recordAsUnmatched(tx, paid, reason, { orderId, refundId })
}

/**
 * The order is paid, but money of it went back before we heard of it, and how much is not known before the bill: no
 * access until staff have seen to it.
 */
async function withholdAccess(
  tx: Transaction,
  paid: PaidAttempt,
  orderId: number,
  courseIds: readonly number[],
): Promise<void> {
  const reason = 'REFUNDED_THERE'
  await revokeForOrder(tx, { orderId, courseIds, at: paid.now, reason: { code: reason }, byRefund: false })
  await recordAsUnmatched(tx, paid, reason, { orderId })
}

/**
 * The order is paid, but some of its courses were owned already: the prices of those lines are refunded automatically.
 */
async function refundOwnedLines(tx: Transaction, paid: PaidAttempt, orderId: number, owned: number[]): Promise<void> {
  const priced = await tx
    .selectFrom('order_lines')
    .select(['course_id', 'price_fen'])
    .where('order_id', '=', orderId)
    .where('course_id', 'in', owned)
    .where('price_fen', '>', toFen(0))
    .execute()
  const reason = 'COURSE_ALREADY_OWNED' as const
  for (const { course_id: courseId, price_fen: amount } of priced) {
    const by = { actor: 'shop' } as const
    const cause = ['line', paid.attemptNo, String(courseId)] as const
    const lines = [{ courseId, amount }]
    const refund = { orderId, lines, reason: { code: reason }, cause, by, now: paid.now }
    const { id: refundId } = await refundLines(tx, refund)
    await recordAsUnmatched(tx, paid, reason, { orderId, courseId, amount, refundId })
  }
}
