/**
 * The inbox. Every notification is kept as received, with each check's verdict and what it did, in the same transaction
 * as its effect; only after that commit is it acknowledged. Of what nobody signed only so much is kept (`unsigned.ts`).
 */
import { faultPoint } from '#fault-point'
import { type Brief, brief } from '../database/brief.ts'
import type { Reader, Transaction } from '../database/connect.ts'
import { enqueue } from '../jobs/enqueue.ts'
import type { Payments } from './payments.ts'
import type { Check, PaymentProvider, RawNotification, ReadNotification } from './providers/provider.ts'
import type { NotificationRow } from './repeated.ts'
import { type AttemptToSettle, attemptToSettle, type Settlement, settle } from './settle.ts'
import { SEND_REFUND } from './tasks.ts'
import { mayKeepUnsigned, notKept } from './unsigned.ts'

/** What is kept of a body; a genuine notification is a few kilobytes. */
export const KEPT_BYTES = 64 * 1024

/** What the checks said, and what it did. */
export interface Verdict extends Received {
  readonly checks: readonly Check[]
}

export interface Received {
  /** Whether the gateway may stop sending it. */
  readonly accepted: boolean
  readonly effect: string
}

export async function receiveNotification(
  payments: Payments,
  provider: PaymentProvider,
  raw: RawNotification,
): Promise<Received> {
  const read = await provider.readNotification(raw)
  faultPoint('inbox: read, not kept')
  if (!isSigned(read) && !mayKeepUnsigned(sizeOf(raw))) {
    notKept.inc()
    return { accepted: false, effect: 'refused' }
  }
  if (read.paid && (await payments.repeats.isRepeat(provider.name, read.paid))) {
    const checks = [...read.checks, ...orderChecks({ outcome: 'repeated' })]
    const verdict = { checks, accepted: true, effect: 'repeated' }
    await payments.repeats.keep(rowOf(payments.clock(), provider, raw, read, verdict))
    faultPoint('inbox: kept, not answered')
    return verdict
  }
  try {
    const received = await brief(payments.db, (transaction) => handle(transaction, payments, provider, raw, read))
    faultPoint('inbox: kept, not answered')
    return received
  } catch (error) {
    payments.log.error({ err: error, attemptNo: read.attemptNo }, 'notification could not be handled')
    // Its effect is undone, but it is kept, and the gateway will send it again.
    const failed = { checks: [...read.checks], accepted: false, effect: 'failed' }
    await notificationRow(payments.db, rowOf(payments.clock(), provider, raw, read, failed)).execute()
    throw error
  }
}

const isSigned = ({ checks }: ReadNotification): boolean =>
  checks.some(({ check, passed }) => check === 'signature' && passed)

const sizeOf = ({ body, headers }: RawNotification): number =>
  Math.min(body.length, KEPT_BYTES) + Buffer.byteLength(JSON.stringify(headers))

async function handle(
  { tx, begin, end }: Brief,
  payments: Payments,
  provider: PaymentProvider,
  raw: RawNotification,
  read: ReadNotification,
): Promise<Received> {
  const [held] = read.paid
    ? await begin(attemptToSettle(payments.db, { provider: provider.name, attemptNo: read.paid.attemptNo }))
    : await begin()
  const verdict = await act(tx, payments, provider, read, 'notification', held?.[0])
  faultPoint('inbox: settled, not kept')
  await end(notificationRow(tx, rowOf(payments.clock(), provider, raw, read, verdict)))
  return verdict
}

/** What a notification says is settled; the verdict says what each check found, and what it did. */
export async function act(
  tx: Transaction,
  payments: Payments,
  provider: PaymentProvider,
  read: ReadNotification,
  source: string,
  held?: AttemptToSettle,
): Promise<Verdict> {
  const now = payments.clock()
  if (read.refundNo !== undefined) await askAboutRefund(tx, read.refundNo)
  const settlement = read.paid && (await settle(tx, { ...read.paid, provider: provider.name, source, now }, held))
  const checks = [...read.checks, ...(settlement ? orderChecks(settlement) : [])]
  const accepted = settlement ? orderChecks(settlement).every((check) => check.passed) : read.nothingToDo === true
  const effect = settlement ? effectOf(settlement) : accepted ? 'nothing to do' : read.probe ? 'probe' : 'refused'
  return { checks, accepted, effect }
}

/** Its word is not taken for the refund: the gateway is asked, with the refund's own number. */
async function askAboutRefund(tx: Transaction, requestNo: string): Promise<void> {
  const refund = await tx
    .selectFrom('refunds')
    .select('id')
    .where('request_no', '=', requestNo)
    .where('status', 'in', ['sent', 'refused'])
    .executeTakeFirst()
  if (refund) await enqueue(tx, SEND_REFUND, { refundId: refund.id })
}

/** The two checks that need our books: is the order ours, and is the amount its amount. */
function orderChecks(settlement: Settlement): Check[] {
  const reason = settlement.outcome === 'set-aside' ? settlement.reason : undefined
  const known = { check: 'order', passed: reason !== 'UNKNOWN_ATTEMPT' }
  return known.passed ? [known, { check: 'amount', passed: reason !== 'AMOUNT_DIFFERS' }] : [known]
}

function effectOf(settlement: Settlement): string {
  return settlement.outcome === 'set-aside' ? `set aside: ${settlement.reason}` : settlement.outcome
}

const notificationRow = (db: Reader, row: NotificationRow) => db.insertInto('notifications').values(row)

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
  accepted: verdict.accepted,
  attempt_no: storable(read.attemptNo ?? null),
  notify_id: storable(read.notifyId ?? null),
  trade_no: storable(read.tradeNo ?? null),
})

/** PostgreSQL keeps no NUL and no half of a character; somebody may send either. The body itself is kept byte for byte. */
export function storable<Value>(value: Value): Value {
  const text = JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'string' ? part.replaceAll('\0', '').toWellFormed() : part,
  )
  return JSON.parse(text) as Value
}
