/**
 * The inbox. Every notification is stored as received, with each check's result and its effect, in the same transaction
 * as that effect; it is acknowledged only after the commit. Notifications with an invalid signature are stored up to a
 * quota (`unverified-quota.ts`), and duplicates of one notification up to a limit (`rows.ts`).
 */
import { sql } from 'kysely'
import { faultPoint } from '#fault-point'
import type { Transaction } from '../../db/connect.ts'
import { type PipelinedTransaction, pipelinedTransaction } from '../../db/statements/pipelined-transaction.ts'
import { noteVerified } from '../../http/load/overload.ts'
import { enqueue } from '../../jobs/enqueue.ts'
import type { Check, PaymentProvider, RawNotification, ReadNotification } from '../contract.ts'
import type { Payments } from '../payments.ts'
import type { PaidAttempt, Settlement, UnmatchedReason } from '../settlement/outcome.ts'
import { type AttemptToSettle, attemptToSettle, settle } from '../settlement/settle.ts'
import { SEND_REFUND } from '../tasks.ts'
import { insertNotifications, keepNotifications, type NotificationRow } from './rows.ts'
import { costOf, notKept } from './unverified-quota.ts'

/** How much of a body is stored; a genuine notification is a few kilobytes. */
export const KEPT_BYTES = 64 * 1024

/** The results of the checks, and the effect of the notification. */
export interface Verdict extends Received {
  readonly checks: readonly Check[]
}

/** What effect a notification can have. */
export type Effect = 'settled' | 'repeated' | 'unmatched' | 'nothing_to_do' | 'refused' | 'probe' | 'failed'

export interface Received {
  /** Whether the gateway may stop sending it. */
  readonly accepted: boolean
  readonly effect: Effect
  /** Why its payment was recorded as unmatched. */
  readonly reason: UnmatchedReason | null
}

export async function receiveNotification(
  payments: Payments,
  provider: PaymentProvider,
  raw: RawNotification,
): Promise<Received> {
  const read = await provider.readNotification(raw)
  faultPoint('inbox: read, not kept')
  noteVerified(isVerified(read))
  if (!isVerified(read)) return refuseUnverified(payments, provider, raw, read)
  if (read.paid && (await payments.duplicates.isDuplicate(provider.name, read.paid))) {
    const checks = [...read.checks, ...orderChecks({ outcome: 'repeated' })]
    const verdict: Verdict = { checks, accepted: true, effect: 'repeated', reason: null }
    await payments.duplicates.keep(rowOf(payments.clock(), provider, raw, read, verdict))
    faultPoint('inbox: kept, not answered')
    return verdict
  }
  try {
    // guard: notification-transaction
    const received = await pipelinedTransaction(payments.db, (transaction) =>
      handle(transaction, payments, provider, raw, read),
    )
    faultPoint('inbox: kept, not answered')
    return received
  } catch (error) {
    payments.log.error({ err: error, attemptNo: read.attemptNo }, 'notification could not be handled')
    // Its effect was rolled back, but the notification is stored, and the gateway will send it again.
    const failed: Verdict = { checks: read.checks, accepted: false, effect: 'failed', reason: null }
    await keepNotifications(payments.db, [rowOf(payments.clock(), provider, raw, read, failed)])
    throw error
  }
}

const isVerified = ({ checks }: ReadNotification): boolean =>
  checks.some(({ check, passed }) => check === 'signature' && passed)

/** Stores it within the quota; its content has no effect. */
async function refuseUnverified(
  { clock, quota, duplicates }: Payments,
  provider: PaymentProvider,
  raw: RawNotification,
  read: ReadNotification,
): Promise<Received> {
  const verdict: Verdict = { checks: read.checks, accepted: false, ...refusalOf(read) }
  const row = rowOf(clock(), provider, raw, read, verdict)
  if (await quota.take(raw.address, costOf(row), clock())) await duplicates.keep(row)
  else notKept.inc({ reason: 'unverified' })
  return verdict
}

async function handle(
  { tx, begin, end }: PipelinedTransaction,
  payments: Payments,
  provider: PaymentProvider,
  raw: RawNotification,
  read: ReadNotification,
): Promise<Received> {
  const [held] = read.paid
    ? await begin(attemptToSettle(payments.db, { provider: provider.name, attemptNo: read.paid.attemptNo }))
    : await begin()
  const verdict = await act(tx, payments, provider, read, { source: 'notification' }, held?.[0])
  faultPoint('inbox: settled, not kept')
  // guard: notification-stored
  const kept = await end(insertNotifications(tx, [rowOf(payments.clock(), provider, raw, read, verdict)]))
  if (kept.length === 0) notKept.inc({ reason: 'duplicate' })
  return verdict
}

/** Settles the payment that a notification reports; the verdict has the result of each check, and the effect. */
export async function act(
  tx: Transaction,
  payments: Payments,
  provider: PaymentProvider,
  read: ReadNotification,
  heard: Pick<PaidAttempt, 'source' | 'replayed'>,
  held?: AttemptToSettle,
): Promise<Verdict> {
  const now = payments.clock()
  if (read.refundNo !== undefined) await queueRefundQuery(tx, read.refundNo)
  const settlement = read.paid && (await settle(tx, { ...read.paid, provider: provider.name, ...heard, now }, held))
  const checks = [...read.checks, ...(settlement ? orderChecks(settlement) : [])]
  const accepted = settlement ? orderChecks(settlement).every((check) => check.passed) : read.nothingToDo === true
  if (settlement) return { checks, accepted, ...effectOf(settlement) }
  return { checks, accepted, ...(accepted ? { effect: 'nothing_to_do', reason: null } : refusalOf(read)) }
}

/** The notification's result is not relied on: the gateway is queried, with the refund's own number. */
async function queueRefundQuery(tx: Transaction, requestNo: string): Promise<void> {
  const refunds = tx.selectFrom('refunds').select('id')
  const refund =
    (await refunds.where('request_no', '=', requestNo).where('status', '<>', 'succeeded').executeTakeFirst()) ??
    (await refunds
      .where('spent_numbers', '<>', sql<string[]>`'{}'`)
      .where((where) => where(where.val(requestNo), '=', where.fn.any('spent_numbers')))
      .executeTakeFirst())
  if (refund) await enqueue(tx, SEND_REFUND, { refundId: refund.id })
}

/** The two checks that need our books: whether the order is ours, and whether the amount is right. */
function orderChecks(settlement: Settlement): Check[] {
  const reason = settlement.outcome === 'unmatched' ? settlement.reason : undefined
  const known = { check: 'order', passed: reason !== 'UNKNOWN_ATTEMPT' }
  return known.passed ? [known, { check: 'amount', passed: reason !== 'AMOUNT_DIFFERS' }] : [known]
}

const effectOf = (settlement: Settlement): Pick<Verdict, 'effect' | 'reason'> =>
  settlement.outcome === 'unmatched'
    ? { effect: 'unmatched', reason: settlement.reason }
    : { effect: settlement.outcome, reason: null }

const refusalOf = ({ probe }: ReadNotification): Pick<Verdict, 'effect' | 'reason'> => ({
  effect: probe ? 'probe' : 'refused',
  reason: null,
})

const rowOf = (
  now: Date,
  provider: PaymentProvider,
  raw: RawNotification,
  read: ReadNotification,
  verdict: Verdict,
): NotificationRow => ({
  provider: provider.name,
  received_at: now,
  address: raw.address,
  content_type: storable(raw.contentType),
  headers: JSON.stringify(storable(raw.headers)),
  body: raw.body.subarray(0, KEPT_BYTES),
  body_bytes: raw.bodyBytes,
  checks: JSON.stringify(storable(verdict.checks)),
  effect: verdict.effect,
  reason_code: verdict.reason,
  accepted: verdict.accepted,
  attempt_no: storable(read.attemptNo ?? null),
  notify_id: storable(read.notifyId ?? null),
  trade_no: storable(read.tradeNo ?? null),
})

/**
 * PostgreSQL stores neither NUL nor unpaired surrogates, and anyone can send them. The body itself is stored byte for
 * byte.
 */
export function storable<Value>(value: Value): Value {
  const text = JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'string' ? part.replaceAll('\0', '').toWellFormed() : part,
  )
  return JSON.parse(text) as Value
}
