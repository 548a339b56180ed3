/** What the reconciliation tests share. */
import { expect } from 'vitest'
import type { Fen } from '../../../apps/shop/src/money.ts'
import { newNumber } from '../../../apps/shop/src/orders/number.ts'
import { openDays, type Paid } from '../days.ts'
import { placeOrder } from '../harness.ts'

export const days = openDays()

export const { db, today, nextDay, paid, line, run, open, repair, orderOf, accessOf, refundsOf } = days

export async function unknownTrade(amount: Fen, method = 'alipay'): Promise<Paid> {
  const order = await placeOrder(days.harness, await days.harness.newBuyer(), [1], method)
  const attemptNo = newNumber(days.harness.payments.clock())
  const tradeNo = `unknown-${order.orderNo}`
  const trade = days.harness.gateway.trades.get(order.orderNo)
  if (!trade) throw new Error('no trade')
  const refunds = new Map<string, Fen>()
  days.harness.gateway.trades.set(attemptNo, { ...trade, attemptNo, tradeNo, amount, state: 'paid', refunds })
  expect(await order.do('cancel')).toBe('done')
  return { order, attemptNo, tradeNo, amount }
}
