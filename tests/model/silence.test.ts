/** A gateway that says nothing: what may still be paid there is closed neither there nor here, whoever wants it closed. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { advanceTrial } from '../../apps/shop/src/payments/trial-steps.ts'
import { startTrial } from '../../apps/shop/src/payments/trials.ts'
import { METHODS } from './gateway.ts'
import { type Deed, openStage, type Play, play, type Stage } from './stage.ts'

let stage: Stage

beforeAll(async () => {
  stage = await openStage()
}, 60_000)
afterAll(() => stage?.close())
beforeEach(() => {
  stage.gateway.mood = 'answers'
})

async function standing({ orderId }: Play) {
  const { db } = stage.payments
  const order = await db.selectFrom('orders').select('status').where('id', '=', orderId).executeTakeFirstOrThrow()
  const attempts = await db
    .selectFrom('payment_attempts')
    .select(['attempt_no', 'status'])
    .where('order_id', '=', orderId)
    .orderBy('id')
    .execute()
  const there = attempts.map(({ attempt_no }) => stage.gateway.trades.get(attempt_no)?.state)
  return { order: order.status, here: attempts.map(({ status }) => status), there }
}

/** Who closes it, whether it has a second attempt, and what becomes of the order. */
const CLOSINGS: readonly (readonly [Deed, { again?: boolean; becomes: string }])[] = [
  ['cancel', { becomes: 'cancelled' }],
  ['cancel by staff', { becomes: 'cancelled' }],
  ['expire', { becomes: 'expired' }],
  ['close what is left', { again: true, becomes: 'unpaid' }],
]

const CASES = CLOSINGS.flatMap(([deed, how]) =>
  METHODS.flatMap((method) => (['away', 'loses answers'] as const).map((mood) => [deed, method, mood, how] as const)),
)

test.each(CASES)('%s, %s, the gateway %s', async (deed, method, mood, { again, becomes }) => {
  const order = await play(stage, await stage.newBuyer(), [1], method)
  await order.do('open the link')
  // Paid again while the gateway says nothing: the link from before stays open.
  stage.gateway.mood = mood
  if (again) await order.do('pay again')
  const before = await standing(order)
  expect(before.there).toContain('waiting')
  // An order expires once its link has ended, and not before.
  if (deed === 'expire') stage.pass(3600)

  expect(await order.do(deed)).toBe('GATEWAY_UNAVAILABLE')
  const { order: status, here } = await standing(order)
  expect({ status, here }).toEqual({ status: 'unpaid', here: before.here })

  stage.gateway.mood = 'answers'
  expect(await order.do(deed)).toBe('done')
  const after = await standing(order)
  expect(after.order).toBe(becomes)
  expect([after.here[0], after.there[0]]).toEqual(['closed', 'closed'])
})

test('a trial payment whose link could not be had in time comes to its end', async () => {
  const { payments, gateway } = stage
  const { db } = payments
  const userId = await stage.newBuyer()
  gateway.mood = 'away'
  const attemptNo = await db.transaction().execute((tx) => startTrial(tx, payments, { payType: 'wechat', userId }))
  const trial = () =>
    db.selectFrom('trial_payments').selectAll().where('attempt_no', '=', attemptNo).executeTakeFirstOrThrow()
  const { id } = await trial()
  expect(await advanceTrial(payments, id)).toBe(false)
  stage.pass(20 * 60)
  gateway.mood = 'answers'
  expect(await advanceTrial(payments, id)).toBe(true)
  expect(await trial()).toMatchObject({ link: null, closed_at: expect.any(Date) })
  expect(gateway.trades.has(attemptNo)).toBe(false)
})
