/**
 * Which link a buyer gets, and which attempts stay payable: requests that are repeated, methods that fail, and gateways
 * that refuse a link.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { toFen } from '../../apps/shop/src/money.ts'
import { readOrder } from '../../apps/shop/src/orders/read.ts'
import { checkout, openCheckout, payAgain } from '../../apps/shop/src/payments/checkout/checkout.ts'
import type { PaymentProvider } from '../../apps/shop/src/payments/contract.ts'
import { closeLeftAttempts } from '../../apps/shop/src/payments/gateway-sync/close-attempts.ts'
import { closeOrder } from '../../apps/shop/src/payments/gateway-sync/close-order.ts'
import { queryAttempt } from '../../apps/shop/src/payments/gateway-sync/query.ts'
import { findProvider, type Payments } from '../../apps/shop/src/payments/payments.ts'
import { METHODS } from './gateway.ts'
import { type Harness, openHarness } from './harness.ts'
import { broken } from './invariants.ts'

const PAYER = { device: 'computer', address: '127.0.0.1' } as const

let harness: Harness
let userId: number

beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())
beforeEach(async () => {
  harness.gateway.mood = 'answers'
  userId = await harness.newBuyer()
})

/** Buys course 1; `paying` is how this buyer's requests reach the gateways. */
async function buy(payType: string, paying: Payments = harness.payments) {
  const { db } = paying
  const repeatable = { key: `buy-${userId}`, requestHash: 'buy' }
  const purchase = { userId, courseIds: [1], total: toFen(3900), payType, subject: undefined }
  const buyAgain = () => checkout(paying, purchase, PAYER, repeatable)
  const first = await buyAgain().catch(() => undefined)
  const { id: orderId, order_no: orderNo } = await db
    .selectFrom('orders')
    .select(['id', 'order_no'])
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow()
  const attempts = () =>
    db.selectFrom('payment_attempts').selectAll().where('order_id', '=', orderId).orderBy('id').execute()
  const pay = (attemptNo: string) => {
    harness.gateway.open(attemptNo)
    return harness.gateway.pay(attemptNo, paying.clock())
  }
  const again = (by?: string, from = paying, key?: string) =>
    payAgain(
      from,
      { userId, orderNo, payType: by },
      PAYER,
      key === undefined ? undefined : { key, requestHash: 'again' },
    )
  const query = async () => {
    for (const attempt of await attempts()) await queryAttempt(paying, attempt)
  }
  const read = () => readOrder(db, userId, orderNo)
  const cancel = () => closeOrder(paying, orderId, { event: 'cancel', by: { actor: 'buyer', userId }, reason: '' })
  return { first, purchase, orderId, orderNo, attempts, pay, again, buyAgain, query, read, cancel }
}

/** The payments of a buyer for whom this method's links go wrong. */
function withLinks(
  name: string,
  request: Extract<PaymentProvider['links'], { signed: 'at the gateway' }>['request'],
): Payments {
  const provider = findProvider(harness.payments, name)
  const other: PaymentProvider = { ...provider, links: { signed: 'at the gateway', request } }
  return { ...harness.payments, providers: new Map(harness.payments.providers).set(name, other) }
}
const real = (name: string) => {
  const { links } = findProvider(harness.payments, name)
  if (links.signed === 'locally') throw new Error('it signs its links')
  return links.request
}

const hasLink = (answer: object) => 'payUrl' in answer || 'codeUrl' in answer

test.each(METHODS)('%s: a repeated purchase gives the state of its order, without a link', async (method) => {
  const paid = await buy(method)
  expect(paid.first && hasLink(paid.first)).toBe(true)
  expect(await paid.buyAgain()).toEqual(paid.first)
  paid.pay((await paid.attempts())[0]?.attempt_no ?? '')
  await paid.query()
  const answer = await paid.buyAgain()
  expect(answer).toMatchObject({ orderNo: paid.orderNo, status: 'paid' })
  expect(hasLink(answer)).toBe(false)

  userId = await harness.newBuyer()
  const cancelled = await buy(method)
  await cancelled.cancel()
  const again = await cancelled.buyAgain()
  expect([again.status, hasLink(again)]).toEqual(['cancelled', false])

  userId = await harness.newBuyer()
  const ended = await buy(method)
  harness.pass(31 * 60)
  await expect(ended.buyAgain()).rejects.toMatchObject({ code: 'ORDER_NOT_PAYABLE' })
})

test.each(METHODS)(
  '%s: a repeated request gets the link of the open attempt, not of one that was closed',
  async (method) => {
    const order = await buy(method)
    const other = METHODS.find((name) => name !== method)
    const second = await order.again(undefined, harness.payments, `again-${userId}`)
    const third = await order.again(other)
    expect((await order.attempts()).map(({ status }) => status)).toEqual(['closed', 'closed', 'open'])
    for (const answer of [await order.buyAgain(), await order.again(undefined, harness.payments, `again-${userId}`)]) {
      expect(answer).toMatchObject({ ...third, expiresAt: second.expiresAt })
    }
  },
)

test('a link that the gateway made while the order was paid or cancelled is not handed out', async () => {
  for (const meanwhile of ['cancel', 'pay'] as const) {
    userId = await harness.newBuyer()
    const order = await buy('alipay')
    const slow = withLinks('wechat', async (attempt, payer) => {
      const made = await real('wechat')(attempt, payer)
      if (meanwhile === 'cancel') await order.cancel()
      else {
        order.pay((await order.attempts())[0]?.attempt_no ?? '')
        await order.query()
      }
      return made
    })
    const answer = await order.again('wechat', slow)
    expect([answer.status, hasLink(answer)]).toEqual([meanwhile === 'cancel' ? 'cancelled' : 'paid', false])
    expect((await order.attempts()).at(-1)).toMatchObject({ link: null })
    await closeLeftAttempts(harness.payments, order.orderId)
    expect(await broken(harness, [userId])).toEqual([])
  }
})

test('a code that is valid still is not shown for an order that another attempt has paid', async () => {
  const order = await buy('alipay')
  // The first attempt cannot be closed meanwhile.
  const before = (await order.attempts())[0]?.attempt_no ?? ''
  const alipay = findProvider(harness.payments, 'alipay')
  const close = async () => {}
  const open = new Map(harness.payments.providers).set('alipay', { ...alipay, close })
  harness.gateway.open(before)
  await order.again('wechat', { ...harness.payments, providers: open }, `again-${userId}`)
  order.pay(before)
  await order.query()
  const again = await order.again('wechat', harness.payments, `again-${userId}`)
  expect([again.status, again.payType, hasLink(again)]).toEqual(['paid', 'alipay', false])
})

test('a method that is not available leaves the open attempt as it is', async () => {
  const order = await buy('alipay')
  const [first] = await order.attempts()
  harness.gateway.open(first?.attempt_no ?? '')
  const wechat = findProvider(harness.payments, 'wechat')
  const none: PaymentProvider = {
    ...wechat,
    channelFor: () => {
      throw Object.assign(new Error('no merchant'), { code: 'PAY_METHOD_UNAVAILABLE' })
    },
  }
  const without = { ...harness.payments, providers: new Map(harness.payments.providers).set('wechat', none) }
  await expect(order.again('wechat', without)).rejects.toMatchObject({ code: 'PAY_METHOD_UNAVAILABLE' })
  expect(await order.attempts()).toMatchObject([{ status: 'open' }])
  expect(harness.gateway.trades.get(first?.attempt_no ?? '')?.state).toBe('waiting')
})

test('a method whose gateway makes no link leaves the open attempt payable; a later try uses the same number', async () => {
  const { gateway, payments } = harness
  const order = await buy('alipay')
  const [first] = await order.attempts()
  gateway.open(first?.attempt_no ?? '')
  const away = withLinks('wechat', async (attempt, payer) => {
    gateway.mood = 'away'
    try {
      return await real('wechat')(attempt, payer)
    } finally {
      gateway.mood = 'answers'
    }
  })
  await expect(order.again('wechat', away)).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE' })
  // A job that was left from before, or that runs at the wrong moment, does not close it either.
  await closeLeftAttempts(payments, order.orderId)
  expect((await order.attempts()).map(({ status }) => status)).toEqual(['open', 'open'])
  expect(gateway.trades.get(first?.attempt_no ?? '')?.state).toBe('waiting')
  expect(await order.read()).toMatchObject({ payType: 'alipay' })
  expect(await openCheckout(payments, { userId, orderNo: order.orderNo }, PAYER)).toEqual(order.first)

  const linked = await order.again('wechat')
  const attempts = await order.attempts()
  expect(attempts.map(({ status }) => status)).toEqual(['closed', 'open'])
  expect(linked.codeUrl).toBe(`code:${attempts[1]?.attempt_no}`)
  expect(await order.read()).toMatchObject({ payType: 'wechat' })
  expect(gateway.trades.get(first?.attempt_no ?? '')?.state).toBe('closed')
})

test('killed once the new attempt has its link: the older one is closed by a job', async () => {
  const { payments, connection } = harness
  const order = await buy('alipay')
  const jobs = async () => {
    const text = `select payload->>'orderId' as id from graphile_worker._private_jobs`
    return (await connection.pool.query<{ id: string }>(text)).rows.filter(({ id }) => Number(id) === order.orderId)
  }
  let atLink: number | undefined
  const counted = withLinks('wechat', async (attempt, payer) => {
    atLink = (await jobs()).length
    return real('wechat')(attempt, payer)
  })
  await order.again('wechat', counted)
  expect(atLink).toBe(0)
  expect(await jobs()).toHaveLength(1)
  await closeLeftAttempts(payments, order.orderId)
  expect((await order.attempts()).map(({ status }) => status)).toEqual(['closed', 'open'])
})

test('after an outage the other method pays the same order', async () => {
  const { gateway, payments } = harness
  gateway.mood = 'away'
  const order = await buy('wechat')
  expect(order.first).toBeUndefined()
  gateway.mood = 'answers'
  const other = await checkout(payments, { ...order.purchase, payType: 'alipay' }, PAYER)
  expect(other).toMatchObject({ orderNo: order.orderNo, payType: 'alipay', payUrl: expect.any(String) })
  expect(await order.read()).toMatchObject({ payType: 'alipay', status: 'unpaid' })
  await closeLeftAttempts(payments, order.orderId)
  expect((await order.attempts()).map(({ status }) => status)).toEqual(['closed', 'open'])
})

test('a gateway that refuses a link since the number is paid is queried, and the answer is that it is paid', async () => {
  for (const from of ['the purchase', 'the page', 'paying again'] as const) {
    userId = await harness.newBuyer()
    const order = await buy('wechat')
    const attemptNo = (await order.attempts())[0]?.attempt_no ?? ''
    // Its code has expired here, and the shop has not learned of the payment yet.
    if (from !== 'paying again') {
      const ended = { link_until: new Date(0) }
      await harness.payments.db.updateTable('payment_attempts').set(ended).where('attempt_no', '=', attemptNo).execute()
    }
    const answer = async () => {
      if (from === 'the purchase') return order.buyAgain()
      if (from === 'the page') return openCheckout(harness.payments, { userId, orderNo: order.orderNo }, PAYER)
      return order.again(
        'wechat',
        withLinks('wechat', async (attempt, payer) => {
          order.pay(attemptNo)
          return real('wechat')(attempt, payer)
        }),
      )
    }
    if (from !== 'paying again') order.pay(attemptNo)
    const answered = await answer()
    expect([answered.status, hasLink(answered)], from).toEqual(['paid', false])
    expect(await order.read()).toMatchObject({ status: 'paid' })
  }
})

test('a refused link is reported as refused, and its attempt is not used again', async () => {
  const order = await buy('alipay')
  const refusing = withLinks('wechat', async () => ({ refusal: 'NO_AUTH: the merchant has no right to this' }))
  await expect(order.again('wechat', refusing)).rejects.toMatchObject({ code: 'PAYMENT_REFUSED' })
  expect((await order.attempts()).map(({ status }) => status)).toEqual(['open', 'closed'])
  expect(await order.read()).toMatchObject({ payType: 'alipay', status: 'unpaid' })
  expect(await openCheckout(harness.payments, { userId, orderNo: order.orderNo }, PAYER)).toEqual(order.first)

  userId = await harness.newBuyer()
  const first = await buy('wechat', refusing)
  await expect(first.buyAgain()).rejects.toMatchObject({ code: 'ORDER_NOT_PAYABLE' })
  expect(await first.attempts()).toMatchObject([{ status: 'closed' }])
  expect(await first.again('alipay')).toMatchObject({ status: 'unpaid', payUrl: expect.any(String) })
})

test('an expired order leads its buyer to the one that took its late payment', async () => {
  const order = await buy('wechat')
  expect(await order.read()).toMatchObject({ status: 'unpaid', replacedBy: null })
  const attemptNo = (await order.attempts())[0]?.attempt_no ?? ''
  harness.pass(32 * 60)
  // The gateway reports it only after the order has expired.
  await harness.payments.db.updateTable('payment_attempts').set({ ask_at: null }).execute()
  const reason = 'not paid in time'
  await closeOrder(harness.payments, order.orderId, { event: 'expire', by: { actor: 'job' }, reason })
  const trade = harness.gateway.trades.get(attemptNo)
  if (!trade) throw new Error('it is not there')
  trade.state = 'paid'
  trade.paidAt = harness.payments.clock()

  await queryAttempt(harness.payments, { provider: 'wechat', attempt_no: attemptNo, merchant: null })
  const expired = await order.read()
  expect(expired).toMatchObject({ status: 'expired', replacedBy: expect.any(String) })
  const taken = await readOrder(harness.payments.db, userId, expired.replacedBy ?? '')
  expect(taken).toMatchObject({ status: 'paid', replacedBy: null })
})
