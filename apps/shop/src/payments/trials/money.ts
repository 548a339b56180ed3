/** A trial payment's money: recorded like all money that belongs to no order, so that reconciliation can explain it. */
import { sql } from 'kysely'
import type { Transaction } from '../../db/connect.ts'
import type { PaidAttempt, Settlement } from '../settlement/outcome.ts'
import { mayBePaidAt } from '../settlement/paid-at-merchant.ts'
import { recordUnmatched } from '../settlement/unmatched.ts'

/**
 * Takes what was paid for a trial, in the caller's transaction. Safe to repeat and to run concurrently: the trial's row
 * is locked.
 * @returns the outcome, or why it does not belong to a trial
 */
export async function recordTrialMoney(
  tx: Transaction,
  paid: PaidAttempt,
): Promise<Settlement | 'UNKNOWN_ATTEMPT' | 'AMOUNT_DIFFERS' | 'SECOND_TRADE'> {
  const { provider, attemptNo, tradeNo, amount, source, now } = paid
  const trial = await tx
    .selectFrom('trial_payments')
    .select(['id', 'amount_fen', 'trade_no', 'merchant'])
    .where('attempt_no', '=', attemptNo)
    .where('provider', '=', provider)
    .modifyEnd(sql`for no key update`)
    .executeTakeFirst()
  if (!trial || !mayBePaidAt(trial.merchant, paid)) return 'UNKNOWN_ATTEMPT'
  if (trial.amount_fen !== amount) return 'AMOUNT_DIFFERS'
  if (trial.trade_no !== null) return trial.trade_no === tradeNo ? { outcome: 'repeated' } : 'SECOND_TRADE'
  const merchant = paid.from ? paid.from.merchant : trial.merchant
  const unmatched = { provider, tradeNo, attemptNo, amount, reason: 'TRIAL_PAYMENT' } as const
  const unmatchedId = await recordUnmatched(tx, { ...unmatched, orderId: null, now, merchant })
  const seen_by = source === 'query' ? 'query' : 'notification'
  await tx
    .updateTable('trial_payments')
    // A trial that was given up is resumed: its money must be refunded all the same.
    .set({ trade_no: tradeNo, merchant, unmatched_id: unmatchedId, seen_at: now, seen_by, closed_at: null })
    .where('id', '=', trial.id)
    .execute()
  return { outcome: 'settled' }
}
