/** Staff stop a refund that its gateway keeps refusing, and only while it cannot have been made. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ShopError } from '../../apps/shop/src/errors.ts'
import type { RefundAnswer } from '../../apps/shop/src/payments/contract.ts'
import { sendRefund } from '../../apps/shop/src/payments/gateway-sync/send-refund.ts'
import type { Payments } from '../../apps/shop/src/payments/payments.ts'
import { recordMadeRefund } from '../../apps/shop/src/payments/refunds/made.ts'
import { readRefund } from '../../apps/shop/src/payments/refunds/views.ts'
import { type Harness, openHarness, type PlacedOrder, placeOrder } from './harness.ts'
import { broken } from './invariants.ts'

let harness: Harness
let order: PlacedOrder
let id: number

beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())

/** A paid order, and a full refund that waits to be sent. */
beforeEach(async () => {
  harness.gateway.mood = 'answers'
  order = await placeOrder(harness, await harness.newBuyer(), [1])
  for (const action of ['open the link', 'pay', 'query', 'refund all'] as const) await order.do(action)
  id = (await refundsOf())[0]?.id ?? 0
})

const refundsOf = () =>
  harness.payments.db.selectFrom('refunds').selectAll().where('order_id', '=', order.orderId).orderBy('id').execute()

const refund = async () => {
  const [found] = await refundsOf()
  if (!found) throw new Error('a refund was to be made')
  return found
}

const TOO_LOW: RefundAnswer = { state: 'later', refusal: 'the balance is too low', unmade: true }

/** Sends the refund to a gateway that answers like this. */
async function send(answer: () => Promise<RefundAnswer>): Promise<void> {
  harness.pass(120)
  const provider = harness.payments.providers.get('alipay')
  if (!provider) throw new Error('there is no alipay')
  const answering: Payments = {
    ...harness.payments,
    providers: new Map([['alipay', { ...provider, refund: answer }]]),
  }
  await sendRefund(answering, id).catch((error: unknown) => {
    if (!(error instanceof ShopError)) throw error
  })
}
const noAnswer = () => Promise.reject(new ShopError('GATEWAY_UNAVAILABLE'))

test('a refund that its gateway refuses for now can be stopped: its sum is free, and nothing is sent any more', async () => {
  await send(async () => TOO_LOW)
  const seen = await readRefund(harness.payments.db, (await refund()).request_no, 'owner')
  expect(seen.actions).toEqual(['stop'])
  expect(await order.do('stop')).toBe('done')
  expect(await refund()).toMatchObject({ status: 'refused', stopped: true, answer: 'no more' })
  const calls = harness.gateway.sent.length
  harness.pass(600)
  await sendRefund(harness.payments, id)
  expect(harness.gateway.sent).toHaveLength(calls)
  // The same money can be refunded by another refund.
  expect(await order.do('refund all')).toBe('done')
  expect((await refundsOf()).map(({ status }) => status)).toEqual(['refused', 'approved'])
  expect(await broken(harness, [order.userId])).toEqual([])
})

test('one that was never sent can be stopped', async () => {
  expect(await order.do('stop')).toBe('done')
  expect(await refund()).toMatchObject({ status: 'refused', stopped: true })
})

test.each<[string, () => Promise<RefundAnswer>]>([
  ['was not answered', noAnswer],
  ['was accepted', async () => ({ state: 'accepted' })],
  ['was refused without saying that there is none', async () => ({ state: 'later', refusal: 'not yet' })],
  ['waits at the gateway', async () => ({ state: 'later', refusal: 'stuck', taken: true })],
])('one whose last try %s cannot be stopped', async (_name, answer) => {
  await send(async () => TOO_LOW)
  await send(answer)
  const seen = await readRefund(harness.payments.db, (await refund()).request_no, 'owner')
  expect(seen.actions).toEqual([])
  expect(await order.do('stop')).toBe('REFUND_MAY_BE_MADE')
  expect((await refund()).status).toBe('sent')
})

test('after a lost answer, a clear refusal allows it again; a refund that the gateway has is never stopped', async () => {
  await send(noAnswer)
  await send(async () => TOO_LOW)
  const { request_no: requestNo, amount_fen: amount } = await refund()
  const trade = [...harness.gateway.trades.values()].at(-1)
  harness.gateway.payBack(trade?.attemptNo ?? '', requestNo, amount)
  expect(await order.do('stop')).toBe('REFUND_MAY_BE_MADE')
  trade?.refunds.clear()
  expect(await order.do('stop')).toBe('done')
})

test('a stopped refund that a bill lists all the same is recorded, and the access ends', async () => {
  await send(async () => TOO_LOW)
  await order.do('stop')
  const { request_no: requestNo, amount_fen: amount } = await refund()
  const trade = [...harness.gateway.trades.values()].at(-1)
  harness.gateway.payBack(trade?.attemptNo ?? '', requestNo, amount)
  const now = harness.payments.clock()
  const made = { provider: 'alipay', tradeNo: trade?.tradeNo ?? '', requestNo, amount, day: '2026-11-22', now }
  await harness.payments.db
    .transaction()
    .execute((tx) => recordMadeRefund(tx, { ...made, by: { actor: 'staff', userId: order.userId } }))
  expect((await refund()).status).toBe('succeeded')
  expect(await broken(harness, [order.userId])).toEqual([])
})
