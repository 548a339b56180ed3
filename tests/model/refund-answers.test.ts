/** A gateway's answer about a refund is recorded for the number that it is about, with the refund's state. */
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ShopError } from '../../apps/shop/src/errors.ts'
import type { RefundAnswer } from '../../apps/shop/src/payments/contract.ts'
import { sendRefund } from '../../apps/shop/src/payments/gateway-sync/send-refund.ts'
import type { Payments } from '../../apps/shop/src/payments/payments.ts'
import { type Harness, openHarness, type PlacedOrder, placeOrder } from './harness.ts'

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
  order = await placeOrder(harness, await harness.newBuyer(), [1], 'wechat')
  for (const action of ['open the link', 'pay', 'query', 'refund all'] as const) await order.do(action)
  const { db } = harness.payments
  const waiting = db.selectFrom('refunds').select(['id', 'status']).where('order_id', '=', order.orderId)
  const { status, ...refund } = await waiting.executeTakeFirstOrThrow()
  expect(status).toBe('approved')
  id = refund.id
})

const refund = () =>
  harness.payments.db.selectFrom('refunds').selectAll().where('id', '=', id).executeTakeFirstOrThrow()

/** The shop, with a gateway that answers every refund like this. */
function answering(answer: () => Promise<RefundAnswer>): Payments {
  const provider = harness.payments.providers.get('wechat')
  if (!provider) throw new Error('there is no wechat')
  return { ...harness.payments, providers: new Map([['wechat', { ...provider, refund: answer }]]) }
}

const AWAY = { code: 'GATEWAY_UNAVAILABLE' }

/** A sender still waits for its answer while the gateway closes the number, and the refund gets another. */
async function delayedSender() {
  const answered = Promise.withResolvers<RefundAnswer>()
  const slow = sendRefund(
    answering(() => answered.promise),
    id,
  ).catch(() => {})
  await expect.poll(async () => (await refund()).tries).toBe(1)

  harness.pass(120)
  const { request_no: requestNo } = await refund()
  harness.gateway.closedRefunds.add(requestNo)
  await sendRefund(harness.payments, id)
  expect((await refund()).status).toBe('refused')
  await order.do('send again')
  harness.pass(120)
  const away = answering(async () => {
    throw new ShopError('GATEWAY_UNAVAILABLE')
  })
  await expect(sendRefund(away, id)).rejects.toMatchObject(AWAY)
  const before = await refund()
  expect([before.status, before.request_no === requestNo]).toEqual(['sent', false])
  const answer = async (said: RefundAnswer) => {
    answered.resolve(said)
    await slow
  }
  return { requestNo, before, answer }
}

test.each<RefundAnswer>([
  { state: 'refused', refusal: 'closed', spent: true },
  { state: 'accepted' },
  { state: 'later', refusal: 'stuck' },
])("a delayed sender that gets $state records nothing for the refund's newer number", async (said) => {
  const { before, answer } = await delayedSender()
  await answer(said)
  expect(await refund()).toEqual(before)
})

test('a delayed sender that learns that the old number was made after all records it, and the new one gives way', async () => {
  const { requestNo, before, answer } = await delayedSender()
  await answer({ state: 'succeeded' })
  expect(await refund()).toMatchObject({ request_no: before.request_no, status: 'refused' })
  const made = harness.payments.db.selectFrom('refunds').selectAll().where('request_no', '=', requestNo)
  expect(await made.execute()).toMatchObject([{ status: 'succeeded', amount_fen: before.amount_fen }])
})

/** The shop, with a gateway that requires a minute between two refunds of one payment. */
function aMinuteApart(): Payments {
  const provider = harness.payments.providers.get('wechat')
  if (!provider) throw new Error('there is no wechat')
  return { ...harness.payments, providers: new Map([['wechat', { ...provider, refundGapMs: 60_000 }]]) }
}

test('two refunds of one payment are sent as far apart as their gateway requires', async () => {
  order = await placeOrder(harness, await harness.newBuyer(), [1], 'wechat')
  for (const action of ['open the link', 'pay', 'query', 'refund a part', 'refund a part'] as const)
    await order.do(action)
  const { db } = harness.payments
  const ofOrder = () =>
    db.selectFrom('refunds').selectAll().where('order_id', '=', order.orderId).orderBy('id').execute()
  const [one, two] = await ofOrder()
  if (!one || !two) throw new Error('two refunds were to be made')
  const apart = aMinuteApart()
  await sendRefund(apart, one.id)
  const sentAt = (await ofOrder())[0]?.sent_at
  harness.pass(59)
  await sendRefund(apart, two.id)
  expect(harness.gateway.sent.map(({ requestNo }) => requestNo)).not.toContain(two.request_no)
  expect((await ofOrder())[1]).toMatchObject({ status: 'approved', tries: 0, sent_at: null })
  // A job sends it when it is time.
  const { rows } = await sql<{ run_at: Date }>`
    select run_at from graphile_worker._private_jobs
    where payload ->> 'refundId' = ${String(two.id)} order by run_at desc limit 1`.execute(db)
  expect(rows[0]?.run_at.getTime()).toBe((sentAt?.getTime() ?? 0) + 60_000)
  harness.pass(2)
  await sendRefund(apart, two.id)
  expect(harness.gateway.sent.map(({ requestNo }) => requestNo)).toContain(two.request_no)
})

test('a refund sent again with a new number waits like any other', async () => {
  const apart = aMinuteApart()
  harness.gateway.closedRefunds.add((await refund()).request_no)
  await sendRefund(apart, id)
  expect(await refund()).toMatchObject({ status: 'refused', number_spent: true })
  await order.do('send again')
  harness.pass(30)
  await sendRefund(apart, id)
  expect((await refund()).status).toBe('approved')
  harness.pass(31)
  await sendRefund(apart, id)
  expect((await refund()).status).not.toBe('approved')
})

test('a refund stuck at the gateway is known to exist there, although its first answer was lost', async () => {
  const afterAnswer = async (answer: RefundAnswer) => {
    harness.pass(120)
    await expect(
      sendRefund(
        answering(async () => answer),
        id,
      ),
    ).rejects.toMatchObject(AWAY)
    const { accepted_at, refusal } = await refund()
    return { accepted_at, refusal }
  }
  expect(await afterAnswer({ state: 'later', refusal: 'busy' })).toEqual({ accepted_at: null, refusal: 'busy' })
  const stuck = { state: 'later', refusal: 'stuck', taken: true } as const
  const first = await afterAnswer(stuck)
  expect(first).toEqual({ accepted_at: expect.any(Date), refusal: 'stuck' })
  expect(await afterAnswer(stuck)).toEqual(first)
})
