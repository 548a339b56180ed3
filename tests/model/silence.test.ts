/**
 * A silent gateway: an attempt that may still be paid there is closed neither there nor in the shop, no matter
 * what tries to close it.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { readAdminOrder } from '../../apps/shop/src/back-office/orders/order.ts'
import { listOrders, readOrder } from '../../apps/shop/src/orders/read.ts'
import { advanceTrial } from '../../apps/shop/src/payments/trials/steps.ts'
import { startTrial } from '../../apps/shop/src/payments/trials/trials.ts'
import type { Action } from './actions.ts'
import { METHODS } from './gateway.ts'
import { type Harness, openHarness, type PlacedOrder, placeOrder } from './harness.ts'

let harness: Harness

beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())
beforeEach(() => {
  harness.gateway.mood = 'answers'
})

async function standing({ orderId }: PlacedOrder) {
  const { db } = harness.payments
  const order = await db.selectFrom('orders').select('status').where('id', '=', orderId).executeTakeFirstOrThrow()
  const attempts = await db
    .selectFrom('payment_attempts')
    .select(['attempt_no', 'status'])
    .where('order_id', '=', orderId)
    .orderBy('id')
    .execute()
  const there = attempts.map(({ attempt_no }) => harness.gateway.trades.get(attempt_no)?.state)
  return { order: order.status, here: attempts.map(({ status }) => status), there }
}

/** As if each attempt had its link: an earlier one is closed only then. */
const haveLinks = ({ orderId }: PlacedOrder) =>
  harness.payments.db
    .updateTable('payment_attempts')
    .set({ link_until: new Date(harness.payments.clock().getTime() + 1_800_000) })
    .where('order_id', '=', orderId)
    .execute()

/** What closes the order, whether it has a second attempt, and the final status. */
const CLOSINGS: readonly (readonly [Action, { again?: boolean; becomes: string }])[] = [
  ['cancel', { becomes: 'cancelled' }],
  ['cancel by staff', { becomes: 'cancelled' }],
  ['expire', { becomes: 'expired' }],
  ['close left attempts', { again: true, becomes: 'unpaid' }],
]

const CASES = CLOSINGS.flatMap(([action, how]) =>
  METHODS.flatMap((method) => (['away', 'loses answers'] as const).map((mood) => [action, method, mood, how] as const)),
)

test.each(CASES)('%s, %s, the gateway %s', async (action, method, mood, { again, becomes }) => {
  const order = await placeOrder(harness, await harness.newBuyer(), [1], method)
  await order.do('open the link')
  // Paid again while the gateway is silent: the earlier link stays open.
  harness.gateway.mood = mood
  if (again) {
    await order.do('pay again')
    await haveLinks(order)
  }
  const before = await standing(order)
  expect(before.there).toContain('waiting')
  // An order expires only once its link has ended.
  if (action === 'expire') harness.pass(3600)

  expect(await order.do(action)).toBe('GATEWAY_UNAVAILABLE')
  const { order: status, here } = await standing(order)
  expect({ status, here }).toEqual({ status: 'unpaid', here: before.here })

  harness.gateway.mood = 'answers'
  expect(await order.do(action)).toBe('done')
  const after = await standing(order)
  expect(after.order).toBe(becomes)
  expect([after.here[0], after.there[0]]).toEqual(['closed', 'closed'])
})

test.each(METHODS)('%s: no answer is distinguished from unpaid, until there is an answer', async (method) => {
  const { db } = harness.payments
  const userId = await harness.newBuyer()
  const order = await placeOrder(harness, userId, [1], method)
  await order.do('open the link')
  const check = async () => (await readOrder(db, userId, order.orderNo)).paymentCheck
  const attempt = async () => (await readAdminOrder(db, order.orderNo, 'owner')).attempts[0]
  expect(await check()).toBe('known')
  await order.do('pay')
  for (const mood of ['away', 'loses answers'] as const) {
    harness.gateway.mood = mood
    await order.do('query')
    expect(await check()).toBe('unanswered')
    expect((await listOrders(db, userId)).items[0]).toMatchObject({ status: 'unpaid', paymentCheck: 'unanswered' })
    expect((await attempt())?.unansweredSince).not.toBeNull()
  }
  harness.gateway.mood = 'answers'
  await order.do('query')
  expect(await readOrder(db, userId, order.orderNo)).toMatchObject({ status: 'paid', paymentCheck: 'known' })
  expect((await attempt())?.unansweredSince).toBeNull()

  // Answered as unpaid: known again.
  const other = await placeOrder(harness, await harness.newBuyer(), [1], method)
  await other.do('open the link')
  harness.gateway.mood = 'away'
  await other.do('query')
  harness.gateway.mood = 'answers'
  await other.do('query')
  expect(await readOrder(db, other.userId, other.orderNo)).toMatchObject({ status: 'unpaid', paymentCheck: 'known' })
})

test('a trial payment whose link could not be created in time ends', async () => {
  const { payments, gateway } = harness
  const { db } = payments
  const userId = await harness.newBuyer()
  gateway.mood = 'away'
  const wanted = { payType: 'wechat', client: { device: 'computer', address: '127.0.0.1' }, userId } as const
  const attemptNo = await db.transaction().execute((tx) => startTrial(tx, payments, wanted))
  const trial = () =>
    db.selectFrom('trial_payments').selectAll().where('attempt_no', '=', attemptNo).executeTakeFirstOrThrow()
  const { id } = await trial()
  expect(await advanceTrial(payments, id)).toBe(false)
  harness.pass(20 * 60)
  gateway.mood = 'answers'
  expect(await advanceTrial(payments, id)).toBe(true)
  expect(await trial()).toMatchObject({ link: null, closed_at: expect.any(Date) })
  expect(gateway.trades.has(attemptNo)).toBe(false)
})
