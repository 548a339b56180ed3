/** What staff do about a difference, each repair recorded with who, when and why. */

import type { Staff } from '../admin/admin-routes.ts'
import { audit } from '../admin/audit.ts'
import { requireCredentialProof } from '../auth/credential-proof.ts'
import { readSecuritySettings } from '../auth/security-settings.ts'
import type { Transaction } from '../db/connect.ts'
import { ShopError } from '../errors.ts'
import { toFen } from '../money.ts'
import { addHistory } from '../orders/history.ts'
import { leftOf } from '../orders/lines.ts'
import type { By } from '../orders/state-table.ts'
import type { RefundRef } from '../payments/contract.ts'
import { queryAttempt, queryBeforeRefund } from '../payments/gateway-sync/query.ts'
import { resendMissingRefund } from '../payments/gateway-sync/resend-missing.ts'
import { sendRefund } from '../payments/gateway-sync/send-refund.ts'
import { findProvider, type Payments } from '../payments/payments.ts'
import { correctMadeRefund } from '../payments/refunds/correct.ts'
import { requestUnmatchedRefund, rowsOfTrade } from '../payments/refunds/create.ts'
import { requireRefundProof } from '../payments/refunds/credential-proof.ts'
import { sendRefundAgain } from '../payments/refunds/decisions.ts'
import {
  findRefund,
  findReplaced,
  type RefundNumber,
  recordMadeRefund,
  recordSuccess,
} from '../payments/refunds/made.ts'
import { correctListedAmount, recordUnmatched } from '../payments/settlement/unmatched.ts'
import type { DifferenceKind } from './compare.ts'
import { countAgain } from './sales-days.ts'

export const REPAIRS = ['settle', 'refund', 'record', 'ask', 'seen'] as const

export type Repair = (typeof REPAIRS)[number]

/**
 * The repairs allowed for each kind of difference. `ask`: the gateway's answer may explain it. `seen`: staff take note of
 * it, because nothing needs to be done or it was done elsewhere.
 */
export const REPAIRS_OF: Readonly<Record<DifferenceKind, readonly Repair[]>> = {
  PAID_THERE_UNPAID_HERE: ['settle', 'seen'],
  PAID_HERE_UNPAID_THERE: ['ask', 'seen'],
  AMOUNT_DIFFERS: ['refund', 'seen'],
  UNKNOWN_TRADE: ['refund', 'seen'],
  // Whose money it is cannot be known here: refunding it could pay back another system's customer.
  ANOTHER_APPLICATION: ['seen'],
  REFUND_MISSING_HERE: ['record', 'seen'],
  REFUND_MISSING_THERE: ['refund', 'seen'],
  REFUND_AMOUNT_DIFFERS: ['record', 'seen'],
  BILLED_TWICE: ['seen'],
  FEE_DIFFERS: ['seen'],
}

export interface DifferenceRow {
  readonly id: number
  readonly provider: string
  readonly day: string
  readonly kind: DifferenceKind
  readonly trade_no: string
  readonly attempt_no: string
  readonly request_no: string
  readonly order_id: number | null
  readonly ours_fen: number | null
  readonly theirs_fen: number | null
  readonly gone_at: Date | null
  readonly repaired_at: Date | null
}

export const isOpen = (row: { gone_at: Date | null; repaired_at: Date | null }): boolean =>
  row.gone_at === null && row.repaired_at === null

export interface WantedRepair {
  readonly id: number
  readonly repair: Repair
  readonly note: string
}

/**
 * Applies a repair. Idempotent: repeating it has no further effect.
 * @param close wraps the closing of the difference in the last transaction
 * @throws ShopError NOT_FOUND; DIFFERENCE_CLOSED when it is not open; REPAIR_UNFIT when it does not fit the difference;
 * and any error of the repair itself
 */
export async function repairDifference<Answer>(
  payments: Payments,
  staff: Staff,
  { id, repair, note }: WantedRepair,
  close: (tx: Transaction, work: () => Promise<void>) => Promise<Answer>,
): Promise<Answer> {
  const row = await payments.db
    .selectFrom('reconciliation_differences')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst()
  if (!row) throw new ShopError('NOT_FOUND')
  if (!isOpen(row)) throw new ShopError('DIFFERENCE_CLOSED')
  if (!REPAIRS_OF[row.kind].includes(repair)) throw new ShopError('REPAIR_UNFIT')
  const sensitive = (repair === 'refund' || repair === 'record') && (await requireProof(payments, staff, row))
  // A refund that the gateway says it has made already is explained: nothing is sent.
  let outcome: 'resent' | 'explained' | undefined
  if (repair === 'settle') await queryAndSettle(payments, row)
  if (repair === 'ask') await verifyPayment(payments, row)
  if (repair === 'refund' && row.kind === 'REFUND_MISSING_THERE')
    outcome = await resendMissingRefund(payments, nameOf(row), { day: row.day, reason: note, also: countAgain })
  else if (repair === 'refund')
    await queryBeforeRefund(payments, { ...nameOf(row), attemptNo: row.attempt_no, reason: row.kind })
  if (repair === 'record' && row.kind === 'REFUND_AMOUNT_DIFFERS') await recordBilledAmount(payments, row)
  else if (repair === 'record') await recordRefund(payments, staff, row)
  return payments.db.transaction().execute((tx) =>
    close(tx, async () => {
      if (repair === 'refund' && row.kind !== 'REFUND_MISSING_THERE')
        await refundUnknownPayment(tx, payments, staff, row, note)
      await mark(tx, payments, staff, row, { repair: outcome === 'explained' ? 'ask' : repair, note, sensitive })
    }),
  )
}

/**
 * Runs before anything is sent or recorded. The refund limit does not cover repairs, so a fresh credential proof is
 * required for any amount.
 * @returns whether the amount is above that limit; every other owner is then notified
 * @throws ShopError PROOF_REQUIRED
 */
async function requireProof({ db, clock }: Payments, staff: Staff, { ours_fen, theirs_fen }: DifferenceRow) {
  requireCredentialProof(staff, clock())
  const { refundLimit } = await readSecuritySettings(db)
  return toFen(Math.max(ours_fen ?? 0, theirs_fen ?? 0)) > refundLimit
}

const nameOf = ({ provider, trade_no: tradeNo, request_no: requestNo }: DifferenceRow): RefundNumber => ({
  provider,
  tradeNo,
  requestNo,
})

/** Checks that the gateway knows exactly this payment, which means that its bill is late or lists it on another day. */
async function verifyPayment(payments: Payments, row: DifferenceRow): Promise<void> {
  const trade = await findProvider(payments, row.provider).queryTrade(row.attempt_no, await merchantOf(payments, row))
  const same = trade.state === 'paid' && trade.tradeNo === row.trade_no && trade.amount === row.ours_fen
  if (!same) throw new ShopError('NOT_PAID_THERE')
}

/** Queries the gateway once more: only its answer can settle a payment. */
async function queryAndSettle(payments: Payments, row: DifferenceRow): Promise<void> {
  const { provider, attempt_no } = row
  const { trade } = await queryAttempt(payments, { provider, attempt_no, merchant: await merchantOf(payments, row) })
  if (trade.state !== 'paid') throw new ShopError('REPAIR_UNFIT')
}

/** The merchant with which the payment's attempt was opened, if known. */
async function merchantOf({ db }: Payments, { attempt_no: attemptNo }: DifferenceRow): Promise<string | null> {
  const opened = await db
    .selectFrom('payment_attempts')
    .select('merchant')
    .where('attempt_no', '=', attemptNo)
    .executeTakeFirst()
  return opened?.merchant ?? null
}

/** Lists a payment that belongs to none of our orders as unmatched, and refunds it from there. */
async function refundUnknownPayment(
  tx: Transaction,
  payments: Payments,
  staff: Staff,
  row: DifferenceRow,
  note: string,
): Promise<void> {
  const now = payments.clock()
  const listed = await rowsOfTrade(tx, row.provider, row.trade_no)
  // A refund of it exists already, whatever it was listed for.
  if (listed.some((each) => each.refund_id !== null || leftOf(each.amount_fen, each) < each.amount_fen))
    throw new ShopError('REPAIR_UNFIT')
  const known = listed.find((each) => each.resolved_at === null) ?? listed[0]
  if (known && row.theirs_fen !== null) await correctListedAmount(tx, known.id, toFen(row.theirs_fen))
  const unmatchedId = known?.id ?? (await listAsBilled(tx, row, now))
  const { amount } = await requestUnmatchedRefund(tx, { unmatchedId, reason: note, now, userId: staff.user.id })
  await requireRefundProof(tx, staff, amount, now)
}

/** Lists a payment as unmatched, with the data of the day's bill. */
const listAsBilled = (
  tx: Transaction,
  row: Pick<DifferenceRow, 'provider' | 'trade_no' | 'attempt_no' | 'theirs_fen' | 'kind' | 'order_id'>,
  now: Date,
): Promise<number> =>
  recordUnmatched(tx, {
    provider: row.provider,
    tradeNo: row.trade_no,
    attemptNo: row.attempt_no,
    amount: toFen(row.theirs_fen ?? 0),
    reason: row.kind === 'AMOUNT_DIFFERS' ? 'AMOUNT_DIFFERS' : 'UNKNOWN_ATTEMPT',
    orderId: row.order_id,
    now,
    merchant: null,
  })

/**
 * Records the bill's amount of a refund that was made: only the gateway knows what moved.
 * @throws ShopError REPAIR_UNFIT also where the bill lists the refund twice, so that it names no amount
 */
async function recordBilledAmount({ db, clock }: Payments, row: DifferenceRow): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const twice = await tx
      .selectFrom('reconciliation_differences')
      .select('id')
      .where('provider', '=', row.provider)
      .where('trade_no', '=', row.trade_no)
      .where('request_no', '=', row.request_no)
      .where('kind', '=', 'BILLED_TWICE')
      .where('gone_at', 'is', null)
      .executeTakeFirst()
    if (twice) throw new ShopError('REPAIR_UNFIT')
    const madeAt = await correctMadeRefund(tx, { ...nameOf(row), amount: toFen(row.theirs_fen ?? 0), now: clock() })
    if (madeAt) await countAgain(tx, madeAt)
  })
}

/**
 * Records a refund that the gateway has made, ours or external; the gateway is asked first. One of ours that was sent is
 * sent again with its number where the gateway does not say, to learn its result. A refund number that the gateway has
 * closed is refused, though a bill lists it, unless the gateway says that it was made after all.
 */
async function recordRefund(payments: Payments, staff: Staff, row: DifferenceRow): Promise<void> {
  const { db, clock } = payments
  const by = { actor: 'staff', userId: staff.user.id } as const
  const named = nameOf(row)
  const ours = await findRefund(db, named)
  if (ours?.status === 'succeeded' && !ours.spent) return
  const merchant = ours ? ours.merchant : await merchantOf(payments, row)
  const ref = { attemptNo: row.attempt_no, tradeNo: named.tradeNo, requestNo: named.requestNo, merchant }
  const seen = await findProvider(payments, named.provider).queryRefund(ref)
  if (seen?.state !== 'succeeded') {
    if (ours?.spent) throw new ShopError('REFUND_NUMBER_SPENT')
    if (ours && WAS_SENT.includes(ours.status)) return learnResult(payments, ours, named, by)
    // A bill also lists refunds that were only accepted, and never says what became of them.
    if (seen && seen.state !== 'none') throw new ShopError('REFUND_UNDER_WAY')
  }
  const insteadOf = ours ? undefined : await madeInsteadOf(payments, row, ref)
  const at = seen?.state === 'succeeded' ? seen.at : undefined
  await db.transaction().execute((tx) => recordBilledRefund(tx, row, by, { at, now: clock(), insteadOf }))
}

/**
 * The number of our refund in whose place this one was made by hand. The gateway is asked about that number first: if it
 * was made as well, that is recorded, and it is no other's place.
 * @throws ShopError REFUND_UNDER_WAY while its result is open, GATEWAY_UNAVAILABLE
 */
async function madeInsteadOf(payments: Payments, row: DifferenceRow, ref: RefundRef): Promise<string | undefined> {
  const { db, clock } = payments
  const replaced = await findReplaced(db, nameOf(row), toFen(row.theirs_fen ?? 0))
  if (!replaced) return undefined
  const { id: refundId, request_no: requestNo } = replaced
  const seen = await findProvider(payments, row.provider).queryRefund({ ...ref, requestNo })
  if (!seen) throw new ShopError('GATEWAY_UNAVAILABLE')
  if (seen.state === 'accepted' || seen.state === 'later') throw new ShopError('REFUND_UNDER_WAY')
  if (seen.state !== 'succeeded') return requestNo
  const { at } = seen
  await db.transaction().execute((tx) => recordSuccess(tx, { refundId, requestNo, at, now: clock() }))
  return undefined
}

const WAS_SENT: readonly string[] = ['approved', 'sent', 'refused']

async function learnResult(
  payments: Payments,
  ours: { id: number; status: string; request_no: string },
  named: RefundNumber,
  by: By,
): Promise<void> {
  const { db, clock } = payments
  if (ours.status === 'refused') {
    await db.transaction().execute((tx) => sendRefundAgain(tx, { requestNo: ours.request_no, by, now: clock() }))
  }
  await sendRefund(payments, ours.id)
  const after = await findRefund(db, named)
  if (after?.spent) throw new ShopError('REFUND_NUMBER_SPENT')
  if (after?.status !== 'succeeded') throw new ShopError('REFUND_UNDER_WAY')
}

/**
 * Records a refund of the bill. If its payment belongs to no order, the payment is first listed as unmatched, as in that
 * day's bill.
 */
async function recordBilledRefund(
  tx: Transaction,
  row: DifferenceRow,
  by: By,
  { at, now, insteadOf }: { at: Date | undefined; now: Date; insteadOf: string | undefined },
): Promise<void> {
  const paid = await tx
    .selectFrom('reconciliation_differences')
    .selectAll()
    .where('provider', '=', row.provider)
    .where('trade_no', '=', row.trade_no)
    .where('kind', 'in', ['UNKNOWN_TRADE', 'AMOUNT_DIFFERS'])
    .where('gone_at', 'is', null)
    .executeTakeFirst()
  if (paid && (await rowsOfTrade(tx, row.provider, row.trade_no)).length === 0) await listAsBilled(tx, paid, now)
  const amount = toFen(row.theirs_fen ?? 0)
  await recordMadeRefund(tx, {
    ...nameOf(row),
    amount,
    day: row.day,
    at,
    by,
    now,
    ...(insteadOf !== undefined && { insteadOf }),
  })
}

async function mark(
  tx: Transaction,
  payments: Payments,
  staff: Staff,
  row: DifferenceRow,
  { repair, note, sensitive }: { repair: Repair; note: string; sensitive: boolean },
): Promise<void> {
  const now = payments.clock()
  const marked = await tx
    .updateTable('reconciliation_differences')
    .set({ repair, repaired_at: now, repaired_by: staff.user.id, note })
    .where('id', '=', row.id)
    .where('repaired_at', 'is', null)
    .returning('id')
    .executeTakeFirst()
  if (!marked) throw new ShopError('DIFFERENCE_CLOSED')
  const after = { repair, kind: row.kind, tradeNo: row.trade_no, requestNo: row.request_no }
  const entry = { at: now, action: 'difference.repair', subject: `differences/${row.id}`, note }
  await audit(tx, staff, { ...entry, after, sensitive })
  if (row.order_id === null) return
  const order = await tx.selectFrom('orders').select('status').where('id', '=', row.order_id).executeTakeFirstOrThrow()
  await addHistory(tx, {
    orderId: row.order_id,
    at: now,
    subject: 'reconciliation',
    number: String(row.id),
    event: repair,
    from: order.status,
    to: order.status,
    reason: { code: 'DIFFERENCE', kind: row.kind, note },
    actor: 'staff',
    userId: staff.user.id,
  })
}
