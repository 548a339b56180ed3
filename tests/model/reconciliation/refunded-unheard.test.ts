/** A payment that was refunded in the gateway's console before the shop heard of it. */
import { expect, test } from 'vitest'
import { toFen } from '../../../apps/shop/src/money.ts'
import { numberFromCause } from '../../../apps/shop/src/orders/number.ts'
import { placeOrder } from '../harness.ts'
import { accessOf, days, db, line, nextDay, orderOf, paid, repair, run, today } from './rig.ts'

const listed = (tradeNo: string) =>
  db().selectFrom('unmatched_payments').selectAll().where('trade_no', '=', tradeNo).execute()

test('refunded in full: its order is paid, gives no access, and is listed until the refund is recorded', async () => {
  const one = await paid([1, 2], 'alipay', false)
  days.harness.gateway.payBack(one.attemptNo, 'HAND-ALL', one.amount)
  expect(await one.order.do('query')).toBe('done')
  expect([(await orderOf(one)).status, await accessOf(one)]).toEqual(['paid', []])
  expect(await listed(one.tradeNo)).toMatchObject([{ reason: 'REFUNDED_THERE', resolved_at: null }])
  // Repeated, also by its notification, it gives no access either.
  for (const action of ['query', 'notify'] as const) expect(await one.order.do(action)).toBe('done')
  expect(await accessOf(one)).toEqual([])
  const day = today()
  nextDay()
  const bill = [line(one, 'payment', one.amount), line(one, 'refund', one.amount, 'HAND-ALL')]
  const [found] = await run(day, bill)
  expect(found?.kind).toBe('REFUND_MISSING_HERE')
  expect(await repair(found, 'record')).toBe('done')
  expect((await orderOf(one)).status).toBe('refunded')
  expect(await listed(one.tradeNo)).toMatchObject([{ resolution: 'refunded' }])
  expect(await run(day, bill)).toEqual([])
})

test('refunded in part: no access before staff have looked', async () => {
  const one = await paid([1], 'wechat', false)
  days.harness.gateway.payBack(one.attemptNo, 'HAND-PART', toFen(100))
  expect(await one.order.do('query')).toBe('done')
  expect([(await orderOf(one)).status, await accessOf(one)]).toEqual(['paid', []])
  const day = today()
  nextDay()
  const bill = [line(one, 'payment', one.amount), line(one, 'refund', toFen(100), 'HAND-PART')]
  const [found] = await run(day, bill, 'wechat')
  expect(await repair(found, 'record')).toBe('done')
  expect((await orderOf(one)).status).toBe('partially_refunded')
  expect(await listed(one.tradeNo)).toMatchObject([{ reason: 'REFUNDED_THERE', resolved_at: null }])
})

test('a line that was owned already is refunded all the same, under the number of its cause', async () => {
  const buyer = await days.harness.newBuyer()
  const [first, second] = [
    await placeOrder(days.harness, buyer, [1], 'wechat'),
    await placeOrder(days.harness, buyer, [1, 2], 'wechat'),
  ]
  for (const action of ['pay', 'notify'] as const) expect(await first.do(action)).toBe('done')
  expect(await second.do('pay')).toBe('done')
  // As after a restored backup: the gateway has refunded the owned line, and the shop knows of neither.
  const requestNo = numberFromCause('refund', 'line', second.orderNo, '1')
  const owned = await db().selectFrom('courses').select('price_fen').where('id', '=', 1).executeTakeFirstOrThrow()
  days.harness.gateway.payBack(second.orderNo, requestNo, owned.price_fen)
  expect(await second.do('query')).toBe('done')
  const refunds = () => db().selectFrom('refunds').selectAll().where('order_id', '=', second.orderId).execute()
  expect(await refunds()).toMatchObject([{ request_no: requestNo, amount_fen: owned.price_fen }])
  expect(await second.do('send refunds')).toBe('done')
  expect(await refunds()).toMatchObject([{ status: 'succeeded' }])
})
