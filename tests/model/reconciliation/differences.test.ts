/** A day with one difference of each kind: found, repaired, and the same in every run. */
import { expect, test } from 'vitest'
import { toFen } from '../../../apps/shop/src/money.ts'
import type { Repair } from '../../../apps/shop/src/reconciliation/repair.ts'
import { yuan } from '../days.ts'
import { METHODS } from '../gateway.ts'
import { placeOrder } from '../harness.ts'
import { days, db, line, nextDay, orderOf, paid, refundsOf, repair, run, today, unknownTrade } from './rig.ts'

test.each(METHODS)(
  '%s: a day with one of each difference: found, repaired, gone, the same in every run',
  async (method) => {
    const day = today()
    const good = await paid([1], method)
    const order = async () => {
      const placed = await placeOrder(days.harness, await days.harness.newBuyer(), [1], method)
      expect(await placed.do('pay')).toBe('done')
      const trade = days.harness.gateway.trades.get(placed.orderNo)
      if (!trade) throw new Error('no trade')
      return { order: placed, attemptNo: placed.orderNo, tradeNo: trade.tradeNo, amount: trade.amount }
    }
    const refunded = async () => {
      const one = await paid([1], method)
      expect(await one.order.do('refund a line')).toBe('done')
      for (let times = 0; times < 2; times += 1) {
        days.harness.pass(60)
        await one.order.do('send refunds')
      }
      const [refund] = await refundsOf(one)
      expect(refund?.status).toBe('succeeded')
      return { ...one, requestNo: refund?.request_no ?? '' }
    }
    const [untold, changed] = [await order(), await order()]
    await db()
      .updateTable('payment_attempts')
      .set({ amount_fen: yuan(38) })
      .where('attempt_no', '=', changed.attemptNo)
      .execute()
    const unknown = await unknownTrade(yuan(39), method)
    const [late, byHand, dear] = [await paid([1], method), await paid([1], method), await paid([1], method)]
    const [unmade, odd, back] = [await refunded(), await refunded(), await refunded()]
    days.harness.gateway.unmake(unmade.attemptNo)
    nextDay()
    const bill = [
      ...[good, untold, changed, unknown, byHand, unmade, odd, back].map((each) => line(each, 'payment', each.amount)),
      { ...line(dear, 'payment', dear.amount), fee: 39, expectedFee: 23 },
      line(byHand, 'refund', byHand.amount, 'HAND-ALL'),
      line(odd, 'refund', toFen(odd.amount - 100), odd.requestNo),
      line(back, 'refund', back.amount, back.requestNo),
    ]
    const REPAIRS: Record<string, Repair> = {
      PAID_THERE_UNPAID_HERE: 'settle',
      PAID_HERE_UNPAID_THERE: 'ask',
      AMOUNT_DIFFERS: 'refund',
      UNKNOWN_TRADE: 'refund',
      REFUND_MISSING_HERE: 'record',
      REFUND_MISSING_THERE: 'refund',
      REFUND_AMOUNT_DIFFERS: 'record',
      FEE_DIFFERS: 'seen',
    }
    const found = await run(day, bill, method)
    expect(found.map(({ kind, attempt_no }) => [kind, attempt_no]).sort()).toEqual(
      [
        ['PAID_THERE_UNPAID_HERE', untold.attemptNo],
        ['PAID_HERE_UNPAID_THERE', late.attemptNo],
        ['AMOUNT_DIFFERS', changed.attemptNo],
        ['UNKNOWN_TRADE', unknown.attemptNo],
        ['REFUND_MISSING_HERE', byHand.attemptNo],
        ['REFUND_MISSING_THERE', unmade.attemptNo],
        ['REFUND_AMOUNT_DIFFERS', odd.attemptNo],
        ['FEE_DIFFERS', dear.attemptNo],
      ].sort(),
    )
    expect(await run(day, bill, method)).toEqual(found)
    for (const row of found)
      expect([row.kind, await repair(row, REPAIRS[row.kind] ?? 'seen')]).toEqual([row.kind, 'done'])
    for (let times = 0; times < 2; times += 1) expect(await run(day, bill, method)).toEqual([])
    expect((await orderOf(untold)).status).toBe('paid')
    expect((await orderOf(byHand)).status).toBe('refunded')
    expect(days.harness.gateway.trades.get(unmade.attemptNo)?.refunds.get(unmade.requestNo)).toBe(unmade.amount)
  },
)
