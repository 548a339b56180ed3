/**
 * Refunds. Requested inside a transaction, with their number and the sum guarded by the database; sent outside of any,
 * and again with the same number until the gateway has said what became of them.
 */
import { sql } from 'kysely'
import type { Database, Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { enqueue } from '../jobs/enqueue.ts'
import type { Fen } from '../money.ts'
import { newNumber } from '../orders/number.ts'
import { lockOrder, transition } from '../orders/transition.ts'
import { type Payments, providerNamed } from './payments.ts'
import type { RefundAnswer } from './providers/provider.ts'

export const SEND_REFUND = 'send-refund'

export interface RefundRequest {
  readonly attemptId: number
  readonly orderId: number
  /** The line that is paid back; without it the whole payment is. */
  readonly courseId?: number
  readonly amount: Fen
  readonly reason: string
  readonly now: Date
}

/** Books the refund and has it sent once the transaction is committed. The database refuses more than was paid. */
export async function requestRefund(tx: Transaction, refund: RefundRequest): Promise<number> {
  await book(tx, refund.attemptId, refund.amount)
  const { id } = await tx
    .insertInto('refunds')
    .values({
      request_no: newNumber(refund.now),
      order_id: refund.orderId,
      attempt_id: refund.attemptId,
      course_id: refund.courseId ?? null,
      amount_fen: refund.amount,
      reason: refund.reason,
      requested_at: refund.now,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await enqueue(tx, SEND_REFUND, { refundId: id })
  return id
}

/**
 * Sends a refund, or sends it again: any number of times and processes, with one effect.
 * @throws ShopError GATEWAY_UNAVAILABLE while the outcome is unknown; the job comes again
 */
export async function sendRefund(payments: Payments, refundId: number): Promise<void> {
  const refund = await claim(payments.db, refundId, payments.clock())
  if (!refund) return
  try {
    const answer = await providerNamed(payments, refund.provider).refund(refund)
    if (answer.state === 'later') throw new ShopError('GATEWAY_UNAVAILABLE', { cause: answer.refusal })
    await payments.db.transaction().execute((tx) => finish(tx, refundId, answer, payments.clock()))
  } finally {
    await letGo(payments.db, refund.attemptId, payments.clock())
  }
}

/** Refunds that nobody has finished for a while, should a job have been lost with its queue. */
export async function sendLeftRefunds(payments: Payments): Promise<void> {
  const before = new Date(payments.clock().getTime() - LEFT_AFTER_MS)
  const left = await payments.db
    .selectFrom('refunds')
    .select('id')
    .where('status', 'in', ['requested', 'sent'])
    .where('requested_at', '<', before)
    .orderBy('requested_at')
    .limit(100)
    .execute()
  for (const { id } of left) {
    try {
      await sendRefund(payments, id)
    } catch (error) {
      if (!(error instanceof ShopError)) throw error
      payments.log.warn({ refundId: id, code: error.code }, 'refund not finished yet; trying again later')
    }
  }
}

const LEFT_AFTER_MS = 5 * 60_000

/** One sender at a time for a payment; one that was killed is waited for this long. Far longer than a call may take. */
const CLAIM_MS = 60_000
/** The gateway wants some seconds between two refunds of one trade. */
const PAUSE_MS = 4000

/**
 * Claims the payment and notes the refund as sent, before the gateway is called: from here on its outcome may be unknown.
 * Undefined once it is finished. @throws ShopError GATEWAY_UNAVAILABLE while another sender has the payment
 */
async function claim(db: Database, refundId: number, now: Date) {
  return db.transaction().execute(async (tx) => {
    const refund = await tx
      .selectFrom('refunds')
      .innerJoin('payment_attempts', 'payment_attempts.id', 'refunds.attempt_id')
      .select(['refunds.attempt_id', 'refunds.request_no', 'refunds.amount_fen', 'refunds.reason', 'refunds.tries'])
      .select(['payment_attempts.provider', 'payment_attempts.attempt_no', 'payment_attempts.trade_no'])
      .where('refunds.id', '=', refundId)
      .where('refunds.status', 'in', ['requested', 'sent'])
      .executeTakeFirst()
    if (!refund) return undefined
    const claimed = await tx
      .updateTable('payment_attempts')
      .set({ refund_claimed_until: new Date(now.getTime() + CLAIM_MS) })
      .where('id', '=', refund.attempt_id)
      .where((where) => where.or([where('refund_claimed_until', 'is', null), where('refund_claimed_until', '<', now)]))
      .returning('id')
      .executeTakeFirst()
    if (!claimed) throw new ShopError('GATEWAY_UNAVAILABLE')
    await tx
      .updateTable('refunds')
      .set({ status: 'sent', sent_at: now, tries: sql`tries + 1` })
      .where('id', '=', refundId)
      .where('status', 'in', ['requested', 'sent'])
      .execute()
    return {
      attemptId: refund.attempt_id,
      requestNo: refund.request_no,
      amount: refund.amount_fen,
      reason: refund.reason,
      tries: refund.tries + 1,
      provider: refund.provider,
      attemptNo: refund.attempt_no,
      tradeNo: refund.trade_no ?? '',
    }
  })
}

async function letGo(db: Database, attemptId: number, now: Date): Promise<void> {
  await db
    .updateTable('payment_attempts')
    .set({ refund_claimed_until: new Date(now.getTime() + PAUSE_MS) })
    .where('id', '=', attemptId)
    .execute()
}

async function finish(
  tx: Transaction,
  refundId: number,
  answer: Exclude<RefundAnswer, { state: 'later' }>,
  now: Date,
): Promise<void> {
  const { order_id: orderId } = await readRefund(tx, refundId)
  await lockOrder(tx, orderId)
  const before = await readRefund(tx, refundId)
  // That it was made outweighs an earlier refusal; nothing outweighs that it was made.
  if (before.status === 'succeeded' || (before.status === 'refused' && answer.state === 'refused')) return
  if (before.status === 'refused') await book(tx, before.attempt_id, before.amount_fen)
  const refund = await tx
    .updateTable('refunds')
    .set({ status: answer.state, finished_at: now, refusal: answer.state === 'refused' ? answer.refusal : null })
    .where('id', '=', refundId)
    .where('status', '=', before.status)
    .returning(['attempt_id', 'course_id', 'amount_fen', 'request_no', 'reason'])
    .executeTakeFirst()
  if (!refund) return
  if (answer.state === 'refused') return release(tx, refund.attempt_id, refund.amount_fen)
  await tx.updateTable('unmatched_payments').set({ resolved_at: now }).where('refund_id', '=', refundId).execute()
  if (refund.course_id === null) return
  const event = (await wholeOrderRefunded(tx, orderId)) ? 'refundRest' : 'refundPart'
  const reason = `${refund.reason}, refund ${refund.request_no}`
  await transition(tx, event, { orderId, at: now, actor: 'gateway', reason })
}

const readRefund = (tx: Transaction, id: number) =>
  tx
    .selectFrom('refunds')
    .select(['order_id', 'status', 'attempt_id', 'amount_fen'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()

/** Counts the amount as going back. The database refuses more than was paid. */
async function book(tx: Transaction, attemptId: number, amount: Fen): Promise<void> {
  await tx
    .updateTable('payment_attempts')
    .set({ refunded_fen: sql<Fen>`refunded_fen + ${amount}` })
    .where('id', '=', attemptId)
    .execute()
}

/** What the gateway refused may be asked for again; it stays on the list for staff. */
async function release(tx: Transaction, attemptId: number, amount: Fen): Promise<void> {
  await tx
    .updateTable('payment_attempts')
    .set({ refunded_fen: sql<Fen>`refunded_fen - ${amount}` })
    .where('id', '=', attemptId)
    .execute()
}

async function wholeOrderRefunded(tx: Transaction, orderId: number): Promise<boolean> {
  const { refunded, total } = await tx
    .selectFrom('orders')
    .innerJoin('order_payments', 'order_payments.order_id', 'orders.id')
    .innerJoin('refunds', 'refunds.attempt_id', 'order_payments.attempt_id')
    .select((column) => [
      column.fn.sum<string>('refunds.amount_fen').as('refunded'),
      column.fn.max('orders.total_fen').as('total'),
    ])
    .where('orders.id', '=', orderId)
    .where('refunds.status', '=', 'succeeded')
    .executeTakeFirstOrThrow()
  return Number(refunded) === total
}
