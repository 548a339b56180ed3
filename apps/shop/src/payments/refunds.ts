/**
 * Refunds are booked here: with their number and their sum, guarded by the database, in the caller's transaction, before
 * any gateway hears of them. `send-refund.ts` sends what is approved.
 */
import { sql } from 'kysely'
import { faultPoint } from '#fault-point'
import type { Reader, Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { enqueue } from '../jobs/enqueue.ts'
import { type Fen, sumFen, toFen } from '../money.ts'
import { addHistory } from '../orders/history.ts'
import { newNumber } from '../orders/number.ts'
import { lockOrder } from '../orders/transition.ts'
import type { By } from '../states.ts'
import { type RefundSource, reserve } from './refund-sums.ts'
import { SEND_REFUND } from './tasks.ts'

export interface BookedRefund {
  readonly id: number
  readonly requestNo: string
}

/** The whole of a payment that its order does not need. */
export async function refundPayment(
  tx: Transaction,
  refund: { attemptId: number; orderId: number; amount: Fen; reason: string; now: Date },
): Promise<number> {
  const source = { attempt_id: refund.attemptId, unmatched_id: null, amount_fen: refund.amount }
  const { reason, now, orderId } = refund
  return (await book(tx, { source, orderId, lines: [], reason, by: { actor: 'shop' }, now })).id
}

/**
 * All that is left of money on the list. The caller writes the audit log.
 * @throws ShopError REFUND_TOO_MUCH, NOT_FOUND; MONEY_OF_AN_ORDER for what an order was served for
 */
export async function requestUnmatchedRefund(
  tx: Transaction,
  refund: { unmatchedId: number; reason: string; now: Date; userId: number },
): Promise<BookedRefund & { amount: Fen }> {
  const { unmatchedId, reason, now, userId } = refund
  const listed = await tx
    .selectFrom('unmatched_payments')
    .select(['order_id', 'provider', 'trade_no'])
    .where('id', '=', unmatchedId)
    .executeTakeFirst()
  if (!listed) throw new ShopError('NOT_FOUND')
  const orderId = listed.order_id
  if (orderId !== null) await lockOrder(tx, orderId)
  const source = await whatIsLeft(tx, unmatchedId, listed)
  const by = { actor: 'staff', userId } as const
  const booked = await book(tx, { source, orderId, lines: [], reason, by, now })
  await tx.updateTable('unmatched_payments').set({ refund_id: booked.id }).where('id', '=', unmatchedId).execute()
  return { ...booked, amount: source.amount_fen }
}

/** From an attempt of ours that was paid and whose order did not need it; else from the list itself. */
async function whatIsLeft(
  tx: Transaction,
  unmatchedId: number,
  { provider, trade_no }: { provider: string; trade_no: string },
): Promise<RefundSource> {
  const attempt = await tx
    .selectFrom('payment_attempts')
    .leftJoin('order_payments', 'order_payments.attempt_id', 'payment_attempts.id')
    .select(['payment_attempts.id', 'amount_fen', 'refunded_fen', 'order_payments.order_id as pays'])
    .where('provider', '=', provider)
    .where('trade_no', '=', trade_no)
    .executeTakeFirst()
  if (attempt && attempt.pays !== null) throw new ShopError('MONEY_OF_AN_ORDER')
  const rows = await rowsOfTrade(tx, provider, trade_no)
  const row = rows.find(({ id }) => id === unmatchedId)
  // A trade may stand on the list for several reasons; its money goes back for one of them.
  const elsewhere = rows.some((each) => each.id !== unmatchedId && each.refunded_fen > 0)
  if (!row || row.resolved_at || elsewhere) throw new ShopError('REFUND_TOO_MUCH')
  const left = attempt ?? row
  const amount_fen = toFen(left.amount_fen - left.refunded_fen)
  if (amount_fen === 0) throw new ShopError('REFUND_TOO_MUCH')
  return attempt
    ? { attempt_id: attempt.id, unmatched_id: null, amount_fen }
    : { attempt_id: null, unmatched_id: unmatchedId, amount_fen }
}

/** They stay held. */
const rowsOfTrade = (tx: Transaction, provider: string, tradeNo: string) =>
  tx
    .selectFrom('unmatched_payments')
    .select(['id', 'amount_fen', 'refunded_fen', 'resolved_at'])
    .where('provider', '=', provider)
    .where('trade_no', '=', tradeNo)
    .orderBy('id')
    .modifyEnd(sql`for no key update`)
    .execute()

export interface LineToRefund {
  readonly courseId: number
  /** Without it: all of the line that has not gone back. */
  readonly amount?: Fen | undefined
}

/** What a refund of these lines would do, shown before it is sent. */
export interface RefundPlan {
  readonly attemptId: number
  readonly payType: string
  readonly amount: Fen
  readonly lines: readonly PlannedLine[]
  readonly orderAfter: 'partially_refunded' | 'refunded'
}

export interface PlannedLine {
  readonly courseId: number
  readonly title: string
  readonly amount: Fen
  /** What of the line has not gone back yet, this refund not counted. */
  readonly refundable: Fen
  /** Whether the line is paid back whole by it, so that access to its course ends. */
  readonly takesAccess: boolean
}

/**
 * Works out a refund without booking it. Inside a transaction that holds the order's row it stays true.
 * @throws ShopError REFUND_NOT_POSSIBLE when the order was not paid; REFUND_TOO_MUCH for a line with nothing left, for
 * more than is left, or for a course that is not in the order
 */
export async function planRefund(db: Reader, orderId: number, wanted: readonly LineToRefund[]): Promise<RefundPlan> {
  const paid = await db
    .selectFrom('orders')
    .innerJoin('order_payments', 'order_payments.order_id', 'orders.id')
    .innerJoin('payment_attempts', 'payment_attempts.id', 'order_payments.attempt_id')
    .select(['payment_attempts.id', 'payment_attempts.provider', 'orders.status'])
    .select(['payment_attempts.amount_fen', 'payment_attempts.refunded_fen'])
    .where('orders.id', '=', orderId)
    .executeTakeFirst()
  if (!paid || (paid.status !== 'paid' && paid.status !== 'partially_refunded')) {
    throw new ShopError('REFUND_NOT_POSSIBLE')
  }
  const all = await db
    .selectFrom('order_lines')
    .select(['course_id', 'course_title', 'price_fen', 'refunded_fen'])
    .where('order_id', '=', orderId)
    .orderBy('position')
    .execute()
  if (new Set(wanted.map(({ courseId }) => courseId)).size !== wanted.length) throw new ShopError('REFUND_TOO_MUCH')
  // What went back by hand for no line that is known is gone all the same: less than all lines together may be left.
  let left = paid.amount_fen - paid.refunded_fen
  const planned = wanted.map(({ courseId, amount: part }) => {
    const line = all.find((each) => each.course_id === courseId)
    const ofLine = line ? line.price_fen - line.refunded_fen : 0
    const refundable = toFen(Math.min(ofLine, left))
    const amount = part ?? refundable
    // A line may come to nothing where those before it take the rest of the payment, but not where nothing of itself is left.
    const nothing = line !== undefined && line.price_fen > 0 && (part === 0 || ofLine === 0)
    if (!line || nothing || amount > refundable) throw new ShopError('REFUND_TOO_MUCH')
    left -= amount
    return { courseId, title: line.course_title, amount, refundable, whole: amount === ofLine }
  })
  const amount = sumFen(planned.map((line) => line.amount))
  if (amount === 0) throw new ShopError('REFUND_TOO_MUCH')
  const lines = planned.map(({ whole, ...line }) => ({ ...line, takesAccess: whole || left === 0 }))
  const orderAfter = left === 0 ? 'refunded' : 'partially_refunded'
  return { attemptId: paid.id, payType: paid.provider, amount, lines, orderAfter }
}

/**
 * Books the refund of an order's lines: a buyer's waits for approval, anyone else's is sent once this is committed.
 * `shown` is the sum that the person saw.
 * @throws ShopError as `planRefund`; REFUND_CHANGED when the sum is no longer what was shown;
 * REFUND_ASKED_TOO_OFTEN for a buyer
 */
export async function refundLines(
  tx: Transaction,
  refund: { orderId: number; lines: readonly LineToRefund[]; shown?: Fen; reason: string; by: By; now: Date },
): Promise<BookedRefund> {
  const { orderId, reason, by, now } = refund
  await lockOrder(tx, orderId)
  if (by.actor === 'buyer') await requireFewRequests(tx, orderId)
  const plan = await planRefund(tx, orderId, refund.lines)
  if (refund.shown !== undefined && refund.shown !== plan.amount) throw new ShopError('REFUND_CHANGED')
  const source = { attempt_id: plan.attemptId, unmatched_id: null, amount_fen: plan.amount }
  return book(tx, { source, orderId, lines: plan.lines, reason, by, now })
}

/** Asked for and withdrawn again, over and over, one order would grow without end: everybody who reads it reads all of that. */
const MOST_REQUESTS = 20

async function requireFewRequests(tx: Transaction, orderId: number): Promise<void> {
  const { made } = await tx
    .selectFrom('refunds')
    .select((row) => row.fn.countAll<string>().as('made'))
    .where('order_id', '=', orderId)
    .where('requested_by', '=', 'buyer')
    .executeTakeFirstOrThrow()
  if (Number(made) >= MOST_REQUESTS) throw new ShopError('REFUND_ASKED_TOO_OFTEN')
}

export interface Booking {
  readonly source: RefundSource
  readonly orderId: number | null
  readonly lines: readonly { courseId: number; amount: Fen }[]
  readonly reason: string
  readonly by: By
  readonly now: Date
  /** The number that a refund made by hand was given at the gateway: it is not sent. */
  readonly madeAs?: string
}

/** Reserves the sum, stores the refund, and has it sent unless it waits for approval or was made already. */
export async function book(
  tx: Transaction,
  { source, orderId, lines, reason, by, now, madeAs }: Booking,
): Promise<BookedRefund> {
  const rows = lines.map(({ courseId, amount }) => ({ course_id: courseId, amount_fen: amount }))
  await reserve(tx, orderId, source, rows)
  faultPoint('book: sum reserved')
  const requestNo = madeAs ?? newNumber(now)
  const waits = by.actor === 'buyer'
  const { id } = await tx
    .insertInto('refunds')
    .values({
      request_no: requestNo,
      order_id: orderId,
      ...source,
      status: waits ? 'requested' : 'approved',
      reason,
      requested_by: by.actor === 'buyer' || by.actor === 'staff' ? by.actor : 'shop',
      user_id: by.userId ?? null,
      requested_at: now,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  if (orderId !== null) {
    const bound = rows.map((line) => ({ ...line, refund_id: id, order_id: orderId }))
    if (bound.length > 0) await tx.insertInto('refund_lines').values(bound).execute()
    const to = waits ? 'requested' : 'approved'
    const line = { orderId, at: now, subject: 'refund', number: requestNo, event: 'request', from: null, to } as const
    await addHistory(tx, { ...line, reason, ...by })
  }
  faultPoint('book: stored, not enqueued')
  if (!waits && madeAs === undefined) await enqueue(tx, SEND_REFUND, { refundId: id })
  return { id, requestNo }
}

/** The lines of a refund. */
export const linesOf = (db: Reader, refundId: number) =>
  db.selectFrom('refund_lines').select(['course_id', 'amount_fen']).where('refund_id', '=', refundId).execute()
