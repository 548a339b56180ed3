/** The gateway's own time decides the day, in the dashboard as in its bill, whenever the shop learns of it. */
import { afterEach, expect, test } from 'vitest'
import { midnight } from '../../../apps/shop/src/beijing-day.ts'
import { toFen } from '../../../apps/shop/src/money.ts'
import { sumUpDays } from '../../../apps/shop/src/reconciliation/sales-days.ts'
import { kinds, type Paid, yuan } from '../days.ts'
import { days, db, line, nextDay, paid, refundsOf, repair, run, today } from './rig.ts'

const clock = () => days.harness.payments.clock()
/** Moves the clock to so many seconds after the day has begun. */
const moveTo = (day: string, seconds: number) =>
  days.harness.pass((midnight(day).getTime() - clock().getTime()) / 1000 + seconds)

const LATE = 86_370
afterEach(() => {
  days.harness.gateway.slow = false
})

/** What the dashboard says of a day. */
async function dashboard(day: string): Promise<{ sales: number; refunds: number }> {
  await sumUpDays(db(), clock())
  const { sales, refunds } = await db()
    .selectFrom('sales_days')
    .select(({ fn }) => [fn.sum<number>('sales_fen').as('sales'), fn.sum<number>('refunds_fen').as('refunds')])
    .where('day', '=', day)
    .executeTakeFirstOrThrow()
  return { sales: Number(sales), refunds: Number(refunds) }
}

const refundPart = async (one: Paid) => {
  expect(await one.order.do('refund a part')).toBe('done')
  expect(await one.order.do('send refunds')).toBe('done')
}

test('paid half a minute before midnight and learned of after it, an order counts on the day of its bill', async () => {
  const day = today()
  moveTo(day, LATE)
  const one = await paid([1], 'alipay', false)
  days.harness.pass(60)
  expect(await one.order.do('notify')).toBe('done')
  const next = today()
  expect(next).not.toBe(day)
  nextDay()
  expect(kinds(await run(day, [line(one, 'payment', one.amount)]))).toEqual([])
  expect(kinds(await run(next, []))).toEqual([])
  expect(await dashboard(day)).toEqual({ sales: one.amount, refunds: 0 })
  expect(await dashboard(next)).toEqual({ sales: 0, refunds: 0 })
})

test('a refund accepted before midnight and made after it counts on the day on which it was accepted', async () => {
  days.harness.gateway.slow = true
  const day = today()
  const one = await paid([1], 'wechat')
  moveTo(day, LATE)
  expect(await one.order.do('refund a part')).toBe('done')
  expect(await one.order.do('send refunds')).toBe('done')
  days.harness.pass(600)
  days.harness.gateway.slow = false
  expect(await one.order.do('send refunds')).toBe('done')
  const [refund] = await refundsOf(one)
  expect(refund?.status).toBe('succeeded')
  const next = today()
  nextDay()
  const bill = [line(one, 'payment', one.amount), line(one, 'refund', yuan(1), refund?.request_no)]
  expect(kinds(await run(day, bill, 'wechat'))).toEqual([])
  expect(kinds(await run(next, [], 'wechat'))).toEqual([])
  expect((await dashboard(day)).refunds).toBe(yuan(1))
  expect((await dashboard(next)).refunds).toBe(0)
})

test('a refund made by hand and recorded days later counts on its own day', async () => {
  const one = await paid()
  const day = today()
  for (let passed = 0; passed < 5; passed += 1) nextDay()
  await dashboard(day)
  const [found] = await run(day, [line(one, 'payment', one.amount), line(one, 'refund', yuan(10), 'HAND-LATE')])
  expect(await repair(found, 'record')).toBe('done')
  expect((await dashboard(day)).refunds).toBe(yuan(10))
  expect((await dashboard(today())).refunds).toBe(0)
})

test('a refund that the gateway says it made on another day is put there, and neither day lacks it any more', async () => {
  const one = await paid()
  const day = today()
  await refundPart(one)
  const [refund] = await refundsOf(one)
  const requestNo = refund?.request_no ?? ''
  // As one that was accepted when the repair sent it again, and made since.
  nextDay()
  days.harness.gateway.refundTimes.set(requestNo, clock())
  const there = today()
  nextDay()
  const [missing] = await run(day, [line(one, 'payment', one.amount)])
  expect(missing?.kind).toBe('REFUND_MISSING_THERE')
  expect(await repair(missing, 'refund')).toBe('done')
  expect(kinds(await run(day, [line(one, 'payment', one.amount)]))).toEqual([])
  expect(kinds(await run(there, [line(one, 'refund', yuan(1), requestNo)]))).toEqual([])
  expect((await dashboard(day)).refunds).toBe(0)
  expect((await dashboard(there)).refunds).toBe(yuan(1))
})

test('where our books put a refund on another day than its bill, the bill is right', async () => {
  const one = await paid()
  const day = today()
  await refundPart(one)
  const [refund] = await refundsOf(one)
  nextDay()
  await db()
    .updateTable('refunds')
    .set({ made_at: clock() })
    .where('id', '=', refund?.id ?? 0)
    .execute()
  const next = today()
  await dashboard(next)
  const bill = [line(one, 'payment', one.amount), line(one, 'refund', yuan(1), refund?.request_no)]
  expect(kinds(await run(day, bill))).toEqual([])
  expect((await dashboard(day)).refunds).toBe(yuan(1))
  expect((await dashboard(next)).refunds).toBe(0)
})

test('a payment whose time the gateway did not say is put on the day of its bill', async () => {
  const day = today()
  const one = await paid()
  nextDay()
  await db().updateTable('payment_attempts').set({ paid_at: clock() }).where('attempt_no', '=', one.attemptNo).execute()
  await db().updateTable('order_payments').set({ paid_at: clock() }).where('order_id', '=', one.order.orderId).execute()
  expect(kinds(await run(day, [line(one, 'payment', one.amount)]))).toEqual([])
  expect(await dashboard(day)).toEqual({ sales: one.amount, refunds: 0 })
  expect((await dashboard(today())).sales).toBe(0)
})

test('a refund that a bill has listed before its success was known counts on the day of that bill', async () => {
  days.harness.gateway.slow = true
  const one = await paid([1], 'wechat')
  const day = today()
  await refundPart(one)
  const [refund] = await refundsOf(one)
  const requestNo = refund?.request_no ?? ''
  nextDay()
  await run(day, [line(one, 'payment', one.amount), line(one, 'refund', yuan(1), requestNo)], 'wechat')
  days.harness.gateway.slow = false
  // The answer comes without a time.
  days.harness.gateway.refundTimes.delete(requestNo)
  days.harness.gateway.trades.get(one.attemptNo)?.refunds.set(requestNo, yuan(1))
  expect(await one.order.do('send refunds')).toBe('done')
  expect((await refundsOf(one))[0]?.status).toBe('succeeded')
  expect((await dashboard(day)).refunds).toBe(yuan(1))
  expect((await dashboard(today())).refunds).toBe(0)
})

test('a success that was learned of after its day was compared, and that no bill lists, is a difference', async () => {
  days.harness.gateway.slow = true
  const one = await paid([1], 'wechat')
  const day = today()
  await refundPart(one)
  nextDay()
  expect(kinds(await run(day, [line(one, 'payment', one.amount)], 'wechat'))).toEqual([])
  days.harness.gateway.slow = false
  expect(await one.order.do('send refunds')).toBe('done')
  const later = today()
  nextDay()
  expect(kinds(await run(later, [], 'wechat'))).toEqual(['REFUND_MISSING_THERE'])
})

test('what went back for no line that is known counts on the dashboard too', async () => {
  const one = await paid([1, 2])
  const day = today()
  await refundPart(one)
  const [refund] = await refundsOf(one)
  // Another refund has taken half of its line.
  await db()
    .updateTable('refund_lines')
    .set({ amount_fen: toFen(50) })
    .where('refund_id', '=', refund?.id ?? 0)
    .execute()
  expect((await dashboard(day)).refunds).toBe(yuan(1))
})

test('a success learned of between its day and the bill of it is a difference of that day only', async () => {
  days.harness.gateway.slow = true
  const one = await paid([1], 'wechat')
  const day = today()
  await refundPart(one)
  moveTo(day, 90_000)
  days.harness.gateway.slow = false
  expect(await one.order.do('send refunds')).toBe('done')
  const next = today()
  days.harness.pass(3600)
  expect(kinds(await run(day, [line(one, 'payment', one.amount)], 'wechat'))).toEqual(['REFUND_MISSING_THERE'])
  nextDay()
  expect(kinds(await run(next, [], 'wechat'))).toEqual([])
})
