/** Money that belongs to no unpaid order as it stands: the list that staff work off. */
import { audit } from '../accounts/audit.ts'
import type { Staff } from '../accounts/desk.ts'
import type { Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { Fen } from '../money.ts'
import { askAbout } from './ask.ts'
import type { Payments } from './payments.ts'
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

/**
 * Before money on the list is paid back: its gateway is asked about the attempt that it names, so that what is the order's
 * own money, told of with a wrong amount, settles that order instead.
 * @throws ShopError GATEWAY_UNAVAILABLE; NOT_PAID_THERE
 */
export async function askBeforePayingBack(
  payments: Payments,
  { provider, attemptNo, reason }: { provider: string; attemptNo: string; reason: string },
): Promise<void> {
  const attempt = await payments.db
    .selectFrom('payment_attempts')
    .select(['provider', 'attempt_no', 'merchant'])
    .where('provider', '=', provider)
    .where('attempt_no', '=', attemptNo)
    .where('status', '<>', 'paid')
    .executeTakeFirst()
  if (!attempt) return
  const { trade } = await askAbout(payments, attempt)
  // What may be the order's own, and is not there yet, must not go back as soon as it comes.
  if (reason === 'AMOUNT_DIFFERS' && trade.state !== 'paid') throw new ShopError('NOT_PAID_THERE')
}

/**
 * Has an unmatched payment paid back, all of what is left of it.
 * @throws ShopError NOT_FOUND, REFUND_TOO_MUCH, MONEY_OF_AN_ORDER
 */
export async function refundUnmatched(
  tx: Transaction,
  staff: Staff,
  { id, reason, now }: { id: number; reason: string; now: Date },
): Promise<void> {
  const row = await tx.selectFrom('unmatched_payments').select('trade_no').where('id', '=', id).executeTakeFirst()
  if (!row) throw new ShopError('NOT_FOUND')
  const booked = { unmatchedId: id, reason, now, userId: staff.user.id }
  const { requestNo, amount } = await requestUnmatchedRefund(tx, booked)
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
