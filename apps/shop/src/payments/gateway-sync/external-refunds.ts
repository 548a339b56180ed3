/**
 * Refunds on which the gateway and our books disagree: made by hand at the gateway, or recorded here and missing there.
 */
import { sql } from 'kysely'
import type { Reader, Transaction } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import { type Fen, toFen } from '../../money.ts'
import { decidedFen } from '../../orders/lines.ts'
import type { By } from '../../orders/state-table.ts'
import { lockOrder } from '../../orders/transition.ts'
import { findProvider, type Payments } from '../payments.ts'
import { createRefund, type NewRefund } from '../refunds/create.ts'
import { moveRefund } from '../refunds/transition.ts'
import { finishRefund } from './send-refund.ts'

/** A refund as the gateway identifies it: its number may be unique within its trade only. */
export interface RefundNumber {
  readonly provider: string
  readonly tradeNo: string
  readonly requestNo: string
}

/** Our refund with that number, or the one that had it until the gateway closed the number (`spent`). */
export async function findRefund(db: Reader, { provider, tradeNo, requestNo }: RefundNumber) {
  const refunds = db
    .selectFrom('refunds')
    .leftJoin('payment_attempts', 'payment_attempts.id', 'refunds.attempt_id')
    .leftJoin('unmatched_payments', 'unmatched_payments.id', 'refunds.unmatched_id')
    .select(['refunds.id', 'refunds.status', 'refunds.request_no', 'refunds.order_id', 'refunds.number_spent'])
    .select(['refunds.amount_fen', 'refunds.reason', 'refunds.tries', 'refunds.billed_on'])
    .select((column) => [
      column.fn.coalesce('payment_attempts.attempt_no', 'unmatched_payments.attempt_no').as('attempt_no'),
      column.fn.coalesce('payment_attempts.amount_fen', 'unmatched_payments.amount_fen').as('paid_fen'),
      column.fn.coalesce('payment_attempts.merchant', 'unmatched_payments.merchant').as('merchant'),
    ])
    .where((where) =>
      where.or([
        where.and([
          where('payment_attempts.provider', '=', provider),
          where('payment_attempts.trade_no', '=', tradeNo),
        ]),
        where.and([
          where('unmatched_payments.provider', '=', provider),
          where('unmatched_payments.trade_no', '=', tradeNo),
        ]),
      ]),
    )
  const named = await refunds.where('refunds.request_no', '=', requestNo).executeTakeFirst()
  if (named) return { ...named, spent: named.status === 'refused' && named.number_spent }
  const before = await refunds
    .where('refunds.spent_numbers', '<>', sql<string[]>`'{}'`)
    .where((where) => where(where.val(requestNo), '=', where.fn.any('refunds.spent_numbers')))
    .executeTakeFirst()
  return before && { ...before, spent: true }
}

export interface ExternalRefund extends RefundNumber {
  readonly amount: Fen
  /** The day whose bill lists it. */
  readonly day: string
  readonly by: By
  readonly now: Date
}

/**
 * Records a refund that was made by hand at the gateway, on the day of its bill. The refunded lines are known if the
 * amount is all that is left of the order, or exactly what is left of one line, or if only one line has a price.
 * Otherwise it belongs to no line, and no access ends before the whole payment has been refunded. An amount that the
 * buyer has only requested counts as left: it is most likely what was refunded, and staff must decide that request
 * first.
 * @throws ShopError REFUND_NOT_POSSIBLE when the payment is not in our books; REQUEST_UNDECIDED; REFUND_TOO_MUCH
 */
export async function recordExternalRefund(tx: Transaction, refund: ExternalRefund): Promise<void> {
  const { requestNo, day, by, now } = refund
  const of = (await sourceFromAttempt(tx, refund)) ?? (await sourceFromUnmatched(tx, refund))
  if (!of) throw new ShopError('REFUND_NOT_POSSIBLE')
  const reason = { code: 'MADE_BY_HAND' } as const
  if (of.orderId !== null && (await hasUndecidedRequest(tx, of.orderId, of.lines)))
    throw new ShopError('REQUEST_UNDECIDED')
  const { id } = await createRefund(tx, { ...of, reason, by, now, madeAs: requestNo })
  const set = { sent_at: now, billed_on: day }
  await moveRefund(tx, 'send', id, { at: now, by: { actor: 'job' }, reason, set })
  const { unmatched_id: unmatchedId } = of.source
  if (unmatchedId !== null) {
    // The whole amount has been refunded: staff have nothing left to do.
    await tx
      .updateTable('unmatched_payments')
      .set({ refund_id: id })
      .where('id', '=', unmatchedId)
      .where('refund_id', 'is', null)
      .whereRef('refunded_fen', '=', 'amount_fen')
      .execute()
  }
  if (of.source.attempt_id !== null) await linkIfFullyRefunded(tx, refund, of.source.attempt_id, id)
  await finishRefund(tx, { id, requestNo }, { state: 'succeeded' }, now)
}

type Source = Pick<NewRefund, 'source' | 'orderId' | 'lines'>

async function sourceFromAttempt(
  tx: Transaction,
  { provider, tradeNo, amount }: ExternalRefund,
): Promise<Source | undefined> {
  const found = await tx
    .selectFrom('payment_attempts')
    .leftJoin('order_payments', 'order_payments.attempt_id', 'payment_attempts.id')
    .select(['payment_attempts.id', 'payment_attempts.order_id', 'order_payments.order_id as pays'])
    .where('provider', '=', provider)
    .where('trade_no', '=', tradeNo)
    .where('status', '=', 'paid')
    .executeTakeFirst()
  if (!found) return undefined
  const orderId = found.order_id
  await lockOrder(tx, orderId)
  const lines = found.pays === null ? [] : await matchingLines(tx, orderId, amount)
  return { source: { attempt_id: found.id, unmatched_id: null, amount_fen: amount }, orderId, lines }
}

/** Whether the buyer has an undecided request for any of these lines, or for any line at all if none is given. */
async function hasUndecidedRequest(tx: Transaction, orderId: number, lines: Source['lines']): Promise<boolean> {
  let asked = tx
    .selectFrom('refunds')
    .innerJoin('refund_lines', 'refund_lines.refund_id', 'refunds.id')
    .select('refunds.id')
    .where('refunds.order_id', '=', orderId)
    .where('refunds.status', '=', 'requested')
  if (lines.length > 0) {
    const courseIds = lines.map((line) => line.courseId)
    asked = asked.where('refund_lines.course_id', 'in', courseIds)
  }
  return (await asked.executeTakeFirst()) !== undefined
}

/**
 * If the whole payment has been refunded, staff have nothing left to do about its rows among the unmatched payments.
 */
async function linkIfFullyRefunded(
  tx: Transaction,
  { provider, tradeNo }: RefundNumber,
  attemptId: number,
  refundId: number,
): Promise<void> {
  const whole = await tx
    .selectFrom('payment_attempts')
    .select('id')
    .where('id', '=', attemptId)
    .whereRef('refunded_fen', '=', 'amount_fen')
    .executeTakeFirst()
  if (!whole) return
  await tx
    .updateTable('unmatched_payments')
    .set({ refund_id: refundId })
    .where('provider', '=', provider)
    .where('trade_no', '=', tradeNo)
    .where('resolved_at', 'is', null)
    .execute()
}

/** For money that belongs to no order: the oldest unmatched row of the trade with that much left. */
async function sourceFromUnmatched(
  tx: Transaction,
  { provider, tradeNo, amount }: ExternalRefund,
): Promise<Source | undefined> {
  const rows = await tx
    .selectFrom('unmatched_payments')
    .select(['id', 'order_id', 'amount_fen', 'refunded_fen'])
    .where('provider', '=', provider)
    .where('trade_no', '=', tradeNo)
    .orderBy('id')
    .execute()
  const row = rows.find((each) => each.amount_fen - each.refunded_fen >= amount) ?? rows[0]
  if (!row) return undefined
  if (row.order_id !== null) await lockOrder(tx, row.order_id)
  return { source: { attempt_id: null, unmatched_id: row.id, amount_fen: amount }, orderId: row.order_id, lines: [] }
}

async function matchingLines(tx: Transaction, orderId: number, amount: Fen) {
  const lines = (
    await tx
      .selectFrom('order_lines')
      .select(['course_id', 'price_fen', decidedFen.as('decided_fen')])
      .where('order_id', '=', orderId)
      .execute()
  ).map((line) => ({
    courseId: line.course_id,
    price: line.price_fen,
    amount: toFen(line.price_fen - line.decided_fen),
  }))
  const left = lines.reduce((sum, line) => sum + line.amount, 0)
  if (left === amount) return lines.filter((line) => line.amount > 0)
  const same = lines.filter((line) => line.amount === amount)
  if (same.length === 1) return same
  const [only, ...others] = lines.filter((line) => line.price > 0)
  return only && others.length === 0 ? [{ ...only, amount }] : []
}

/**
 * Sends again, with its number, a refund that is in our books and missing from the day's bill: the gateway makes it
 * now, or answers that it was made. A refund that our books hold as made is not polled, so an answer of "accepted" does
 * not count as a repair: the gateway may still close it. A refund made by hand was never sent by the shop, and is not
 * sent here either.
 * @param also updates what else depends on the time of the refund, which our books had wrong
 * @throws ShopError REFUND_NOT_FOUND, REPAIR_UNFIT, REFUND_UNDER_WAY, REFUND_NUMBER_SPENT, GATEWAY_UNAVAILABLE
 */
export async function resendMissingRefund(
  payments: Payments,
  named: RefundNumber,
  { day, reason, also }: { day: string; reason: string; also: (tx: Transaction, madeBefore: Date) => Promise<void> },
): Promise<void> {
  const { db, clock } = payments
  const refund = await findRefund(db, named)
  if (refund?.status !== 'succeeded') throw new ShopError('REFUND_NOT_FOUND')
  if (refund.tries === 0) throw new ShopError('REPAIR_UNFIT')
  const answer = await findProvider(payments, named.provider).refund({
    attemptNo: refund.attempt_no ?? '',
    tradeNo: named.tradeNo,
    requestNo: named.requestNo,
    merchant: refund.merchant,
    amount: refund.amount_fen,
    paid: refund.paid_fen ?? refund.amount_fen,
    reason: refund.reason,
    tries: 1,
  })
  if (answer.state === 'accepted') throw new ShopError('REFUND_UNDER_WAY')
  if (answer.state === 'refused' && answer.spent) throw new ShopError('REFUND_NUMBER_SPENT')
  if (answer.state !== 'succeeded') throw new ShopError('GATEWAY_UNAVAILABLE', { cause: answer.refusal })
  // The bill of another day, on which the refund was accepted, may have listed it by now: that mark stays, as no later
  // bill lists it.
  const set = refund.billed_on === day ? { billed_on: null } : {}
  await db.transaction().execute(async (tx) => {
    if (refund.order_id !== null) await lockOrder(tx, refund.order_id)
    const now = clock()
    const before = await moveRefund(tx, 'resendMissing', refund.id, { at: now, by: { actor: 'gateway' }, reason, set })
    if (before?.finished_at) await also(tx, before.finished_at)
  })
}
