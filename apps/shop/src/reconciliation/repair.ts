/** What staff do about a difference, each repair recorded with who, when and why. */
import { audit } from '../accounts/audit.ts'
import type { Staff } from '../accounts/desk.ts'
import type { Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { toFen } from '../money.ts'
import { addHistory } from '../orders/history.ts'
import { askAbout } from '../payments/ask.ts'
import { makeRefundGood, recordForeignRefund } from '../payments/foreign-refunds.ts'
import type { Payments } from '../payments/payments.ts'
import { sendRefundAgain } from '../payments/refund-decisions.ts'
import { requestUnmatchedRefund } from '../payments/refunds.ts'
import { sendRefund } from '../payments/send-refund.ts'
import { listUnmatched } from '../payments/unmatched.ts'
import type { DifferenceKind } from './compare.ts'

export const REPAIRS = ['settle', 'refund', 'record', 'seen'] as const

export type Repair = (typeof REPAIRS)[number]

/** What can be done about each kind. `seen` takes note of it: nothing is to be done, or it was done elsewhere. */
export const REPAIRS_OF: Readonly<Record<DifferenceKind, readonly Repair[]>> = {
  PAID_THERE_UNPAID_HERE: ['settle', 'seen'],
  PAID_HERE_UNPAID_THERE: ['seen'],
  AMOUNT_DIFFERS: ['refund', 'seen'],
  UNKNOWN_TRADE: ['refund', 'seen'],
  REFUND_MISSING_HERE: ['record', 'seen'],
  REFUND_MISSING_THERE: ['refund', 'seen'],
  REFUND_AMOUNT_DIFFERS: ['seen'],
  FEE_DIFFERS: ['seen'],
}

export interface DifferenceRow {
  readonly id: number
  readonly provider: string
  readonly kind: DifferenceKind
  readonly trade_no: string
  readonly attempt_no: string
  readonly request_no: string
  readonly order_id: number | null
  readonly theirs_fen: number | null
  readonly gone_at: Date | null
  readonly repaired_at: Date | null
}

export const isOpen = (row: { gone_at: Date | null; repaired_at: Date | null }): boolean =>
  row.gone_at === null && row.repaired_at === null

/**
 * Applies a repair, any number of times with one effect.
 * @throws ShopError NOT_FOUND; DIFFERENCE_CLOSED when it is not open; REPAIR_UNFIT when it does not fit the difference;
 * and whatever the repair itself is refused with
 */
export async function repairDifference(
  payments: Payments,
  staff: Staff,
  { id, repair, note }: { id: number; repair: Repair; note: string },
): Promise<void> {
  const row = await payments.db
    .selectFrom('reconciliation_differences')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst()
  if (!row) throw new ShopError('NOT_FOUND')
  if (!isOpen(row)) throw new ShopError('DIFFERENCE_CLOSED')
  if (!REPAIRS_OF[row.kind].includes(repair)) throw new ShopError('REPAIR_UNFIT')
  if (repair === 'settle') await settleNow(payments, row)
  if (repair === 'refund' && row.kind === 'REFUND_MISSING_THERE') await makeRefundGood(payments, row.request_no, note)
  if (repair === 'record') await learnOfRefund(payments, staff, row)
  await payments.db.transaction().execute(async (tx) => {
    if (repair === 'refund' && row.kind !== 'REFUND_MISSING_THERE') await refundForeign(tx, payments, staff, row, note)
    await mark(tx, payments, staff, row, repair, note)
  })
}

/** The gateway is asked once more: only its own word settles. */
async function settleNow(payments: Payments, row: DifferenceRow): Promise<void> {
  const { provider, attempt_no } = row
  const opened = await payments.db
    .selectFrom('payment_attempts')
    .select('merchant')
    .where('attempt_no', '=', attempt_no)
    .executeTakeFirst()
  const { trade } = await askAbout(payments, { provider, attempt_no, merchant: opened?.merchant ?? null })
  if (trade.state !== 'paid') throw new ShopError('REPAIR_UNFIT')
}

/** Money that is on none of our orders: onto the list, and back from there. */
async function refundForeign(
  tx: Transaction,
  payments: Payments,
  staff: Staff,
  row: DifferenceRow,
  note: string,
): Promise<void> {
  const paid = await tx
    .selectFrom('payment_attempts')
    .select('id')
    .where('provider', '=', row.provider)
    .where('trade_no', '=', row.trade_no)
    .executeTakeFirst()
  // What an order was served for is refunded from the order, line by line, not from here.
  if (paid) throw new ShopError('REPAIR_UNFIT')
  const now = payments.clock()
  const amount = toFen(row.theirs_fen ?? 0)
  const unmatchedId = await listUnmatched(tx, {
    provider: row.provider,
    tradeNo: row.trade_no,
    attemptNo: row.attempt_no,
    amount,
    reason: row.kind === 'AMOUNT_DIFFERS' ? 'AMOUNT_DIFFERS' : 'UNKNOWN_ATTEMPT',
    orderId: row.order_id,
    now,
    merchant: null,
  })
  await requestUnmatchedRefund(tx, { unmatchedId, amount, reason: note, now, userId: staff.user.id })
}

/** A refund that was made there: one of ours learns of it by being sent with its number again, another is written down. */
async function learnOfRefund(payments: Payments, staff: Staff, row: DifferenceRow): Promise<void> {
  const { db, clock } = payments
  const by = { actor: 'staff', userId: staff.user.id } as const
  const ours = await db
    .selectFrom('refunds')
    .select(['id', 'status', 'request_no'])
    .where('request_no', '=', row.request_no)
    .executeTakeFirst()
  if (!ours) {
    const { provider, attempt_no: attemptNo, request_no: requestNo } = row
    const refund = { provider, attemptNo, requestNo, amount: toFen(row.theirs_fen ?? 0), by, now: clock() }
    await db.transaction().execute((tx) => recordForeignRefund(tx, refund))
    return
  }
  if (ours.status === 'succeeded') return
  if (ours.status === 'refused') {
    await db.transaction().execute((tx) => sendRefundAgain(tx, { requestNo: ours.request_no, by, now: clock() }))
  }
  await sendRefund(payments, ours.id)
}

async function mark(
  tx: Transaction,
  payments: Payments,
  staff: Staff,
  row: DifferenceRow,
  repair: Repair,
  note: string,
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
  await audit(tx, staff, { at: now, action: 'difference.repair', subject: `differences/${row.id}`, after, note })
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
    reason: `${row.kind}: ${note}`,
    actor: 'staff',
    userId: staff.user.id,
  })
}
