/** Money that belongs to no unpaid order as it stands: the list that staff work off. */
import { audit } from '../accounts/audit.ts'
import type { Staff } from '../accounts/desk.ts'
import type { Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { type Fen, toFen } from '../money.ts'
import { requestUnmatchedRefund } from './refunds.ts'

export interface UnmatchedPayment {
  readonly provider: string
  readonly tradeNo: string
  readonly attemptNo: string
  readonly amount: Fen
  readonly reason: 'UNKNOWN_ATTEMPT' | 'AMOUNT_DIFFERS' | 'TRIAL_PAYMENT'
  readonly orderId: number | null
  readonly now: Date
  /** Where it was paid, as far as that is known. */
  readonly merchant: string | null
}

/** Puts a payment on the list, once. @returns its number on the list */
export async function listUnmatched(tx: Transaction, payment: UnmatchedPayment): Promise<number> {
  const { provider, tradeNo, attemptNo, amount, reason, orderId, now, merchant } = payment
  await tx
    .insertInto('unmatched_payments')
    .values({
      provider,
      trade_no: tradeNo,
      attempt_no: attemptNo,
      amount_fen: amount,
      reason,
      order_id: orderId,
      found_at: now,
      merchant,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const row = await tx
    .selectFrom('unmatched_payments')
    .select('id')
    .where('provider', '=', provider)
    .where('trade_no', '=', tradeNo)
    .where('reason', '=', reason)
    .executeTakeFirstOrThrow()
  return row.id
}

/** Has an unmatched payment paid back, all of what is left of it. @throws ShopError NOT_FOUND, REFUND_TOO_MUCH */
export async function refundUnmatched(
  tx: Transaction,
  staff: Staff,
  { id, reason, now }: { id: number; reason: string; now: Date },
): Promise<void> {
  const row = await tx
    .selectFrom('unmatched_payments')
    .select(['amount_fen', 'refunded_fen', 'trade_no', 'refund_id'])
    .where('id', '=', id)
    .executeTakeFirst()
  if (!row) throw new ShopError('NOT_FOUND')
  if (row.refund_id !== null || row.refunded_fen === row.amount_fen) throw new ShopError('REFUND_TOO_MUCH')
  const amount = toFen(row.amount_fen - row.refunded_fen)
  const booked = { unmatchedId: id, amount, reason, now, userId: staff.user.id }
  const { requestNo } = await requestUnmatchedRefund(tx, booked)
  const after = { requestNo, fen: amount, tradeNo: row.trade_no }
  await audit(tx, staff, { at: now, action: 'unmatched.refund', subject: `unmatched/${id}`, after, note: reason })
}

/** Takes note of a payment that needs nothing more. @throws ShopError NOT_FOUND when it is not open */
export async function seeUnmatched(
  tx: Transaction,
  staff: Staff,
  { id, note, now }: { id: number; note: string; now: Date },
): Promise<void> {
  const row = await tx
    .updateTable('unmatched_payments')
    .set({ resolved_at: now, resolution: 'seen', resolved_by: staff.user.id, note })
    .where('id', '=', id)
    .where('resolved_at', 'is', null)
    .returning('trade_no')
    .executeTakeFirst()
  if (!row) throw new ShopError('NOT_FOUND')
  await audit(tx, staff, { at: now, action: 'unmatched.seen', subject: `unmatched/${id}`, note })
}
