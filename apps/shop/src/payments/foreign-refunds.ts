/** Refunds where the gateway and our books disagree: made by hand over there, or booked here and never made. */
import type { Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { type Fen, toFen } from '../money.ts'
import { lockOrder } from '../orders/transition.ts'
import type { By } from '../states.ts'
import { moveRefund } from './move-refund.ts'
import { type Payments, providerNamed } from './payments.ts'
import { book } from './refunds.ts'
import { finishRefund } from './send-refund.ts'

export interface ForeignRefund {
  readonly provider: string
  readonly attemptNo: string
  readonly requestNo: string
  readonly amount: Fen
  readonly by: By
  readonly now: Date
}

/**
 * Books a refund that somebody made at the gateway by hand. The lines it pays back are known where it is all that is left
 * of the order, or just what is left of one line; otherwise it is of no line, and no access goes.
 * @throws ShopError REFUND_NOT_POSSIBLE when the payment is not in our books; REFUND_TOO_MUCH
 */
export async function recordForeignRefund(tx: Transaction, refund: ForeignRefund): Promise<void> {
  const { provider, attemptNo, requestNo, amount, by, now } = refund
  const found = await tx
    .selectFrom('payment_attempts')
    .leftJoin('order_payments', 'order_payments.attempt_id', 'payment_attempts.id')
    .select(['payment_attempts.id', 'payment_attempts.order_id', 'payment_attempts.status'])
    .select('order_payments.order_id as pays')
    .where('provider', '=', provider)
    .where('attempt_no', '=', attemptNo)
    .executeTakeFirst()
  if (found?.status !== 'paid') throw new ShopError('REFUND_NOT_POSSIBLE')
  const orderId = found.order_id
  await lockOrder(tx, orderId)
  const source = { attempt_id: found.id, unmatched_id: null, amount_fen: amount }
  const lines = found.pays === null ? [] : await linesThatFit(tx, orderId, amount)
  const reason = 'made at the gateway by hand'
  const { id } = await book(tx, { source, orderId, lines, reason, by, now, madeAs: requestNo })
  await moveRefund(tx, 'send', id, { at: now, by: { actor: 'job' }, reason, set: { sent_at: now } })
  await finishRefund(tx, id, { state: 'succeeded' }, now)
}

async function linesThatFit(tx: Transaction, orderId: number, amount: Fen) {
  const lines = (
    await tx
      .selectFrom('order_lines')
      .select(['course_id', 'price_fen', 'refunded_fen'])
      .where('order_id', '=', orderId)
      .execute()
  ).map((line) => ({ courseId: line.course_id, amount: toFen(line.price_fen - line.refunded_fen) }))
  const left = lines.reduce((sum, line) => sum + line.amount, 0)
  if (left === amount) return lines.filter((line) => line.amount > 0)
  const same = lines.filter((line) => line.amount === amount)
  return same.length === 1 ? same : []
}

/**
 * Sends a refund that our books have and the bill lacks once more, with its number: the gateway makes it now, or says that
 * it was made. @throws ShopError REFUND_NOT_FOUND, GATEWAY_UNAVAILABLE
 */
export async function makeRefundGood(payments: Payments, requestNo: string, reason: string): Promise<void> {
  const { db, clock } = payments
  const refund = await db
    .selectFrom('refunds')
    .innerJoin('payment_attempts', 'payment_attempts.id', 'refunds.attempt_id')
    .select(['refunds.id', 'refunds.amount_fen', 'refunds.reason', 'refunds.order_id'])
    .select([
      'payment_attempts.provider',
      'payment_attempts.attempt_no',
      'payment_attempts.trade_no',
      'payment_attempts.merchant',
    ])
    .select('payment_attempts.amount_fen as paid_fen')
    .where('request_no', '=', requestNo)
    .where('refunds.status', '=', 'succeeded')
    .executeTakeFirst()
  if (!refund) throw new ShopError('REFUND_NOT_FOUND')
  const answer = await providerNamed(payments, refund.provider).refund({
    attemptNo: refund.attempt_no,
    tradeNo: refund.trade_no ?? '',
    requestNo,
    merchant: refund.merchant,
    amount: refund.amount_fen,
    paid: refund.paid_fen,
    reason: refund.reason,
    tries: 1,
  })
  if (answer.state !== 'succeeded' && answer.state !== 'accepted') {
    throw new ShopError('GATEWAY_UNAVAILABLE', { cause: answer.refusal })
  }
  await db.transaction().execute(async (tx) => {
    if (refund.order_id !== null) await lockOrder(tx, refund.order_id)
    const now = clock()
    await moveRefund(tx, 'makeGood', refund.id, { at: now, by: { actor: 'gateway' }, reason, set: { billed_on: null } })
  })
}
