/** The one door for money: notification, return, job and staff all come through here, and nothing else marks anything paid. */

import { sql } from 'kysely'
import { faultPoint } from '#fault-point'
import type { Reader, Transaction } from '../database/connect.ts'
import { together } from '../database/together.ts'
import { grantsForOrder } from '../enrolments/access.ts'
import { enqueue } from '../jobs/enqueue.ts'
import { type Fen, toFen } from '../money.ts'
import { announceOrder } from '../orders/events.ts'
import { historyLines } from '../orders/history.ts'
import { replaceExpired } from '../orders/replace.ts'
import { ORDER_TRANSITIONS, type OrderStatus } from '../orders/states.ts'
import { type HeldOrder, lockOrder, orderMove, orderMoved } from '../orders/transition.ts'
import { allows } from '../states.ts'
import { ATTEMPT_TRANSITIONS } from './attempt-states.ts'
import { attemptMove, attemptMoved, openAttemptsOf } from './attempts.ts'
import { mayBePaidAt } from './paid-where.ts'
import type { PaidNotice } from './providers/provider.ts'
import { refundLines, refundPayment } from './refunds.ts'
import { CLOSE_ATTEMPTS } from './tasks.ts'
import { takeTrialMoney } from './trial-money.ts'

export interface PaidAttempt extends PaidNotice {
  readonly provider: string
  /** How we know, for the order's history: "notification", "query". */
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
 * @param held what `attemptToSettle` found in this transaction, where the caller has sent it already
 */
export async function settle(tx: Transaction, paid: PaidAttempt, held?: AttemptToSettle): Promise<Settlement> {
  // Who waited for an attempt while it was moved to its new order finds it in neither; asked again, the database sees it.
  const attempt = held ?? (await lockAttempt(tx, paid)) ?? (await lockAttempt(tx, paid))
  if (!attempt) return settleTrial(tx, paid)
  if (!mayBePaidAt(attempt.merchant, paid)) return setAside(tx, paid, 'UNKNOWN_ATTEMPT')
  const served = attempt.status === 'paid' && attempt.trade_no === paid.tradeNo
  // A message about money that has its place already: with another amount it is untrue, and tells of no other money.
  if (served && attempt.amount_fen !== paid.amount) return { outcome: 'set-aside', reason: 'AMOUNT_DIFFERS' }
  if (attempt.amount_fen !== paid.amount) return setAside(tx, paid, 'AMOUNT_DIFFERS', { orderId: attempt.order_id })
  if (attempt.status === 'paid') {
    if (served) return { outcome: 'repeated' }
    return setAside(tx, paid, 'SECOND_TRADE', { orderId: attempt.order_id })
  }

  const replacement = attempt.order_status === 'expired' && (await replaceExpired(tx, attempt.order_id, paid.now))
  const order = replacement ? await lockOrder(tx, replacement) : orderOf(attempt)
  if (!order) throw new Error('An order that was just made is not there.')
  faultPoint('settle: order held')
  const by = { actor: 'gateway' } as const
  const cause = { at: paid.now, by, reason: `${paid.provider} ${paid.tradeNo}, ${paid.source}` }
  const at = paid.from ? { merchant: paid.from.merchant } : {}
  const set = { trade_no: paid.tradeNo, paid_at: paid.paidAt, ask_at: null, order_id: order.id, ...at }
  const move = { attemptNo: paid.attemptNo, ...cause, set }
  if (!allows(ATTEMPT_TRANSITIONS, 'pay', attempt.status, by)) throw new Error(`An attempt is ${attempt.status}.`)
  if (!allows(ORDER_TRANSITIONS, 'pay', order.status, by)) {
    await together(tx, attemptMove(tx, 'pay', attempt, move), historyLines(tx, attemptMoved('pay', attempt, move)))
    faultPoint('settle: attempt paid')
    return payBack(tx, paid, closedReason(attempt.order_status), attempt)
  }

  const { id: orderId, user_id: userId, course_ids: courseIds } = order
  const settled = await tx
    .with('attempt', (rows) => attemptMove(rows, 'pay', attempt, move))
    // An old link of another method than the last one chosen may be the one that is paid.
    .with('paid', (rows) => orderMove(rows, 'pay', order, cause).set({ pay_type: paid.provider }))
    .with('payment', (rows) =>
      rows.insertInto('order_payments').values({ order_id: orderId, attempt_id: attempt.id, paid_at: paid.paidAt }),
    )
    // Told of with another amount before, it was put on the list.
    .with('unlisted', (rows) =>
      rows
        .updateTable('unmatched_payments')
        .set({ resolved_at: paid.now, resolution: 'settled' })
        .where('provider', '=', paid.provider)
        .where('trade_no', '=', paid.tradeNo)
        .where('resolved_at', 'is', null),
    )
    .with('granted', (rows) => grantsForOrder(rows, { userId, orderId, courseIds, at: paid.now }))
    .with('told', (rows) => historyLines(rows, attemptMoved('pay', attempt, move), orderMoved('pay', order, cause)))
    .selectNoFrom((rows) => [
      rows
        .selectFrom('granted')
        .select(sql<number[]>`coalesce(array_agg(course_id), '{}')`.as('courses'))
        .as('granted'),
      rows.exists(openAttemptsOf(tx, orderId).where('id', '<>', attempt.id)).as('others_open'),
    ])
    .executeTakeFirstOrThrow()
  faultPoint('settle: access granted')
  await announceOrder(tx, order.order_no)
  const given = new Set(settled.granted)
  // Owned already, by another order: they were paid for twice.
  const owned = courseIds.filter((courseId) => !given.has(courseId))
  if (owned.length > 0) await payBackLines(tx, paid, orderId, owned)
  if (settled.others_open) await enqueue(tx, CLOSE_ATTEMPTS, { orderId })
  return { outcome: 'settled' }
}

/** A number that is no order's attempt may be a trial payment's. */
async function settleTrial(tx: Transaction, paid: PaidAttempt): Promise<Settlement> {
  const taken = await takeTrialMoney(tx, paid)
  return typeof taken === 'string' ? setAside(tx, paid, taken) : taken
}

/** The attempt and its order, both rows held. */
export type AttemptToSettle = NonNullable<Awaited<ReturnType<typeof lockAttempt>>>

const lockAttempt = (tx: Transaction, paid: PaidAttempt) => attemptToSettle(tx, paid).executeTakeFirst()

/** The statement that holds attempt and order, for whoever sends it along with the beginning of the transaction. */
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
      merchant: paid.from?.merchant ?? null,
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
  { id: attemptId, order_id: orderId }: AttemptToSettle,
): Promise<Settlement> {
  const refundId = await refundPayment(tx, { attemptId, orderId, amount: paid.amount, reason, now: paid.now })
  faultPoint('settle: refund booked')
  return setAside(tx, paid, reason, { orderId, refundId })
}

/** The order is paid, but some of its courses were owned already: those lines' prices go back by themselves. */
async function payBackLines(tx: Transaction, paid: PaidAttempt, orderId: number, owned: number[]): Promise<void> {
  const priced = await tx
    .selectFrom('order_lines')
    .select(['course_id', 'price_fen'])
    .where('order_id', '=', orderId)
    .where('course_id', 'in', owned)
    .where('price_fen', '>', toFen(0))
    .execute()
  const reason = 'COURSE_ALREADY_OWNED'
  for (const { course_id: courseId, price_fen: amount } of priced) {
    const by = { actor: 'shop' } as const
    const { id: refundId } = await refundLines(tx, {
      orderId,
      lines: [{ courseId, amount }],
      reason,
      by,
      now: paid.now,
    })
    await setAside(tx, paid, reason, { orderId, courseId, amount, refundId })
  }
}
