/** What a gateway answers about a refund is booked on the number that it is about, and says where the refund is. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Payments } from '../../apps/shop/src/payments/payments.ts'
import type { RefundAnswer } from '../../apps/shop/src/payments/providers/provider.ts'
import { sendRefund } from '../../apps/shop/src/payments/send-refund.ts'
import { openStage, type Play, play, type Stage } from './stage.ts'

let stage: Stage
let order: Play
let id: number

beforeAll(async () => {
  stage = await openStage()
}, 60_000)
afterAll(() => stage?.close())

/** A paid order, and a refund of all of it that waits to be sent. */
beforeEach(async () => {
  stage.gateway.mood = 'answers'
  order = await play(stage, await stage.newBuyer(), [1], 'wechat')
  for (const deed of ['open the link', 'pay', 'ask', 'refund all'] as const) await order.do(deed)
  const { db } = stage.payments
  const waiting = db.selectFrom('refunds').select(['id', 'status']).where('order_id', '=', order.orderId)
  const { status, ...refund } = await waiting.executeTakeFirstOrThrow()
  expect(status).toBe('approved')
  id = refund.id
})

const refund = () => stage.payments.db.selectFrom('refunds').selectAll().where('id', '=', id).executeTakeFirstOrThrow()

/** The shop, with a gateway that answers every refund so. */
function answering(answer: () => Promise<RefundAnswer>): Payments {
  const provider = stage.payments.providers.get('wechat')
  if (!provider) throw new Error('there is no wechat')
  return { ...stage.payments, providers: new Map([['wechat', { ...provider, refund: answer }]]) }
}

const AWAY = { code: 'GATEWAY_UNAVAILABLE' }

test.each<RefundAnswer>([
  { state: 'refused', refusal: 'closed', spent: true },
  { state: 'succeeded' },
  { state: 'accepted' },
  { state: 'later', refusal: 'stuck' },
])(
  'a sender that slept over $state books nothing on the number that the refund has been given since',
  async (answer) => {
    const answered = Promise.withResolvers<RefundAnswer>()
    const slow = sendRefund(
      answering(() => answered.promise),
      id,
    ).catch(() => {})
    await expect.poll(async () => (await refund()).tries).toBe(1)

    stage.pass(120)
    const { request_no: requestNo } = await refund()
    stage.gateway.closedRefunds.add(requestNo)
    await sendRefund(stage.payments, id)
    expect((await refund()).status).toBe('refused')
    await order.do('send again')
    stage.pass(120)
    stage.gateway.mood = 'away'
    await expect(sendRefund(stage.payments, id)).rejects.toMatchObject(AWAY)
    const before = await refund()
    expect([before.status, before.request_no === requestNo]).toEqual(['sent', false])
    answered.resolve(answer)
    await slow
    expect(await refund()).toEqual(before)
  },
)

test('a refund that is stuck over there is known to be there, though its first answer was lost', async () => {
  const told = async (answer: RefundAnswer) => {
    stage.pass(120)
    await expect(
      sendRefund(
        answering(async () => answer),
        id,
      ),
    ).rejects.toMatchObject(AWAY)
    const { accepted_at, refusal } = await refund()
    return { accepted_at, refusal }
  }
  expect(await told({ state: 'later', refusal: 'busy' })).toEqual({ accepted_at: null, refusal: 'busy' })
  const stuck = { state: 'later', refusal: 'stuck', taken: true } as const
  const first = await told(stuck)
  expect(first).toEqual({ accepted_at: expect.any(Date), refusal: 'stuck' })
  expect(await told(stuck)).toEqual(first)
})
