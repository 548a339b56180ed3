/**
 * The gateway says that a refund was made: ours, in whatever state, or one made by hand. Nothing in our books refuses it.
 * Sender, notification, bill and staff all record it here.
 */
import { sql } from 'kysely'
import { noonOf } from '../../beijing-day.ts'
import type { Reader, Transaction } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import { type Fen, toFen } from '../../money.ts'
import { decidedFen, leftOf } from '../../orders/lines.ts'
import type { By } from '../../orders/state-table.ts'
import { lockOrder } from '../../orders/transition.ts'
import { release } from './balance.ts'
import { createRefund, linesOf, type NewRefund, rowsOfTrade } from './create.ts'
import { giveLines, makeRoom, succeedRefund, unfinished } from './succeed.ts'
import { lockRefund, moveRefund, type RefundRow } from './transition.ts'

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
    .select(['refunds.amount_fen', 'refunds.reason', 'refunds.tries', 'refunds.billed_on', 'refunds.made_at'])
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

/**
 * The refund of ours in whose place another was made by hand: the only one of that payment and amount that is to be sent,
 * or was sent and has no result.
 */
export async function findReplaced(db: Reader, { provider, tradeNo }: RefundNumber, amount: Fen) {
  const found = await db
    .selectFrom('refunds')
    .leftJoin('payment_attempts', 'payment_attempts.id', 'refunds.attempt_id')
    .leftJoin('unmatched_payments', 'unmatched_payments.id', 'refunds.unmatched_id')
    .select(['refunds.id', 'refunds.status', 'refunds.request_no'])
    .where('refunds.status', 'in', ['approved', 'sent'])
    .where('refunds.amount_fen', '=', amount)
    .where(({ fn, eb }) => eb(fn.coalesce('payment_attempts.trade_no', 'unmatched_payments.trade_no'), '=', tradeNo))
    .where(({ fn, eb }) => eb(fn.coalesce('payment_attempts.provider', 'unmatched_payments.provider'), '=', provider))
    .execute()
  return found.length === 1 ? found[0] : undefined
}

export interface MadeRefund extends RefundNumber {
  readonly amount: Fen
  /** The number of our refund in whose place it was made by hand; its gateway does not have that one. */
  readonly insteadOf?: string
  /** The day whose bill lists it, once one does. */
  readonly day?: string
  /** The gateway's own time; if it does not say, the middle of that day, or now. */
  readonly at?: Date | undefined
  readonly by: By
  readonly now: Date
}

/**
 * Records a refund that the gateway has made. One of ours is moved on from whatever state it is in. Any other was made by
 * hand, and is added on the day of its bill: the refunded lines are known if the amount is all that is left of the order,
 * or exactly what is left of one line, or if only one line has a price. Otherwise it belongs to no line, and no access
 * ends before the whole payment has been refunded. If it was made in place of one of ours, that one gives way, and its
 * lines are the refunded ones. An amount that the buyer has only requested counts as left: it is most
 * likely what was refunded, and staff must decide that request first. Safe to repeat.
 * @throws ShopError REFUND_NOT_POSSIBLE when the payment is not in our books; REQUEST_UNDECIDED; REFUND_TOO_MUCH when the
 * gateway cannot have paid back that much; REFUND_UNDER_WAY while the one in whose place it was made is being sent
 */
export async function recordMadeRefund(tx: Transaction, made: MadeRefund): Promise<void> {
  const { requestNo, amount, day, by, now } = made
  const at = made.at ?? (day === undefined ? now : noonOf(day))
  const of = (await sourceFromAttempt(tx, made)) ?? (await sourceFromUnmatched(tx, made))
  if (!of) throw new ShopError('REFUND_NOT_POSSIBLE')
  // Read with the payment's lock held: somebody else may be recording the same refund.
  const ours = await findRefund(tx, made)
  if (ours) return recordSuccess(tx, { refundId: ours.id, requestNo, at, now, ...(day !== undefined && { day }) })
  const { orderId } = of
  // A sender locks the refund before the payment.
  await unfinished(tx, of.source)
  const replaced = made.insteadOf === undefined ? undefined : await replace(tx, of.source, made.insteadOf, made)
  const lines = replaced ?? (of.pays ? await matchingLines(tx, of.orderId, amount) : [])
  if (of.pays && orderId !== null && (await hasUndecidedRequest(tx, orderId, lines)))
    throw new ShopError('REQUEST_UNDECIDED')
  await addRefund(tx, { ...of, lines, reason: { code: 'MADE_BY_HAND' }, by, now, madeAs: requestNo }, { at, day })
}

/**
 * Records that this refund of ours was made with this number. If it has another number by now, the one that was made is
 * a refund of its own, and the other is not sent any more unless it was sent before.
 */
export async function recordSuccess(
  tx: Transaction,
  {
    refundId,
    requestNo,
    now,
    at = now,
    day,
  }: { refundId: number; requestNo: string; now: Date; at?: Date | undefined; day?: string },
): Promise<void> {
  const { order_id: orderId } = await tx
    .selectFrom('refunds')
    .select('order_id')
    .where('id', '=', refundId)
    .executeTakeFirstOrThrow()
  if (orderId !== null) await lockOrder(tx, orderId)
  const refund = await lockRefund(tx, refundId)
  if (refund?.request_no === requestNo) return succeedRefund(tx, refundId, { now, at, day })
  if (!refund?.spent_numbers.includes(requestNo)) return
  const { attempt_id, unmatched_id, amount_fen } = refund
  if (await isRecorded(tx, refund, requestNo)) return
  const reason = refund.reason_code === null ? refund.reason : { code: refund.reason_code }
  const lines = (await linesOf(tx, refundId)).map((line) => ({ courseId: line.course_id, amount: line.amount_fen }))
  const source = { attempt_id, unmatched_id, amount_fen }
  const made = {
    source,
    orderId,
    lines,
    reason,
    by: { actor: 'shop' },
    now,
    madeAs: requestNo,
    isContinued: true,
  } as const
  await addRefund(tx, made, { at, day, replacement: refundId })
}

const isRecorded = async (tx: Transaction, { attempt_id, unmatched_id }: RefundRow, requestNo: string) =>
  (await tx
    .selectFrom('refunds')
    .select('id')
    .where('request_no', '=', requestNo)
    .where(attempt_id === null ? 'unmatched_id' : 'attempt_id', '=', attempt_id ?? unmatched_id)
    .executeTakeFirst()) !== undefined

/** Adds a refund that was made, under the number that it has at the gateway. */
async function addRefund(
  tx: Transaction,
  refund: NewRefund & { readonly madeAs: string },
  { at, day, replacement }: { at: Date; day: string | undefined; replacement?: number },
): Promise<void> {
  const { source, orderId, madeAs: requestNo, reason, now } = refund
  const lines = refund.lines.map(({ courseId, amount }) => ({ course_id: courseId, amount_fen: amount }))
  const why = { requestNo, now, ...(replacement !== undefined && { replacement }) }
  const fitting = await makeRoom(tx, { ...source, order_id: orderId }, lines, why)
  const left = fitting.map((line) => ({ courseId: line.course_id, amount: line.amount_fen }))
  const { id } = await createRefund(tx, { ...refund, lines: left })
  const set = { sent_at: now, ...(day !== undefined && { billed_on: day }) }
  await moveRefund(tx, 'send', id, { at: now, by: { actor: 'job' }, reason, set })
  await succeedRefund(tx, id, { now, at, day: undefined })
}

interface Source extends Pick<NewRefund, 'source' | 'orderId'> {
  /** Whether an order was fulfilled for the payment. */
  readonly pays: boolean
}

async function sourceFromAttempt(
  tx: Transaction,
  { provider, tradeNo, amount }: MadeRefund,
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
  const source = { attempt_id: found.id, unmatched_id: null, amount_fen: amount }
  return { source, orderId, pays: found.pays !== null }
}

/** @returns the lines of the refund that gave way, unless it has a result meanwhile */
async function replace(
  tx: Transaction,
  { attempt_id, unmatched_id }: NewRefund['source'],
  insteadOf: string,
  { requestNo, now }: MadeRefund,
): Promise<NewRefund['lines'] | undefined> {
  const refund = await tx
    .selectFrom('refunds')
    .select(['id', 'status'])
    .where('request_no', '=', insteadOf)
    .where(attempt_id === null ? 'unmatched_id' : 'attempt_id', '=', attempt_id ?? unmatched_id)
    .executeTakeFirst()
  if (refund?.status !== 'approved' && refund?.status !== 'sent') return undefined
  if (await isBeingSent(tx, { attempt_id, unmatched_id }, now)) throw new ShopError('REFUND_UNDER_WAY')
  const lines = (await linesOf(tx, refund.id)).map((line) => ({ courseId: line.course_id, amount: line.amount_fen }))
  await giveWay(tx, { refundId: refund.id, requestNo: insteadOf, madeAs: requestNo, now })
  return lines
}

async function isBeingSent(
  tx: Transaction,
  { attempt_id, unmatched_id }: Pick<RefundRow, 'attempt_id' | 'unmatched_id'>,
  now: Date,
): Promise<boolean> {
  const row = await (attempt_id === null
    ? tx.selectFrom('unmatched_payments').select('refund_claimed_until').where('id', '=', unmatched_id)
    : tx.selectFrom('payment_attempts').select('refund_claimed_until').where('id', '=', attempt_id)
  ).executeTakeFirstOrThrow()
  return row.refund_claimed_until !== null && row.refund_claimed_until > now
}

/**
 * Takes a refund that is to be sent back, since the same money has gone under another number and its gateway does not have
 * this one.
 */
export async function giveWay(
  tx: Transaction,
  { refundId, requestNo, madeAs, now }: { refundId: number; requestNo: string; madeAs: string; now: Date },
): Promise<void> {
  const { order_id: orderId } = await tx
    .selectFrom('refunds')
    .select('order_id')
    .where('id', '=', refundId)
    .executeTakeFirstOrThrow()
  if (orderId !== null) await lockOrder(tx, orderId)
  const refund = await lockRefund(tx, refundId)
  if (refund?.request_no !== requestNo || (refund.status !== 'approved' && refund.status !== 'sent')) return
  const reason = { code: 'MADE_INSTEAD', requestNo: madeAs } as const
  const set = { refusal: `the money went back as ${madeAs}` }
  await moveRefund(tx, 'giveWay', refundId, { at: now, by: { actor: 'shop' }, reason, set })
  const lines = await linesOf(tx, refundId)
  await release(tx, orderId, refund, lines)
  await giveLines(tx, { requestNo: madeAs, attemptId: refund.attempt_id, orderId }, lines, now)
}

/** Whether the buyer has an undecided request for any of these lines, or for any line at all if none is given. */
async function hasUndecidedRequest(tx: Transaction, orderId: number, lines: NewRefund['lines']): Promise<boolean> {
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

/** For money that belongs to no order: the oldest unmatched row of the trade with that much left. */
async function sourceFromUnmatched(
  tx: Transaction,
  { provider, tradeNo, amount }: MadeRefund,
): Promise<Source | undefined> {
  const rows = await rowsOfTrade(tx, provider, tradeNo)
  const row = rows.find((each) => leftOf(each.amount_fen, each) >= amount) ?? rows[0]
  if (!row) return undefined
  const source = { attempt_id: null, unmatched_id: row.id, amount_fen: amount }
  return { source, orderId: row.order_id, pays: false }
}

async function matchingLines(tx: Transaction, orderId: number | null, amount: Fen) {
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
