/** A refund that our books hold as made, and that the gateway's bill lacks. */
import type { Transaction } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import { lockOrder } from '../../orders/transition.ts'
import { findProvider, type Payments } from '../payments.ts'
import { findRefund, type RefundNumber } from '../refunds/made.ts'
import { moveRefund } from '../refunds/transition.ts'

type CountAgain = (tx: Transaction, ...times: Date[]) => Promise<void>

/**
 * Sends again, with its number, a refund that is in our books and missing from the day's bill, so that the gateway makes
 * it now. If the gateway says that it has made it already, nothing is sent: the bill is late, or lists it on another day,
 * which is the day of the time that the gateway says; without one, its time stays as it is, since a new one would only
 * make the next day's bill lack it too. A refund that our books hold as made is not polled, so an answer of "accepted" does not
 * count as a repair: the gateway may still close it. A refund made by hand was never sent by the shop, and is not
 * sent here either.
 * @param also has the dashboard's days of these times added up again
 * @throws ShopError REFUND_NOT_FOUND, REPAIR_UNFIT, REFUND_UNDER_WAY, REFUND_NUMBER_SPENT, GATEWAY_UNAVAILABLE
 */
export async function resendMissingRefund(
  payments: Payments,
  named: RefundNumber,
  { day, reason, also }: { day: string; reason: string; also: CountAgain },
): Promise<'resent' | 'explained'> {
  const { db, clock } = payments
  const refund = await findRefund(db, named)
  if (refund?.status !== 'succeeded') throw new ShopError('REFUND_NOT_FOUND')
  const provider = findProvider(payments, named.provider)
  const { tradeNo, requestNo } = named
  const ref = { attemptNo: refund.attempt_no ?? '', tradeNo, requestNo, merchant: refund.merchant }
  const seen = await provider.queryRefund(ref)
  if (seen?.state === 'succeeded') {
    await correctTime(payments, refund, seen.at, also)
    return 'explained'
  }
  if (refund.tries === 0) throw new ShopError('REPAIR_UNFIT')
  const answer = await provider.refund({
    ...ref,
    amount: refund.amount_fen,
    paid: refund.paid_fen ?? refund.amount_fen,
    reason: refund.reason,
    tries: 1,
  })
  if (answer.state === 'accepted') throw new ShopError('REFUND_UNDER_WAY')
  if (answer.state === 'refused' && answer.spent) throw new ShopError('REFUND_NUMBER_SPENT')
  if (answer.state !== 'succeeded') throw new ShopError('GATEWAY_UNAVAILABLE', { cause: answer.refusal })
  // The bill of another day, on which the refund was accepted, may have listed it by now: that mark stays, as no later
  // bill lists it.
  const unbilled = refund.billed_on === day && { billed_on: null }
  await db.transaction().execute(async (tx) => {
    if (refund.order_id !== null) await lockOrder(tx, refund.order_id)
    const now = clock()
    const set = { made_at: answer.at ?? now, ...unbilled }
    const before = await moveRefund(tx, 'resendMissing', refund.id, { at: now, by: { actor: 'gateway' }, reason, set })
    await also(tx, set.made_at, ...(before?.made_at ? [before.made_at] : []))
  })
  return 'resent'
}

/** The time by which the gateway's bill lists the refund is its own, not ours. */
async function correctTime(
  { db }: Payments,
  { id, made_at: before }: { id: number; made_at: Date | null },
  at: Date | undefined,
  also: CountAgain,
): Promise<void> {
  if (at === undefined || before === null || at.getTime() === before.getTime()) return
  await db.transaction().execute(async (tx) => {
    const update = tx.updateTable('refunds').set({ made_at: at }).where('id', '=', id).where('made_at', '=', before)
    await update.execute()
    await also(tx, before, at)
  })
}
