/** Before staff stop a refund that its gateway keeps refusing, the gateway says that it has not made it. */
import { ShopError } from '../../errors.ts'
import { findProvider, type Payments } from '../payments.ts'
import type { Unmade } from '../refunds/decisions.ts'
import { paymentOf } from './send-refund.ts'

/**
 * Asks the gateway, outside any transaction, about every number that the refund has had.
 * @throws ShopError REFUND_NOT_FOUND; REFUND_MAY_BE_MADE unless it denies all of them; GATEWAY_UNAVAILABLE
 */
export async function confirmUnmade(payments: Payments, requestNo: string): Promise<Unmade> {
  const { db } = payments
  const refund = await db.selectFrom('refunds').selectAll().where('request_no', '=', requestNo).executeTakeFirst()
  if (!refund) throw new ShopError('REFUND_NOT_FOUND')
  const { provider, attempt_no: attemptNo, trade_no, merchant } = await paymentOf(db, refund)
  for (const number of [...refund.spent_numbers, requestNo]) {
    const ref = { attemptNo, tradeNo: trade_no ?? '', requestNo: number, merchant }
    const answer = await findProvider(payments, provider).queryRefund(ref)
    // An earlier number was replaced because the gateway had closed it: it may say so again.
    const isClosed = number !== requestNo && answer?.state === 'refused'
    if (answer?.state !== 'none' && !isClosed) throw new ShopError('REFUND_MAY_BE_MADE')
  }
  return refund
}
