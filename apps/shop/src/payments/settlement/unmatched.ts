/** Unmatched payments: money that no unpaid order can take, listed for staff to resolve. */
import type { Acting } from '../../admin/action.ts'
import type { AuditEntry } from '../../admin/audit.ts'
import type { Transaction } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import { type Fen, toFen } from '../../money.ts'
import { requestUnmatchedRefund } from '../refunds/create.ts'
import { requireRefundProof } from '../refunds/credential-proof.ts'
import type { UnmatchedReason } from './outcome.ts'

export interface UnmatchedPayment {
  readonly provider: string
  readonly tradeNo: string
  readonly attemptNo: string
  readonly amount: Fen
  readonly reason: UnmatchedReason | 'TRIAL_PAYMENT'
  readonly orderId: number | null
  readonly courseId?: number | undefined
  /** The refund of it that was created automatically. */
  readonly refundId?: number | undefined
  readonly now: Date
  /** The merchant it was paid at, if known. */
  readonly merchant: string | null
}

/** Records a payment as unmatched, once. @returns its id */
export async function recordUnmatched(tx: Transaction, payment: UnmatchedPayment): Promise<number> {
  const { provider, tradeNo, attemptNo, amount, reason, orderId, courseId, refundId, now, merchant } = payment
  await tx
    .insertInto('unmatched_payments')
    .values({
      provider,
      trade_no: tradeNo,
      attempt_no: attemptNo,
      amount_fen: amount,
      reason,
      order_id: orderId,
      course_id: courseId ?? null,
      refund_id: refundId ?? null,
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

/** Corrects the amount to what the gateway's bill says, unless some of it was refunded or it is resolved. */
export async function correctListedAmount(tx: Transaction, id: number, amount: Fen): Promise<void> {
  await tx
    .updateTable('unmatched_payments')
    .set({ amount_fen: amount })
    .where('id', '=', id)
    .where('reserved_fen', '=', toFen(0))
    .where('refunded_fen', '=', toFen(0))
    .where('resolved_at', 'is', null)
    .execute()
}

type Entry = Pick<AuditEntry, 'action' | 'after' | 'sensitive'>

/**
 * Refunds all that is left of an unmatched payment.
 * @returns the audit entry
 * @throws ShopError NOT_FOUND, REFUND_TOO_MUCH, MONEY_OF_AN_ORDER
 */
export async function refundUnmatched(
  { tx, staff, now }: Acting,
  { id, note }: { id: number; note: string },
): Promise<Entry> {
  const row = await tx.selectFrom('unmatched_payments').select('trade_no').where('id', '=', id).executeTakeFirst()
  if (!row) throw new ShopError('NOT_FOUND')
  const booked = { unmatchedId: id, reason: note, now, userId: staff.user.id }
  const { requestNo, amount } = await requestUnmatchedRefund(tx, booked)
  const sensitive = await requireRefundProof(tx, staff, amount, now)
  return { action: 'unmatched.refund', after: { requestNo, fen: amount, tradeNo: row.trade_no }, sensitive }
}

/**
 * Marks an unmatched payment that needs no further action as seen.
 * @returns the audit entry
 * @throws ShopError NOT_FOUND when it is not open
 */
export async function markUnmatchedSeen(
  { tx, staff, now }: Acting,
  { id, note }: { id: number; note: string },
): Promise<Entry> {
  const row = await tx
    .updateTable('unmatched_payments')
    .set({ resolved_at: now, resolution: 'seen', resolved_by: staff.user.id, note })
    .where('id', '=', id)
    .where('resolved_at', 'is', null)
    .returning('trade_no')
    .executeTakeFirst()
  if (!row) throw new ShopError('NOT_FOUND')
  return { action: 'unmatched.seen' }
}

/**
 * Opens an unmatched payment again that was marked as seen by mistake.
 * @returns the audit entry
 * @throws ShopError NOT_FOUND when it is not marked as seen
 */
export async function reopenUnmatched({ tx }: Acting, { id, note }: { id: number; note: string }): Promise<Entry> {
  const row = await tx
    .updateTable('unmatched_payments')
    .set({ resolved_at: null, resolution: null, resolved_by: null, note })
    .where('id', '=', id)
    .where('resolution', '=', 'seen')
    .returning('trade_no')
    .executeTakeFirst()
  if (!row) throw new ShopError('NOT_FOUND')
  return { action: 'unmatched.reopen' }
}
