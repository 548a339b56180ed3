/**
 * Every pair of operations concurrently, from every situation that matters; then everything settles, and the books must
 * agree.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ACTIONS, type Action } from './actions.ts'
import { type Harness, openHarness, placeOrder, settleDown } from './harness.ts'
import { broken } from './invariants.ts'

let harness: Harness

beforeAll(async () => {
  harness = await openHarness()
})

afterAll(() => harness.close())

/** The actions that lead to the situation in which two operations run concurrently. */
const SITUATIONS: Record<string, Action[]> = {
  'an unpaid order whose cashier is open': ['open the link'],
  'paid at the gateway, but not notified': ['open the link', 'pay'],
  'two links, the older one paid': ['pay again', 'pay an old link'],
  'two links, both paid': ['pay again', 'pay an old link', 'pay'],
  'two methods, both paid': ['pay again by the other method', 'pay an old link', 'pay'],
  'paid by the other method, a refund pending': [
    'pay again by the other method',
    'pay',
    'notify',
    'refund a line',
    'send refunds',
  ],
  'paid, a refund requested': ['pay', 'notify', 'request a refund'],
  'paid, a refund being sent': ['pay', 'notify', 'refund a line'],
  'paid, partially refunded': ['pay', 'notify', 'refund a part'],
  'cancelled, and paid anyway': ['cancel', 'pay late'],
  'expired, and paid late': ['expire', 'pay late'],
}

const PAIRS = ACTIONS.flatMap((one, index) => ACTIONS.slice(index).map((other) => [one, other] as const))
const AT_ONCE = 16

test.each(Object.entries(SITUATIONS))('%s: every pair of operations at once', async (_, before) => {
  for (let start = 0; start < PAIRS.length; start += AT_ONCE) {
    const races = await Promise.all(
      PAIRS.slice(start, start + AT_ONCE).map(async ([one, other]) => {
        const userId = await harness.newBuyer()
        const order = await placeOrder(harness, userId, [1, 2])
        for (const action of before) await order.do(action)
        await Promise.all([order.do(one), order.do(other)])
        return { order, userId, name: `${one} + ${other}` }
      }),
    )
    await settleDown(
      harness,
      races.map(({ order }) => order),
    )
    // All books in one look; each by itself only where that finds something, to name the pair.
    const userIds = races.map(({ userId }) => userId)
    const wrong = await broken(harness, userIds)
    if (wrong.length > 0)
      for (const { userId, name } of races) expect(await broken(harness, [userId]), name).toEqual([])
    expect(wrong).toEqual([])
  }
})
