/** Refunds that staff made by hand at the gateway: recorded once they are made, shown as uncertain until then. */
import { expect, test } from 'vitest'
import { readRows } from '../../../apps/shop/src/back-office/orders/list.ts'
import { formatYuan, toFen } from '../../../apps/shop/src/money.ts'
import { readOrder } from '../../../apps/shop/src/orders/read.ts'
import { planRefund, refundLines } from '../../../apps/shop/src/payments/refunds/create.ts'
import { kinds, yuan } from '../days.ts'
import { settleDown } from '../harness.ts'
import { accessOf, days, db, line, nextDay, orderOf, paid, refundsOf, repair, run, today } from './rig.ts'

test('a refund made by hand and recorded a day later is in the bill of its own day, and not missing from any other', async () => {
  const one = await paid()
  const day = today()
  const bill = [line(one, 'payment', one.amount), line(one, 'refund', one.amount, 'HAND-3')]
  nextDay()
  const found = await run(day, bill)
  expect(kinds(found)).toEqual(['REFUND_MISSING_HERE'])
  expect(await repair(found[0], 'record')).toBe('done')
  const recordedOn = today()
  nextDay()
  expect(kinds(await run(recordedOn, []))).toEqual([])
  expect(kinds(await run(day, bill))).toEqual([])
  expect(await refundsOf(one)).toMatchObject([{ request_no: 'HAND-3', billed_on: day, status: 'succeeded' }])
})

test('a repair that records or sends money needs a fresh credential proof, however small: no limit counts it with the others', async () => {
  const one = await paid()
  const day = today()
  nextDay()
  const [found] = await run(day, [line(one, 'payment', one.amount), line(one, 'refund', yuan(1), 'HAND-3B')])
  expect(await repair(found, 'record', null)).toBe('PROOF_REQUIRED')
  expect(await refundsOf(one)).toEqual([])
  expect(await repair(found, 'record')).toBe('done')
})

test('a manual refund that its gateway has only accepted is not recorded before it is made', async () => {
  const one = await paid([1], 'wechat')
  const day = today()
  nextDay()
  const bill = [line(one, 'payment', one.amount), line(one, 'refund', one.amount, 'HAND-3A')]
  const [found] = await run(day, bill, 'wechat')
  days.harness.gateway.acceptedRefunds.add('HAND-3A')
  expect(await repair(found, 'record')).toBe('REFUND_UNDER_WAY')
  expect(await refundsOf(one)).toEqual([])
  expect(await accessOf(one)).toEqual([1])
  days.harness.gateway.trades.get(one.attemptNo)?.refunds.set('HAND-3A', one.amount)
  expect(await repair(found, 'record')).toBe('done')
  expect(await refundsOf(one)).toMatchObject([{ request_no: 'HAND-3A', status: 'succeeded' }])
  expect(await accessOf(one)).toEqual([])
})

test('a refund that was made by hand is never sent, even if a bill lacks it', async () => {
  const one = await paid()
  const day = today()
  nextDay()
  const bill = [line(one, 'payment', one.amount), line(one, 'refund', yuan(10), 'HAND-3B')]
  expect(await repair((await run(day, bill))[0], 'record')).toBe('done')
  // The bill changes afterwards: what we recorded from it is no longer there.
  await db()
    .updateTable('refunds')
    .set({ made_at: new Date(`${day}T12:00:00+08:00`) })
    .where('request_no', '=', 'HAND-3B')
    .execute()
  const found = await run(day, [line(one, 'payment', one.amount)])
  expect(kinds(found)).toEqual(['REFUND_MISSING_THERE'])
  const before = days.harness.gateway.sent.length
  expect(await repair(found[0], 'refund')).toBe('REPAIR_UNFIT')
  expect(days.harness.gateway.sent.length).toBe(before)
})

test('partial manual refunds: with a single line the line is known, and the last fen ends order and access', async () => {
  const one = await paid()
  const day = today()
  nextDay()
  const payment = line(one, 'payment', one.amount)
  const first = line(one, 'refund', yuan(20), 'HAND-4A')
  expect(await repair((await run(day, [payment, first]))[0], 'record')).toBe('done')
  expect((await orderOf(one)).status).toBe('partially_refunded')
  expect(await accessOf(one)).toEqual([1])
  const plan = await planRefund(db(), one.order.orderId, [{ courseId: 1 }])
  expect(plan.amount).toBe(one.amount - yuan(20))
  const second = line(one, 'refund', toFen(one.amount - yuan(20)), 'HAND-4B')
  expect(await repair((await run(day, [payment, first, second]))[0], 'record')).toBe('done')
  expect((await orderOf(one)).status).toBe('refunded')
  expect(await accessOf(one)).toEqual([])
})

test('manual refunds of unclear lines: no more than the remainder is shown, and the last fen ends all access', async () => {
  const two = await paid([1, 2])
  const day = today()
  nextDay()
  const payment = line(two, 'payment', two.amount)
  const first = line(two, 'refund', yuan(17), 'HAND-4C')
  expect(await repair((await run(day, [payment, first]))[0], 'record')).toBe('done')
  expect((await orderOf(two)).status).toBe('partially_refunded')
  expect(await accessOf(two)).toEqual([1, 2])
  const all = [{ courseId: 1 }, { courseId: 2 }]
  const plan = await planRefund(db(), two.order.orderId, all)
  expect(plan).toMatchObject({ amount: two.amount - yuan(17), orderAfter: 'refunded' })
  const seen = () => readOrder(db(), two.order.userId, two.order.orderNo)
  expect((await seen()).refundable).toBe(formatYuan(plan.amount))
  // The amount shown as refundable can be refunded.
  const rest = line(two, 'refund', toFen(two.amount - yuan(17) - yuan(1)), 'HAND-4D')
  expect(await repair((await run(day, [payment, first, rest]))[0], 'record')).toBe('done')
  const by = { actor: 'staff', userId: days.staff.user.id } as const
  const shown = (await planRefund(db(), two.order.orderId, [{ courseId: 1 }])).amount
  expect(shown).toBe(yuan(1))
  expect(await seen()).toMatchObject({ refundable: '1.00', lines: [{ refundable: '1.00' }, { refundable: '1.00' }] })
  const row = async () => (await readRows(db(), [two.order.orderId]))[0]
  expect(await row()).toMatchObject({
    refundedAmount: formatYuan(toFen(two.amount - yuan(1))),
    refundingAmount: '0.00',
  })
  // Both lines, the first of which takes the whole remainder.
  expect((await planRefund(db(), two.order.orderId, all)).amount).toBe(yuan(1))
  await db()
    .transaction()
    .execute((tx) =>
      refundLines(tx, {
        orderId: two.order.orderId,
        lines: [{ courseId: 1 }],
        shown,
        reason: '',
        by,
        now: days.harness.payments.clock(),
      }),
    )
  expect((await row())?.refundingAmount).toBe('1.00')
  days.harness.gateway.trades.get(two.attemptNo)?.refunds.set('HAND-4C', yuan(17)).set('HAND-4D', rest.amount)
  await settleDown(days.harness, [])
  expect(await seen()).toMatchObject({ status: 'refunded', refundable: '0.00' })
  expect((await seen()).lines.map((each) => each.refundable)).toEqual(['0.00', '0.00'])
  expect(await accessOf(two)).toEqual([])
})

test('a number that the gateway has closed is not a refund: not missing in the shop, and never recorded', async () => {
  const one = await paid([1], 'wechat')
  const payment = line(one, 'payment', one.amount)
  expect(await one.order.do('refund a line')).toBe('done')
  const [refund] = await refundsOf(one)
  const closed = refund?.request_no ?? ''
  expect(await one.order.do('send refunds')).toBe('done')
  const day = today()
  nextDay()
  // Accepted at the gateway: the bill has it, the shop knows it, and nothing is missing.
  const bill = [payment, line(one, 'refund', one.amount, closed)]
  expect(kinds(await run(day, bill, 'wechat'))).toEqual([])
  // A difference found by an earlier run.
  const old = {
    provider: 'wechat',
    day,
    kind: 'REFUND_MISSING_HERE',
    trade_no: one.tradeNo,
    attempt_no: one.attemptNo,
  } as const
  const { id } = await db()
    .insertInto('reconciliation_differences')
    .values({
      ...old,
      request_no: closed,
      order_id: one.order.orderId,
      theirs_fen: one.amount,
      ours_fen: null,
      found_at: days.harness.payments.clock(),
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  days.harness.gateway.slow = true
  days.harness.pass(60)
  expect(await repair({ id }, 'record')).toBe('REFUND_UNDER_WAY')
  days.harness.gateway.slow = false
  days.harness.gateway.closedRefunds.add(closed)
  days.harness.pass(3600)
  expect(await one.order.do('send refunds')).toBe('done')
  expect((await refundsOf(one))[0]).toMatchObject({ status: 'refused', number_spent: true })
  expect(await repair({ id }, 'record')).toBe('REFUND_NUMBER_SPENT')
  expect((await refundsOf(one))[0]?.request_no).toBe(closed)
  expect(await one.order.do('send again')).toBe('done')
  expect(await repair({ id }, 'record')).toBe('REFUND_NUMBER_SPENT')
  const again = await refundsOf(one)
  expect(again).toHaveLength(1)
  // Its new number has not appeared in a bill yet.
  expect(again[0]).toMatchObject({ status: 'approved', billed_on: null })
  expect(kinds(await run(day, bill, 'wechat'))).toEqual([])
})
