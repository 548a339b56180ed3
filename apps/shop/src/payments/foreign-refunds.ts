/** Refunds where the gateway and our books disagree: made by hand over there, or booked here and never made. */
import { sql } from 'kysely'
import type { Reader, Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { type Fen, toFen } from '../money.ts'
import { decidedFen } from '../orders/lines.ts'
import { lockOrder } from '../orders/transition.ts'
import type { By } from '../states.ts'
import { moveRefund } from './move-refund.ts'
import { type Payments, providerNamed } from './payments.ts'
import { type Booking, book } from './refunds.ts'
import { finishRefund } from './send-refund.ts'

/** A refund as the gateway names it: its number may be unique within its trade only. */
export interface NamedRefund {
  readonly provider: string
  readonly tradeNo: string
  readonly requestNo: string
}

/** Our refund of that name, or the one that bore it until the gateway closed the number (`spent`). */
export async function refundNamed(db: Reader, { provider, tradeNo, requestNo }: NamedRefund) {
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

export interface ForeignRefund extends NamedRefund {
  readonly amount: Fen
  /** The day in whose bill it stands. */
  readonly day: string
  readonly by: By
  readonly now: Date
}

/**
 * Books a refund that somebody made at the gateway by hand, in the day of its bill. The lines it pays back are known where
 * it is all that is left of the order, or just what is left of one line, or where only one line has a price; otherwise it is
 * of no line, and no access goes before all of the payment has gone back. What its buyer only asks for counts as left: it
 * is most likely what was paid back, and somebody must say so.
 * @throws ShopError REFUND_NOT_POSSIBLE when the payment is not in our books; REQUEST_UNDECIDED; REFUND_TOO_MUCH
 */
export async function recordForeignRefund(tx: Transaction, refund: ForeignRefund): Promise<void> {
  const { requestNo, day, by, now } = refund
  const of = (await ofAttempt(tx, refund)) ?? (await ofListed(tx, refund))
  if (!of) throw new ShopError('REFUND_NOT_POSSIBLE')
  const reason = 'made at the gateway by hand'
  if (of.orderId !== null && (await isAskedFor(tx, of.orderId, of.lines))) throw new ShopError('REQUEST_UNDECIDED')
  const { id } = await book(tx, { ...of, reason, by, now, madeAs: requestNo })
  const set = { sent_at: now, billed_on: day }
  await moveRefund(tx, 'send', id, { at: now, by: { actor: 'job' }, reason, set })
  const { unmatched_id: unmatchedId } = of.source
  if (unmatchedId !== null) {
    // All of it is back: nothing is left for staff to do.
    await tx
      .updateTable('unmatched_payments')
      .set({ refund_id: id })
      .where('id', '=', unmatchedId)
      .where('refund_id', 'is', null)
      .whereRef('refunded_fen', '=', 'amount_fen')
      .execute()
  }
  if (of.source.attempt_id !== null) await linkIfWhole(tx, refund, of.source.attempt_id, id)
  await finishRefund(tx, { id, requestNo }, { state: 'succeeded' }, now)
}

type Source = Pick<Booking, 'source' | 'orderId' | 'lines'>

async function ofAttempt(tx: Transaction, { provider, tradeNo, amount }: ForeignRefund): Promise<Source | undefined> {
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
  const lines = found.pays === null ? [] : await linesThatFit(tx, orderId, amount)
  return { source: { attempt_id: found.id, unmatched_id: null, amount_fen: amount }, orderId, lines }
}

/** Whether the order's buyer asks for some of these lines, or for anything where it is of no line, and has no answer yet. */
async function isAskedFor(tx: Transaction, orderId: number, lines: Source['lines']): Promise<boolean> {
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

/** All of the payment is back: nothing of it on the list is left for staff to do. */
async function linkIfWhole(
  tx: Transaction,
  { provider, tradeNo }: NamedRefund,
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

/** Of money that belongs to no order: the oldest row of it on the list with so much left. */
async function ofListed(tx: Transaction, { provider, tradeNo, amount }: ForeignRefund): Promise<Source | undefined> {
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

async function linesThatFit(tx: Transaction, orderId: number, amount: Fen) {
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
 * Sends a refund that our books have and the day's bill lacks once more, with its number: the gateway makes it now, or says
 * that it was made. Nobody asks about one that is made in our books, so one that is only accepted is no repair: it may be
 * closed yet. One that somebody made by hand was never sent from here, and never is.
 * @param also what else changes with when it was made, which our books had otherwise
 * @throws ShopError REFUND_NOT_FOUND, REPAIR_UNFIT, REFUND_UNDER_WAY, REFUND_NUMBER_SPENT, GATEWAY_UNAVAILABLE
 */
export async function makeRefundGood(
  payments: Payments,
  named: NamedRefund,
  { day, reason, also }: { day: string; reason: string; also: (tx: Transaction, madeBefore: Date) => Promise<void> },
): Promise<void> {
  const { db, clock } = payments
  const refund = await refundNamed(db, named)
  if (refund?.status !== 'succeeded') throw new ShopError('REFUND_NOT_FOUND')
  if (refund.tries === 0) throw new ShopError('REPAIR_UNFIT')
  const answer = await providerNamed(payments, named.provider).refund({
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
  // The bill of the day on which it was accepted may have named it by now: it is in no later one.
  const set = refund.billed_on === day ? { billed_on: null } : {}
  await db.transaction().execute(async (tx) => {
    if (refund.order_id !== null) await lockOrder(tx, refund.order_id)
    const now = clock()
    const before = await moveRefund(tx, 'makeGood', refund.id, { at: now, by: { actor: 'gateway' }, reason, set })
    if (before?.finished_at) await also(tx, before.finished_at)
  })
}
