/** A payment that was refunded in the gateway's console before the shop heard of it. */
import { expect, test } from 'vitest'
import { toFen } from '../../../apps/shop/src/money.ts'
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
