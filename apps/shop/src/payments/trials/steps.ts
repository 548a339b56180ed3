/**
 * The steps of a trial payment: its link, its payment, the query of the gateway, the refund, and the refund requested
 * once more. Each run takes the steps that are due; any number of runs and processes, even if killed halfway, reach the
 * same end.
 */
import { sql } from 'kysely'
import { faultPoint } from '#fault-point'
import type { Database } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import { enqueue } from '../../jobs/enqueue.ts'
import { CLOCK_MARGIN_MS } from '../attempts/query-times.ts'
import { findProvider, type Payments } from '../payments.ts'
import { requestUnmatchedRefund } from '../refunds/create.ts'
import { answeredBy } from '../settlement/paid-at-merchant.ts'
import { settle } from '../settlement/settle.ts'
import { ADVANCE_TRIAL } from '../tasks.ts'
import { arrivedNotification, NOTIFICATION_PATIENCE_MS, TRIAL_PAGE, TRIAL_SUBJECT } from './trials.ts'

/** How long it waits for a query whose answer agrees with the payment. */
const QUERY_PATIENCE_MS = 10 * 60_000

/** Often while staff are likely to be watching, then seldom; in the end the job for left trials looks once a minute. */
const LOOKS = [
  { untilMs: 3 * 60_000, everyMs: 2000 },
  { untilMs: 20 * 60_000, everyMs: 15_000 },
]

/** The task: takes the steps that are due, and is queued again soon while the trial is under way. */
export async function followTrial(payments: Payments, trialId: number): Promise<void> {
  const over = await advanceTrial(payments, trialId)
  const now = payments.clock()
  const trial = await readTrial(payments.db, trialId)
  if (over || !trial) return
  // Counted from the last event: a payment that arrives late is followed as closely as an immediate one.
  const age = now.getTime() - (trial.seen_at ?? trial.started_at).getTime()
  const look = LOOKS.find(({ untilMs }) => age < untilMs)
  if (look) await enqueue(payments.db, ADVANCE_TRIAL, { trialId }, new Date(now.getTime() + look.everyMs))
}

/** Advances every unfinished trial: one that staff no longer watch, or whose job was lost. */
export async function advanceLeftTrials(payments: Payments): Promise<void> {
  const left = await payments.db
    .selectFrom('trial_payments')
    .select('id')
    .where('confirmed_at', 'is', null)
    .where('closed_at', 'is', null)
    .orderBy('id', 'desc')
    .limit(20)
    .execute()
  for (const { id } of left) await advanceTrial(payments, id)
}

/** @returns whether the trial has ended; if a gateway gives no answer, the next run queries it again */
export async function advanceTrial(payments: Payments, trialId: number): Promise<boolean> {
  try {
    return await takeSteps(payments, trialId)
  } catch (error) {
    if (!(error instanceof ShopError)) throw error
    payments.log.warn({ trialId, code: error.code }, 'trial payment: no answer yet')
    await noteAnswer(payments, trialId, 'no answer')
    return false
  }
}

async function takeSteps(payments: Payments, trialId: number): Promise<boolean> {
  const trial = await readTrial(payments.db, trialId)
  if (!trial || trial.closed_at || trial.confirmed_at) return true
  // An expired trial requests no link any more: its gateway would refuse it, and the trial would never end.
  if (!trial.link && trial.expires_at > payments.clock()) await orderLink(payments, trial)
  if (!trial.seen_at) return lookForPayment(payments, trial)
  if (!trial.agreed_at && !(await queryAgrees(payments, trial))) return false
  faultPoint('trial: paid, refund not booked')
  if (trial.refund_id === null) return trial.resolved_at ? giveUp(payments, trial) : bookRefund(payments, trial)
  if (trial.refund_status !== 'succeeded') return false
  return confirm(payments, trial, trial.refund_id)
}

type Trial = NonNullable<Awaited<ReturnType<typeof readTrial>>>

const readTrial = (db: Database, trialId: number) =>
  db
    .selectFrom('trial_payments')
    .leftJoin('unmatched_payments', 'unmatched_payments.id', 'trial_payments.unmatched_id')
    .leftJoin('refunds', 'refunds.id', 'unmatched_payments.refund_id')
    .selectAll('trial_payments')
    .select([
      'unmatched_payments.refund_id',
      'unmatched_payments.resolved_at',
      'refunds.status as refund_status',
      'refunds.request_no',
    ])
    .where('trial_payments.id', '=', trialId)
    .executeTakeFirst()

/** Requests the link from a gateway that creates links. */
async function orderLink(payments: Payments, trial: Trial): Promise<void> {
  const { links } = findProvider(payments, trial.provider)
  if (links.signed === 'locally') return
  const { attempt_no: attemptNo, amount_fen: amount, expires_at: expiresAt, channel } = trial
  const { merchant } = trial
  const named = { attemptNo, orderNo: attemptNo, page: TRIAL_PAGE, subject: TRIAL_SUBJECT }
  // The channel already determines the product.
  const client = { device: 'computer', address: trial.payer_address } as const
  const answer = await links.request({ ...named, amount, expiresAt, channel, merchant }, client)
  if ('refusal' in answer) {
    payments.log.error({ attemptNo, refusal: answer.refusal }, 'trial payment: the gateway refused to make a link')
    return
  }
  const { link } = answer
  await payments.db
    .updateTable('trial_payments')
    .set({ link: JSON.stringify(link), link_at: payments.clock() })
    .where('id', '=', trial.id)
    .execute()
}

/** No notification of the payment has arrived: the gateway is queried. A trial not paid in time is closed there. */
async function lookForPayment(payments: Payments, trial: Trial): Promise<boolean> {
  const { provider, attempt_no: attemptNo } = trial
  const trade = await findProvider(payments, provider).queryTrade(attemptNo, trial.merchant)
  const now = payments.clock()
  await noteAnswer(payments, trial.id, trade.state)
  if (trade.state === 'paid') {
    const { tradeNo, amount, paidAt } = trade
    const source = 'query' as const
    const paid = { provider, attemptNo, tradeNo, amount, paidAt, source, now, ...answeredBy(trade) }
    await payments.db.transaction().execute((tx) => settle(tx, paid))
    return false
  }
  if (now.getTime() < trial.expires_at.getTime() + CLOCK_MARGIN_MS) return false
  if (trade.state === 'waiting') {
    await findProvider(payments, provider).close(attemptNo, trial.merchant)
    return false
  }
  await payments.db
    .updateTable('trial_payments')
    .set({ closed_at: now })
    .where('id', '=', trial.id)
    .where('seen_at', 'is', null)
    .execute()
  return true
}

/** The gateway's answer about the trade must agree with the payment. @returns whether to go on */
async function queryAgrees(payments: Payments, trial: Trial): Promise<boolean> {
  const trade = await findProvider(payments, trial.provider).queryTrade(trial.attempt_no, trial.merchant)
  await noteAnswer(payments, trial.id, trade.state)
  const now = payments.clock()
  const same = trade.state === 'paid' && trade.tradeNo === trial.trade_no && trade.amount === trial.amount_fen
  if (!same) return now.getTime() - (trial.seen_at ?? now).getTime() > QUERY_PATIENCE_MS
  await payments.db.updateTable('trial_payments').set({ agreed_at: now }).where('id', '=', trial.id).execute()
  return true
}

/** Staff marked the money as one that is not refunded: the trial proves nothing more. */
async function giveUp({ db, clock }: Payments, trial: Trial): Promise<boolean> {
  await db.updateTable('trial_payments').set({ closed_at: clock() }).where('id', '=', trial.id).execute()
  return true
}

async function bookRefund(payments: Payments, trial: Trial): Promise<boolean> {
  const now = payments.clock()
  const waited = now.getTime() - (trial.seen_at ?? now).getTime()
  const notification = await arrivedNotification(payments.db, trial.attempt_no)
  if (!notification && waited < NOTIFICATION_PATIENCE_MS) return false
  await payments.db.transaction().execute(async (tx) => {
    const held = await tx
      .selectFrom('unmatched_payments')
      .select(['id', 'refund_id', 'resolved_at'])
      .where('id', '=', trial.unmatched_id)
      .modifyEnd(sql`for no key update`)
      .executeTakeFirst()
    if (!held || held.refund_id !== null || held.resolved_at) return
    const about = { unmatchedId: held.id, reason: TRIAL_SUBJECT, now, userId: trial.started_by }
    await requestUnmatchedRefund(tx, about)
  })
  return false
}

/** Requests the same refund again: the gateway must answer that it was made, and no money moves twice. */
async function confirm(payments: Payments, trial: Trial, refundId: number): Promise<boolean> {
  const { attempt_no: attemptNo, trade_no: tradeNo, request_no: requestNo, amount_fen: amount, merchant } = trial
  if (tradeNo === null || requestNo === null) return false
  const again = { attemptNo, tradeNo, requestNo, amount, paid: amount, reason: TRIAL_SUBJECT, tries: 2, merchant }
  const answer = await findProvider(payments, trial.provider).refund(again)
  if (answer.state !== 'succeeded') return false
  const confirmed_at = payments.clock()
  payments.log.info({ refundId }, 'trial payment: the refund is confirmed')
  await payments.db.updateTable('trial_payments').set({ confirmed_at }).where('id', '=', trial.id).execute()
  return true
}

async function noteAnswer({ db, clock }: Payments, trialId: number, answer: string): Promise<void> {
  await db.updateTable('trial_payments').set({ answer, asked_at: clock() }).where('id', '=', trialId).execute()
}
