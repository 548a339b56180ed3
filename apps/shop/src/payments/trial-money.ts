/** A trial payment's money, as it comes: booked like all money that belongs to no order, so that every book explains it. */
import { sql } from 'kysely'
import type { Transaction } from '../database/connect.ts'
import { mayBePaidAt } from './paid-where.ts'
import type { PaidAttempt, Settlement } from './settle.ts'
import { listUnmatched } from './unmatched.ts'

/**
 * Takes what came for a trial payment, in the caller's transaction. Safe to repeat and to race: the trial's row is held.
 * @returns what it did, or why it belongs to no trial as it stands
 */
export async function takeTrialMoney(
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
  const unmatchedId = await listUnmatched(tx, { ...unmatched, orderId: null, now, merchant })
  const seen_by = source === 'query' ? 'query' : 'notification'
  await tx
    .updateTable('trial_payments')
    // One that was given up comes back: its money must go back all the same.
    .set({ trade_no: tradeNo, merchant, unmatched_id: unmatchedId, seen_at: now, seen_by, closed_at: null })
    .where('id', '=', trial.id)
    .execute()
  return { outcome: 'settled' }
}
