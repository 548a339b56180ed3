/**
 * Sends approved refunds: outside of any transaction, one sender at a time for a payment, and again with the same number
 * until the gateway has said what became of them.
 */

import { sql } from 'kysely'
import { faultPoint } from '#fault-point'
import type { Database, Transaction } from '../database/connect.ts'
import { revokeForOrder } from '../enrolments/access.ts'
import { ShopError } from '../errors.ts'
import { enqueue } from '../jobs/enqueue.ts'
import { lockOrder, transition } from '../orders/transition.ts'
import { lockRefund, moveRefund } from './move-refund.ts'
import { type Payments, providerNamed } from './payments.ts'
import type { RefundAnswer } from './providers/provider.ts'
import { release, reserve } from './refund-sums.ts'
import { linesOf } from './refunds.ts'
import { SEND_REFUND } from './tasks.ts'

/**
 * Sends a refund, or sends it again: any number of times and processes, with one effect.
 * @throws ShopError GATEWAY_UNAVAILABLE while the outcome is unknown; the job comes again
 */
export async function sendRefund(payments: Payments, refundId: number): Promise<void> {
  const refund = await claim(payments.db, refundId, payments.clock())
  if (!refund) return lookAtRefused(payments, refundId)
  const sent = { id: refundId, requestNo: refund.requestNo }
  faultPoint('refund: claimed, not sent')
  try {
    const answer = await providerNamed(payments, refund.provider).refund(refund)
    faultPoint('refund: sent, not booked')
    if (answer.state === 'later') {
      await noteWhy(payments, sent, answer)
      throw new ShopError('GATEWAY_UNAVAILABLE', { cause: answer.refusal })
    }
    if (answer.state === 'accepted') return await lookAgain(payments, sent, refund.tries)
    await payments.db.transaction().execute((tx) => finishRefund(tx, sent, answer, payments.clock()))
  } finally {
    faultPoint('refund: booked, not let go')
    await letGo(payments.db, refund, payments.clock())
  }
}

/**
 * One that was refused is never sent without staff, who may have paid it back with another number meanwhile; but the
 * gateway may have made it all the same, and then says so. @throws ShopError GATEWAY_UNAVAILABLE
 */
async function lookAtRefused(payments: Payments, refundId: number): Promise<void> {
  const { db, clock } = payments
  const refund = await db.selectFrom('refunds').selectAll().where('id', '=', refundId).executeTakeFirst()
  if (refund?.status !== 'refused') return
  const payment = await paymentOf(db, refund)
  const answer = await providerNamed(payments, payment.provider).lookForRefund({
    attemptNo: payment.attempt_no,
    tradeNo: payment.trade_no ?? '',
    requestNo: refund.request_no,
    merchant: payment.merchant,
  })
  // On its way after all: looked at until it has arrived.
  if (answer?.state === 'accepted') throw new ShopError('GATEWAY_UNAVAILABLE')
  if (answer?.state !== 'succeeded') return
  const asked = { id: refundId, requestNo: refund.request_no }
  await db.transaction().execute((tx) => finishRefund(tx, asked, answer, clock()))
}

/**
 * A refund by the number that an answer is about. Whoever slept over it may find that the refund bears another one by now,
 * which the answer says nothing of.
 */
interface Numbered {
  readonly id: number
  readonly requestNo: string
}

/** Staff see why a refund takes its time: a balance that must be topped up, say. */
async function noteWhy(
  { db, clock }: Payments,
  { id, requestNo }: Numbered,
  { refusal, taken }: { refusal: string; taken?: boolean },
): Promise<void> {
  await db
    .updateTable('refunds')
    // Its first answer may have been lost: that it is over there is known only now.
    .set({ refusal, ...(taken && { accepted_at: sql`coalesce(accepted_at, ${clock()})` }) })
    .where('id', '=', id)
    .where('request_no', '=', requestNo)
    .where('status', '=', 'sent')
    .execute()
}

/** The gateway pays back in its own time: it is asked again soon at first, then seldom, or when it gives notice. */
async function lookAgain({ db, clock }: Payments, { id, requestNo }: Numbered, tries: number): Promise<void> {
  const now = clock()
  const gap = LOOK_AGAIN_MS[Math.min(tries, LOOK_AGAIN_MS.length) - 1] ?? LEFT_AFTER_MS
  const next = new Date(now.getTime() + gap)
  await db.transaction().execute(async (tx) => {
    const noted = await tx
      .updateTable('refunds')
      .set({ accepted_at: sql`coalesce(accepted_at, ${now})`, look_at: next, refusal: null })
      .where('id', '=', id)
      .where('request_no', '=', requestNo)
      .where('status', '=', 'sent')
      .returning('id')
      .executeTakeFirst()
    // What is to be looked at later than this, the job for all that are left finds.
    if (noted && gap < LEFT_AFTER_MS) await enqueue(tx, SEND_REFUND, { refundId: id }, next)
  })
}

/** Refunds that nobody has finished for a while: on their way, or a job was lost with its queue. */
export async function sendLeftRefunds(payments: Payments): Promise<void> {
  const now = payments.clock()
  const before = new Date(now.getTime() - LEFT_AFTER_MS)
  const left = await payments.db
    .selectFrom('refunds')
    .select('id')
    .where('status', 'in', ['approved', 'sent'])
    .where('requested_at', '<', before)
    .where((where) => where.or([where('look_at', 'is', null), where('look_at', '<=', now)]))
    .orderBy(sql`coalesce(look_at, requested_at)`)
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
/** After the first, second, … time that the gateway said it is on its way; to a bank card it takes days. */
const LOOK_AGAIN_MS = [5000, 15_000, 60_000, 5 * 60_000, 30 * 60_000, 6 * 3_600_000]

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
    const refund = await lockRefund(tx, refundId)
    if (refund?.status !== 'approved' && refund?.status !== 'sent') return undefined
    const payment = await claimPayment(tx, refund, now)
    if (!payment) throw new ShopError('GATEWAY_UNAVAILABLE')
    faultPoint('refund: payment claimed')
    const { request_no: requestNo, amount_fen: amount, reason, attempt_id, unmatched_id } = refund
    if (refund.status === 'approved') {
      await moveRefund(tx, 'send', refundId, { at: now, by: { actor: 'job' }, reason, set: { sent_at: now } })
    }
    const look_at = new Date(now.getTime() + LEFT_AFTER_MS)
    await tx.updateTable('refunds').set({ tries: sql`tries + 1`, look_at }).where('id', '=', refundId).execute()
    const { provider, attempt_no: attemptNo, trade_no, amount_fen: paid, merchant } = payment
    const tries = refund.tries + 1
    const tradeNo = trade_no ?? ''
    return { attempt_id, unmatched_id, requestNo, amount, paid, reason, tries, provider, attemptNo, tradeNo, merchant }
  })
}

const KNOWN_AS = ['provider', 'attempt_no', 'trade_no', 'amount_fen', 'merchant'] as const

const paymentOf = (db: Database, { attempt_id, unmatched_id }: Payment) =>
  attempt_id === null
    ? db.selectFrom('unmatched_payments').select(KNOWN_AS).where('id', '=', unmatched_id).executeTakeFirstOrThrow()
    : db.selectFrom('payment_attempts').select(KNOWN_AS).where('id', '=', attempt_id).executeTakeFirstOrThrow()

interface Payment {
  readonly attempt_id: number | null
  readonly unmatched_id: number | null
}

async function claimPayment(tx: Transaction, { attempt_id, unmatched_id }: Payment, now: Date) {
  const claimed = { refund_claimed_until: new Date(now.getTime() + CLAIM_MS) }
  const free = sql<boolean>`coalesce(refund_claimed_until < ${now}, true)`
  if (attempt_id === null) {
    const update = tx.updateTable('unmatched_payments').set(claimed).where('id', '=', unmatched_id).where(free)
    return update.returning(KNOWN_AS).executeTakeFirst()
  }
  const update = tx.updateTable('payment_attempts').set(claimed).where('id', '=', attempt_id).where(free)
  return update.returning(KNOWN_AS).executeTakeFirst()
}

async function letGo(db: Database, { attempt_id, unmatched_id }: Payment, now: Date): Promise<void> {
  const paused = { refund_claimed_until: new Date(now.getTime() + PAUSE_MS) }
  const update =
    attempt_id === null
      ? db.updateTable('unmatched_payments').set(paused).where('id', '=', unmatched_id)
      : db.updateTable('payment_attempts').set(paused).where('id', '=', attempt_id)
  await update.execute()
}

type FinalAnswer = Exclude<RefundAnswer, { state: 'later' | 'accepted' }>

/** Books what the gateway said. That it was made outweighs an earlier refusal; nothing outweighs that it was made. */
export async function finishRefund(
  tx: Transaction,
  { id: refundId, requestNo }: Numbered,
  answer: FinalAnswer,
  now: Date,
): Promise<void> {
  const { order_id: orderId } = await tx
    .selectFrom('refunds')
    .select('order_id')
    .where('id', '=', refundId)
    .executeTakeFirstOrThrow()
  if (orderId !== null) await lockOrder(tx, orderId)
  if ((await lockRefund(tx, refundId))?.request_no !== requestNo) return
  const move = { at: now, by: { actor: 'gateway' } } as const
  if (answer.state === 'refused') {
    const set = { refusal: answer.refusal, number_spent: answer.spent ?? false }
    const before = await moveRefund(tx, 'refuse', refundId, { ...move, reason: answer.refusal, set })
    if (before) await release(tx, orderId, before, await linesOf(tx, refundId))
    return
  }
  const before = await moveRefund(tx, 'succeed', refundId, { ...move, reason: '', set: { refusal: null } })
  if (!before) return
  faultPoint('refund: succeeded, order not moved')
  const lines = await linesOf(tx, refundId)
  if (before.status === 'refused') await reserve(tx, orderId, before, lines)
  await tx
    .updateTable('unmatched_payments')
    .set({ resolved_at: now, resolution: 'refunded' })
    .where('refund_id', '=', refundId)
    .where('resolved_at', 'is', null)
    .execute()
  if (orderId === null || !(await paysFor(tx, orderId, before.attempt_id))) return
  const courseIds = lines.map((line) => line.course_id)
  await moveOrderOn(tx, orderId, courseIds, now, `${before.reason}, refund ${before.request_no}`)
}

/** Whether it is the payment that its order was served for: what else came for it changes nothing by going back. */
async function paysFor(tx: Transaction, orderId: number, attemptId: number | null): Promise<boolean> {
  if (attemptId === null) return false
  const pays = tx.selectFrom('order_payments').select('order_id')
  return (
    (await pays.where('order_id', '=', orderId).where('attempt_id', '=', attemptId).executeTakeFirst()) !== undefined
  )
}

/**
 * The order's next state, and the access that goes: of the lines that are paid back whole, or of all with the last fen of
 * the payment, whichever lines it went back for.
 */
async function moveOrderOn(
  tx: Transaction,
  orderId: number,
  courseIds: readonly number[],
  now: Date,
  reason: string,
): Promise<void> {
  const lines = await paidBack(tx, orderId)
  const whole = lines.every((line) => line.gone === line.price_fen) || (await isPaidBack(tx, orderId))
  const gone = lines
    .filter((line) => whole || (line.gone === line.price_fen && courseIds.includes(line.course_id)))
    .map((line) => line.course_id)
  const by = { actor: 'gateway' } as const
  await transition(tx, whole ? 'refundRest' : 'refundPart', { orderId, at: now, by, reason })
  faultPoint('refund: order moved, access not gone')
  await revokeForOrder(tx, { orderId, courseIds: gone, at: now, reason })
}

/** Whether all of the order's payment has gone back for certain. */
async function isPaidBack(tx: Transaction, orderId: number): Promise<boolean> {
  const { rows } = await sql<{ whole: boolean }>`
    select paying.amount_fen = (select coalesce(sum(amount_fen), 0) from refunds
                                where attempt_id = paying.id and status = 'succeeded') as whole
    from order_payments join payment_attempts paying on paying.id = order_payments.attempt_id
    where order_payments.order_id = ${orderId}`.execute(tx)
  return rows[0]?.whole ?? false
}

/** What of each line has gone back for certain. */
async function paidBack(
  tx: Transaction,
  orderId: number,
): Promise<{ course_id: number; price_fen: number; gone: number }[]> {
  const { rows } = await sql<{ course_id: number; price_fen: number; gone: number }>`
    select line.course_id, line.price_fen, coalesce(sum(back.amount_fen), 0)::bigint as gone
    from order_lines line
    left join (select refund_lines.* from refund_lines
               join refunds on refunds.id = refund_lines.refund_id and refunds.status = 'succeeded'
               where refund_lines.order_id = ${orderId}) back on back.course_id = line.course_id
    where line.order_id = ${orderId}
    group by line.course_id, line.price_fen`.execute(tx)
  return rows
}
