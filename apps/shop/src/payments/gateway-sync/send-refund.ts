/**
 * Sends approved refunds: outside any transaction, one sender at a time for each payment, and again with the same
 * number until the gateway has reported the outcome.
 */

import { sql } from 'kysely'
import { faultPoint } from '#fault-point'
import type { Database, Reader, Transaction } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import { enqueue } from '../../jobs/enqueue.ts'
import { lockOrder } from '../../orders/transition.ts'
import type { RefundAnswer, RefundRef } from '../contract.ts'
import { findProvider, type Payments } from '../payments.ts'
import { release } from '../refunds/balance.ts'
import { linesOf } from '../refunds/create.ts'
import { giveWay, recordSuccess } from '../refunds/made.ts'
import type { RefundStatus } from '../refunds/states.ts'
import { lockRefund, moveRefund, type RefundRow, reasonOf } from '../refunds/transition.ts'
import { SEND_REFUND } from '../tasks.ts'

/**
 * Sends a refund, or sends it again: any number of times and from any number of processes, with one effect.
 * @throws ShopError GATEWAY_UNAVAILABLE while the outcome is unknown; the job retries
 */
export async function sendRefund(payments: Payments, refundId: number): Promise<void> {
  const known = await payments.db.selectFrom('refunds').selectAll().where('id', '=', refundId).executeTakeFirst()
  if (!known) return
  // Before it is sent with another number: one that the gateway had closed may have been made after all.
  await lookUp(payments, known, [...known.spent_numbers, ...(UNSENT.includes(known.status) ? [known.request_no] : [])])
  const refund = await claim(payments, refundId)
  if (!refund) return
  const sent = { id: refundId, requestNo: refund.requestNo, tries: refund.tries }
  faultPoint('refund: claimed, not sent')
  try {
    const madeAs = await madeUnderEarlierNumber(payments.db, refundId)
    if (madeAs !== undefined) return await stopSending(payments, { ...sent, madeAs }, refund)
    const answer = await findProvider(payments, refund.provider).refund(refund)
    faultPoint('refund: sent, not booked')
    if (answer.state === 'later') {
      await recordRefusal(payments, sent, answer)
      throw new ShopError('GATEWAY_UNAVAILABLE', { cause: answer.refusal })
    }
    if (answer.state === 'accepted') return await scheduleLookup(payments, sent)
    await payments.db.transaction().execute((tx) => finishRefund(tx, sent, answer, payments.clock()))
  } finally {
    faultPoint('refund: booked, not let go')
    await releaseClaim(payments.db, refund, payments.clock())
  }
}

/**
 * A refund that the shop does not send now may have been made all the same: it was refused and sent again only by staff,
 * or declined or withdrawn and made in the gateway's console. Its outcome is looked up, under every number that it had.
 * @throws ShopError GATEWAY_UNAVAILABLE
 */
async function lookUp(payments: Payments, refund: RefundRow, numbers: readonly string[]): Promise<void> {
  const { db, clock } = payments
  const payment = await paymentOf(db, refund)
  for (const requestNo of numbers) {
    const answer = await findProvider(payments, payment.provider).queryRefund({
      attemptNo: payment.attempt_no,
      tradeNo: payment.trade_no ?? '',
      requestNo,
      merchant: payment.merchant,
    })
    // It is in progress after all: look again until it has arrived.
    if (answer?.state === 'accepted' && requestNo === refund.request_no) throw new ShopError('GATEWAY_UNAVAILABLE')
    if (answer?.state !== 'succeeded') continue
    const { at } = answer
    await db.transaction().execute((tx) => recordSuccess(tx, { refundId: refund.id, requestNo, at, now: clock() }))
  }
}

/** The earlier number of this refund with which its gateway has made it after all. */
async function madeUnderEarlierNumber(db: Database, refundId: number): Promise<string | undefined> {
  const { rows } = await sql<{ request_no: string }>`
    select made.request_no from refunds r join refunds made on made.request_no = any(r.spent_numbers)
      and made.attempt_id is not distinct from r.attempt_id and made.unmatched_id is not distinct from r.unmatched_id
    where r.id = ${refundId} and made.status = 'succeeded'`.execute(db)
  return rows[0]?.request_no
}

/**
 * The money has gone back under an earlier number: this one is not sent any more, and gives way unless its gateway has
 * it as well.
 * @throws ShopError GATEWAY_UNAVAILABLE while that is not known
 */
async function stopSending(
  payments: Payments,
  sent: Numbered & { readonly madeAs: string },
  refund: RefundRef & { readonly provider: string },
): Promise<void> {
  const answer = await findProvider(payments, refund.provider).queryRefund(refund)
  if (!answer || answer.state === 'accepted' || answer.state === 'later') throw new ShopError('GATEWAY_UNAVAILABLE')
  const { db, clock } = payments
  await db.transaction().execute((tx) => {
    const { id: refundId, requestNo, madeAs } = sent
    if (answer.state === 'succeeded') return finishRefund(tx, sent, answer, clock())
    return giveWay(tx, { refundId, requestNo, madeAs, now: clock() })
  })
}

/** The states in which the shop does not send a refund, and knows of no success. */
const UNSENT: readonly RefundStatus[] = ['requested', 'refused', 'declined', 'withdrawn']

/**
 * A refund with the number that an answer is about. The refund may have been given another number while the call was
 * under way; the answer does not apply to that one.
 */
interface Numbered {
  readonly id: number
  readonly requestNo: string
  /** How many times it had been sent, the call of the answer included. */
  readonly tries: number
}

/** Lets staff see why a refund takes long: a balance that must be topped up, for example. */
async function recordRefusal(
  { db, clock }: Payments,
  { id, requestNo, tries }: Numbered,
  { refusal, taken, unmade }: Extract<RefundAnswer, { state: 'later' }>,
): Promise<void> {
  await db
    .updateTable('refunds')
    // The first answer may have been lost: only now is it known that the gateway has the refund.
    .set({ refusal, ...(taken && { accepted_at: sql`coalesce(accepted_at, ${clock()})` }) })
    .$if(unmade === true, (refund) => refund.set({ refused_tries: tries }))
    .where('id', '=', id)
    .where('request_no', '=', requestNo)
    .where('status', '=', 'sent')
    .execute()
}

/** The gateway refunds in its own time: it is queried soon at first, then seldom, or when it sends a notification. */
async function scheduleLookup({ db, clock }: Payments, { id, requestNo, tries }: Numbered): Promise<void> {
  const now = clock()
  const gap = LOOKUP_DELAYS_MS[Math.min(tries, LOOKUP_DELAYS_MS.length) - 1] ?? LEFT_AFTER_MS
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
    // Anything later than this is found by the job for left refunds.
    if (noted && gap < LEFT_AFTER_MS) await enqueue(tx, SEND_REFUND, { refundId: id }, next)
  })
}

/** Refunds that have been unfinished for a while: in progress at the gateway, or their job was lost. */
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
/** Delays after the first, second, … answer of "in progress"; a refund to a bank card takes days. */
const LOOKUP_DELAYS_MS = [5000, 15_000, 60_000, 5 * 60_000, 30 * 60_000, 6 * 3_600_000]

/**
 * One sender at a time for a payment. A claim expires after this time if its sender was killed; a call takes far less.
 */
const CLAIM_MS = 60_000
/** Pause between any two calls about the refunds of one payment. */
const PAUSE_MS = 4000

/**
 * Claims the payment and records the refund as sent before the gateway is called: from here on its outcome may be
 * unknown. Undefined if the refund is finished, or has to wait for its turn, for which a job is queued.
 * @throws ShopError GATEWAY_UNAVAILABLE while another sender has claimed the payment
 */
async function claim(payments: Payments, refundId: number) {
  const now = payments.clock()
  return payments.db.transaction().execute(async (tx) => {
    const refund = await lockRefund(tx, refundId)
    if (refund?.status !== 'approved' && refund?.status !== 'sent') return undefined
    const turn = await earliestSendTime(payments, tx, refund)
    if (turn && turn > now) {
      await enqueue(tx, SEND_REFUND, { refundId }, turn)
      return undefined
    }
    const payment = await claimPayment(tx, refund, now)
    if (!payment) throw new ShopError('GATEWAY_UNAVAILABLE')
    faultPoint('refund: payment claimed')
    const { request_no: requestNo, amount_fen: amount, reason, attempt_id, unmatched_id } = refund
    if (refund.status === 'approved') {
      const by = { actor: 'job' } as const
      await moveRefund(tx, 'send', refundId, { at: now, by, reason: reasonOf(refund), set: { sent_at: now } })
    }
    const look_at = new Date(now.getTime() + LEFT_AFTER_MS)
    await tx.updateTable('refunds').set({ tries: sql`tries + 1`, look_at }).where('id', '=', refundId).execute()
    const { provider, attempt_no: attemptNo, trade_no, amount_fen: paid, merchant } = payment
    const tries = refund.tries + 1
    const tradeNo = trade_no ?? ''
    // guard: refund-number
    return { attempt_id, unmatched_id, requestNo, amount, paid, reason, tries, provider, attemptNo, tradeNo, merchant }
  })
}

/**
 * When a refund that was never sent may be sent: the gateway requires some time after the last refund of the same
 * payment. Undefined if there was no other. The caller holds the lock on the refund's row.
 */
async function earliestSendTime(payments: Payments, tx: Transaction, refund: RefundRow): Promise<Date | undefined> {
  if (refund.status !== 'approved') return undefined
  const { attempt_id, unmatched_id } = refund
  const all = tx.selectFrom('refunds').select((row) => row.fn.max('sent_at').as('last'))
  const of =
    attempt_id === null ? all.where('unmatched_id', '=', unmatched_id) : all.where('attempt_id', '=', attempt_id)
  // To the gateway, a new number makes it another refund.
  const isAnother = refund.spent_numbers.length > 0
  const { last } = await (isAnother ? of : of.where('id', '!=', refund.id)).executeTakeFirstOrThrow()
  if (!last) return undefined
  const { provider } = await paymentOf(tx, refund)
  return new Date(last.getTime() + findProvider(payments, provider).refundGapMs)
}

const KNOWN_AS = ['provider', 'attempt_no', 'trade_no', 'amount_fen', 'merchant'] as const

export const paymentOf = (db: Reader, { attempt_id, unmatched_id }: Payment) =>
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

async function releaseClaim(db: Database, { attempt_id, unmatched_id }: Payment, now: Date): Promise<void> {
  const paused = { refund_claimed_until: new Date(now.getTime() + PAUSE_MS) }
  const update =
    attempt_id === null
      ? db.updateTable('unmatched_payments').set(paused).where('id', '=', unmatched_id)
      : db.updateTable('payment_attempts').set(paused).where('id', '=', attempt_id)
  await update.execute()
}

type FinalAnswer = Exclude<RefundAnswer, { state: 'later' | 'accepted' }>

/** Records the gateway's answer. A success overrides an earlier refusal; nothing overrides a success. */
async function finishRefund(
  tx: Transaction,
  { id: refundId, requestNo, tries }: Numbered,
  answer: FinalAnswer,
  now: Date,
): Promise<void> {
  if (answer.state === 'succeeded') return recordSuccess(tx, { refundId, requestNo, at: answer.at, now })
  const { order_id: orderId } = await tx
    .selectFrom('refunds')
    .select('order_id')
    .where('id', '=', refundId)
    .executeTakeFirstOrThrow()
  if (orderId !== null) await lockOrder(tx, orderId)
  if ((await lockRefund(tx, refundId))?.request_no !== requestNo) return
  const move = { at: now, by: { actor: 'gateway' } } as const
  const set = { refusal: answer.refusal, number_spent: answer.spent ?? false, refused_tries: tries }
  const before = await moveRefund(tx, 'refuse', refundId, { ...move, reason: answer.refusal, set })
  if (before) await release(tx, orderId, before, await linesOf(tx, refundId))
}
