/**
 * Several payment attempts of one order: settings that change in between, links still open in another tab, and
 * concurrent requests.
 */
import { setTimeout as passing } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ShopError } from '../../apps/shop/src/errors.ts'
import { toFen } from '../../apps/shop/src/money.ts'
import { readOrder } from '../../apps/shop/src/orders/read.ts'
import { lockOrder, transition } from '../../apps/shop/src/orders/transition.ts'
import { checkout, openCheckout, payAgain } from '../../apps/shop/src/payments/checkout/checkout.ts'
import type { PaymentProvider } from '../../apps/shop/src/payments/contract.ts'
import { closeLeftAttempts } from '../../apps/shop/src/payments/gateway-sync/close-attempts.ts'
import { closeOrder, createOrderCanceller } from '../../apps/shop/src/payments/gateway-sync/close-order.ts'
import { createOrderQuery } from '../../apps/shop/src/payments/gateway-sync/query.ts'
import { sendRefund } from '../../apps/shop/src/payments/gateway-sync/send-refund.ts'
import { forgetSettings } from '../../apps/shop/src/payments/merchants/entered-settings.ts'
import { unsettled } from '../../apps/shop/src/payments/merchants/unsettled.ts'
import { act, receiveNotification } from '../../apps/shop/src/payments/notifications/inbox.ts'
import type { Payments } from '../../apps/shop/src/payments/payments.ts'
import { routedProvider } from '../../apps/shop/src/payments/providers/router.ts'
import { refundLines } from '../../apps/shop/src/payments/refunds/create.ts'
import { createMemoryGateway, type MemoryGateway } from './gateway.ts'
import { type Harness, openHarness } from './harness.ts'

const PAYER = { device: 'computer', address: '127.0.0.1' } as const
const MERCHANTS = ['A', 'B', 'sandbox'] as const
type Name = (typeof MERCHANTS)[number]

let harness: Harness
let gateways: Record<Name, MemoryGateway>
/** The first one takes the payments. */
let merchants: Name[]
let payments: Payments
let userId: number

beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())

beforeEach(async () => {
  const { clock } = harness.payments
  gateways = { A: createMemoryGateway(clock), B: createMemoryGateway(clock), sandbox: createMemoryGateway(clock) }
  merchants = ['A']
  const live = (name: string): PaymentProvider =>
    routedProvider(name, () => {
      const all = merchants.map((merchant) => ({
        provider: providerOf(name, merchant),
        account: merchant,
        merchantOfRecord: merchant,
        sandbox: merchant === 'sandbox',
        real: merchant !== 'sandbox',
      }))
      return { inUse: all[0], all }
    })
  payments = { ...harness.payments, providers: new Map(['alipay', 'wechat'].map((name) => [name, live(name)])) }
  userId = await harness.newBuyer()
})

/** Each merchant has its own trade numbers, and recognises its own notifications. */
function providerOf(name: string, merchant: Name): PaymentProvider {
  const provider = gateways[merchant].providers.get(name)
  if (!provider) throw new Error(`there is no ${name}`)
  return {
    ...provider,
    merchant,
    async queryTrade(attemptNo, at) {
      const trade = await provider.queryTrade(attemptNo, at)
      return trade.state === 'paid' ? { ...trade, tradeNo: `${merchant}-${attemptNo}` } : trade
    },
    async readNotification(raw) {
      const read = await provider.readNotification(raw)
      const genuine = gateways[merchant].trades.get(read.attemptNo ?? '')?.state === 'paid'
      if (!genuine || !read.paid) return { checks: [{ check: 'signature', passed: false }] }
      const tradeNo = `${merchant}-${read.paid.attemptNo}`
      return { ...read, tradeNo, paid: { ...read.paid, tradeNo } }
    },
  }
}

async function buy(payType = 'alipay') {
  const purchase = { userId, courseIds: [1], total: toFen(3900), payType, subject: undefined }
  const { orderNo } = await checkout(payments, purchase, PAYER)
  const { db } = payments
  const order = await db.selectFrom('orders').select('id').where('order_no', '=', orderNo).executeTakeFirstOrThrow()
  const attempts = () =>
    db.selectFrom('payment_attempts').selectAll().where('order_id', '=', order.id).orderBy('id').execute()
  const status = async () =>
    (await db.selectFrom('orders').select('status').where('id', '=', order.id).executeTakeFirstOrThrow()).status
  const newest = async () => (await attempts()).at(-1)?.attempt_no ?? ''
  return { orderId: order.id, orderNo, purchase, attempts, status, newest }
}

const pay = (merchant: Name, attemptNo: string) => {
  gateways[merchant].open(attemptNo)
  expect(gateways[merchant].pay(attemptNo, payments.clock())).toBe(true)
}
const notify = (merchant: Name, attemptNo: string, name = 'alipay') => {
  const body = gateways[merchant].notification(attemptNo)
  const from = { headers: {}, address: '127.0.0.1', receivedAt: payments.clock() }
  const provider = payments.providers.get(name)
  if (!provider) throw new Error(`there is no ${name}`)
  return receiveNotification(payments, provider, { body, bodyBytes: body.length, contentType: '', ...from })
}
const expire = (orderId: number) =>
  closeOrder(payments, orderId, { event: 'expire', by: { actor: 'job' }, reason: 'not paid in time' })
const refundAll = async (orderId: number) => {
  const by = { actor: 'staff', userId } as const
  const { id } = await payments.db
    .transaction()
    .execute((tx) => refundLines(tx, { orderId, lines: [{ courseId: 1 }], reason: '', by, now: payments.clock() }))
  return id
}
const refund = (id: number) =>
  payments.db.selectFrom('refunds').selectAll().where('id', '=', id).executeTakeFirstOrThrow()

test.each(['alipay', 'wechat'])(
  '%s: after a change of merchant the attempt stays with the first one',
  async (payType) => {
    const order = await buy(payType)
    const first = await order.newest()
    gateways.A.open(first)
    merchants = ['B', 'A']
    await openCheckout(payments, { userId, orderNo: order.orderNo }, PAYER)
    expect(await order.attempts()).toHaveLength(2)
    await checkout(payments, order.purchase, PAYER)
    const second = await order.newest()
    expect((await order.attempts()).map(({ merchant }) => merchant)).toEqual(['A', 'B'])
    expect([gateways.B.trades.has(first), gateways.A.trades.has(second)]).toEqual([false, false])
    gateways.B.open(second)

    // Paid in the first tab, without a notification.
    pay('A', first)
    expect(await expire(order.orderId)).toBe('paid')
    const id = await refundAll(order.orderId)
    harness.pass(120)
    await sendRefund(payments, id).catch(() => {})
    expect([...(gateways.A.trades.get(first)?.refunds.keys() ?? [])].length + (payType === 'wechat' ? 1 : 0)).toBe(1)
  },
)

test('the same purchase after a change of merchant opens a new attempt', async () => {
  const order = await buy()
  merchants = ['B', 'A']
  await checkout(payments, order.purchase, PAYER)
  expect((await order.attempts()).map(({ merchant }) => merchant)).toEqual(['A', 'B'])
  expect(gateways.B.trades.has((await order.attempts())[0]?.attempt_no ?? '')).toBe(false)
})

test("an order paid through another method's old link is recorded with the method that paid it", async () => {
  const order = await buy('alipay')
  const first = await order.newest()
  await payAgain(payments, { userId, orderNo: order.orderNo, payType: 'wechat' }, PAYER)
  const method = async () => (await readOrder(payments.db, userId, order.orderNo)).payType
  expect(await method()).toBe('wechat')
  pay('A', first)
  await notify('A', first)
  expect([await order.status(), await method()]).toEqual(['paid', 'alipay'])
})

test('without a merchant in use, an open attempt can still be paid where it was opened', async () => {
  const order = await buy()
  const live = payments.providers.get('alipay')
  if (!live) throw new Error('there is no alipay')
  const retired: PaymentProvider = { ...live, links: live.links, merchant: undefined }
  payments = { ...payments, providers: new Map([['alipay', retired]]) }
  const again = await openCheckout(payments, { userId, orderNo: order.orderNo }, PAYER)
  expect(again.payUrl).toContain(order.orderNo)
  expect(await order.attempts()).toHaveLength(1)
})

test('a method without keys does not block paying with another one', async () => {
  const order = await buy('wechat')
  const first = await order.newest()
  const alipay = payments.providers.get('alipay')
  if (!alipay) throw new Error('there is no alipay')
  const without = { ...payments, providers: new Map([['alipay', alipay]]) }
  const again = await payAgain(without, { userId, orderNo: order.orderNo, payType: 'alipay' }, PAYER)
  expect(again.payType).toBe('alipay')
  await createOrderQuery(without)({ userId, orderNo: order.orderNo })
  // It cannot be closed there: it stays open until the keys are back.
  expect((await order.attempts()).map(({ status }) => status)).toEqual(['open', 'open'])
  pay('A', first)
  expect(await expire(order.orderId)).toBe('paid')
})

test('keys stay while only they know something unsettled, unless its payments are given up', async () => {
  const { db } = payments
  const settings = { provider: 'wechat', sealed: '', shown: '[]', entered_by: userId, entered_at: payments.clock() }
  const { id } = await db
    .insertInto('payment_settings')
    .values({ ...settings, retired_at: payments.clock() })
    .returning('id')
    .executeTakeFirstOrThrow()
  const forget = (known: readonly string[], giveUp = false) =>
    db
      .transaction()
      .execute(async (tx) => {
        const which = { id, giveUp, userId, now: payments.clock() }
        const gone = await forgetSettings(tx, which, (provider) =>
          unsettled(tx, provider, { elsewhere: known, unrecorded: false }),
        )
        if (known.length > 0) throw new ShopError('INTERNAL') // roll back
        return gone?.givenUp
      })
      .catch((error: unknown) => (error instanceof ShopError ? error.code : 'another error'))
  const endRefunds = () =>
    db
      .updateTable('refunds')
      .set({ status: 'refused', finished_at: payments.clock() })
      .where('status', 'in', ['approved', 'sent'])
      .execute()
  await db
    .updateTable('payment_attempts')
    .set({ ask_at: null, status: 'closed' })
    .where('status', '<>', 'paid')
    .execute()
  await endRefunds()
  const order = await buy('wechat')
  const [attempt] = await order.attempts()
  // Another account's keys are no reason to delete these; the same merchant's are.
  expect([await forget([attempt?.merchant ?? '']), await forget(['another'])]).toEqual([
    'INTERNAL',
    'SETTINGS_STILL_NEEDED',
  ])
  pay('A', await order.newest())
  expect(await expire(order.orderId)).toBe('paid')
  await refundAll(order.orderId)
  expect([await forget([]), await forget([], true)]).toEqual(['SETTINGS_STILL_NEEDED', 'SETTINGS_STILL_NEEDED'])
  await endRefunds()
  userId = await harness.newBuyer()
  const open = await buy('wechat')
  expect(await forget([])).toBe('SETTINGS_STILL_NEEDED')
  expect(await forget([], true)).toEqual([await open.newest()])
  expect(await open.attempts()).toMatchObject([{ status: 'closed', ask_at: null }])
})

test('an attempt from before merchants were recorded is found wherever it was paid, and refunded there', async () => {
  const order = await buy()
  const attemptNo = await order.newest()
  await payments.db
    .updateTable('payment_attempts')
    .set({ merchant: null })
    .where('attempt_no', '=', attemptNo)
    .execute()
  // Signed again by the previous version after a change: both merchants know it.
  await signAt('B', attemptNo)
  merchants = ['B', 'A']
  gateways.B.open(attemptNo)
  pay('A', attemptNo)
  expect(await expire(order.orderId)).toBe('paid')
  expect(await order.attempts()).toMatchObject([{ merchant: 'A', trade_no: `A-${attemptNo}` }])
  await sendRefund(payments, await refundAll(order.orderId))
  expect([gateways.A, gateways.B].map(({ trades }) => trades.get(attemptNo)?.refunds.size)).toEqual([1, 0])
})

/** Registers the number at a merchant, as anyone with that merchant's keys could. */
async function signAt(merchant: Name, attemptNo: string): Promise<void> {
  const links = providerOf('alipay', merchant).links
  if (links.signed !== 'locally') throw new Error('it signs its links')
  const named = { attemptNo, orderNo: attemptNo, page: '/', subject: '', channel: 'page', merchant }
  await links.sign({ ...named, amount: toFen(3900), expiresAt: new Date(payments.clock().getTime() + 600_000) })
}

test('the sandbox cannot pay attempts opened with real keys, but still pays those opened there', async () => {
  merchants = ['sandbox']
  const demo = await buy()
  const demoNo = await demo.newest()
  merchants = ['A', 'sandbox']
  userId = await harness.newBuyer()
  const order = await buy()
  const attemptNo = await order.newest()
  await signAt('sandbox', attemptNo)
  pay('sandbox', attemptNo)
  expect(await notify('sandbox', attemptNo)).toMatchObject({ accepted: false })
  await createOrderQuery(payments)({ userId, orderNo: order.orderNo })
  expect(await order.status()).toBe('unpaid')
  await payments.db
    .updateTable('payment_attempts')
    .set({ merchant: null })
    .where('attempt_no', '=', attemptNo)
    .execute()
  expect(await notify('sandbox', attemptNo)).toMatchObject({ accepted: false })
  await createOrderQuery(payments)({ userId, orderNo: order.orderNo })
  expect(await order.status()).toBe('unpaid')
  expect(await expire(order.orderId)).toBe('closed')

  pay('sandbox', demoNo)
  expect(await notify('sandbox', demoNo)).toMatchObject({ accepted: true, effect: 'settled' })
  await sendRefund(payments, await refundAll(demo.orderId))
  expect(await demo.status()).toBe('refunded')
})

test.each(['alipay', 'wechat'])(
  '%s: a retired merchant cannot pay attempts opened at the one in use',
  async (payType) => {
    merchants = ['B', 'A']
    const order = await buy(payType)
    const attemptNo = await order.newest()
    gateways.B.open(attemptNo)
    await signAt('A', attemptNo)
    pay('A', attemptNo)
    expect(await notify('A', attemptNo, payType)).toMatchObject({
      accepted: false,
      effect: 'unmatched',
      reason: 'UNKNOWN_ATTEMPT',
    })
    await createOrderQuery(payments)({ userId, orderNo: order.orderNo })
    expect(await order.status()).toBe('unpaid')
    // It is listed for staff, with the merchant that has the money.
    const listed = await payments.db
      .selectFrom('unmatched_payments')
      .select(['merchant', 'reason', 'amount_fen'])
      .where('attempt_no', '=', attemptNo)
      .execute()
    expect(listed).toEqual([{ merchant: 'A', reason: 'UNKNOWN_ATTEMPT', amount_fen: 3900 }])
    pay('B', attemptNo)
    expect(await notify('B', attemptNo, payType)).toMatchObject({ accepted: true, effect: 'settled' })
  },
)

test('the same purchase does not open an attempt on an order that is being closed', async () => {
  const order = await buy()
  const now = payments.clock()
  await payments.db
    .updateTable('payment_attempts')
    .set({ status: 'closed', ask_at: null })
    .where('order_id', '=', order.orderId)
    .execute()
  let again: Promise<{ orderNo: string }> | undefined
  await payments.db.transaction().execute(async (tx) => {
    await lockOrder(tx, order.orderId)
    again = checkout(payments, order.purchase, PAYER)
    await passing(300)
    await transition(tx, 'cancel', { orderId: order.orderId, at: now, by: { actor: 'buyer' }, reason: '' })
  })
  expect((await again)?.orderNo).not.toBe(order.orderNo)
  expect(await order.attempts()).toMatchObject([{ status: 'closed' }])
})

test('after thirty payments begun for one order, the existing open attempt is reused', async () => {
  const order = await buy()
  const again = () => payAgain(payments, { userId, orderNo: order.orderNo, payType: undefined }, PAYER)
  for (let time = 1; time < 30; time += 1) await again()
  const before = await order.attempts()
  expect(before).toHaveLength(30)
  await expect(again()).rejects.toMatchObject({ code: 'PAYMENT_BEGUN_TOO_OFTEN' })
  expect(await order.attempts()).toHaveLength(30)
  expect((await openCheckout(payments, { userId, orderNo: order.orderNo }, PAYER)).payUrl).toBeDefined()
})

test('a late task keeps the newest attempt, and an unreachable gateway does not keep attempts at others open', async () => {
  const order = await buy()
  await payAgain(payments, { userId, orderNo: order.orderNo, payType: 'wechat' }, PAYER)
  const [first] = await order.attempts()
  // Opened again without the task's knowledge, like an attempt whose gateway was unreachable.
  await payments.db
    .updateTable('payment_attempts')
    .set({ status: 'open' })
    .where('order_id', '=', order.orderId)
    .execute()
  await payAgain(payments, { userId, orderNo: order.orderNo, payType: 'alipay' }, PAYER)
  await payments.db
    .updateTable('payment_attempts')
    .set({ status: 'open' })
    .where('order_id', '=', order.orderId)
    .execute()
  const alipay = payments.providers.get('alipay')
  const wechat = payments.providers.get('wechat')
  if (!alipay || !wechat) throw new Error('there are two')
  const away = async () => {
    throw new ShopError('GATEWAY_UNAVAILABLE')
  }
  const broken = {
    ...payments,
    providers: new Map([
      ['alipay', alipay],
      ['wechat', { ...wechat, links: wechat.links, merchant: 'A', queryTrade: away }],
    ]),
  }
  await expect(closeLeftAttempts(broken, order.orderId)).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE' })
  expect((await order.attempts()).map(({ status }) => status)).toEqual(['closed', 'open', 'open'])
  expect(first?.provider).toBe('alipay')
  await closeLeftAttempts(payments, order.orderId)
  expect((await order.attempts()).map(({ status }) => status)).toEqual(['closed', 'closed', 'open'])
})

test('"pay again" twice at once with one idempotency key leaves one open attempt, which both answers name', async () => {
  const order = await buy('wechat')
  const repeatable = { key: `again-${order.orderNo}`, requestHash: 'same' }
  const again = (from: Payments) =>
    payAgain(from, { userId, orderNo: order.orderNo, payType: undefined }, PAYER, repeatable)
  // The second request is held while it closes the attempts it found, until the first has finished.
  const wechat = payments.providers.get('wechat')
  if (!wechat) throw new Error('there is no wechat')
  let first: ReturnType<typeof again> | undefined
  const held: PaymentProvider = {
    ...wechat,
    links: wechat.links,
    merchant: 'A',
    async queryTrade(attemptNo, merchant) {
      first ??= again(payments)
      await first
      return wechat.queryTrade(attemptNo, merchant)
    },
  }
  const second = await again({ ...payments, providers: new Map([['wechat', held]]) })
  const open = (await order.attempts()).filter(({ status }) => status === 'open')
  expect(open).toHaveLength(1)
  expect(second.codeUrl).toBe(`code:${open[0]?.attempt_no}`)
  expect(await first).toEqual(second)
  expect(await again(payments)).toEqual(second)
})

test('when a buyer returns, old links are queried as well', async () => {
  const order = await buy()
  const first = await order.newest()
  await payAgain(payments, { userId, orderNo: order.orderNo, payType: 'wechat' }, PAYER)
  expect((await order.attempts())[0]).toMatchObject({ status: 'closed' })
  pay('A', first)
  await createOrderQuery(payments)({ userId, orderNo: order.orderNo })
  expect(await order.status()).toBe('paid')
})

test('an order cancelled many times at once is closed at its gateway once, and every request gets the result', async () => {
  const order = await buy('wechat')
  const { orderNo } = order
  let queries = 0
  let answer = () => {}
  const slow = new Promise<void>((resolve) => {
    answer = resolve
  })
  const counted = routedProvider('wechat', () => {
    const provider = providerOf('wechat', 'A')
    const queryTrade: PaymentProvider['queryTrade'] = async (attemptNo, at) => {
      queries += 1
      await slow
      return provider.queryTrade(attemptNo, at)
    }
    const instance = {
      provider: { ...provider, queryTrade },
      account: 'A',
      merchantOfRecord: 'A',
      sandbox: false,
      real: true,
    }
    return { inUse: instance, all: [instance] }
  })
  const cancel = createOrderCanceller({ ...payments, providers: new Map([['wechat', counted]]) })
  await expect(cancel({ userId: userId + 1, orderNo })).rejects.toThrow(ShopError)
  const presses = Promise.allSettled(Array.from({ length: 24 }, () => cancel({ userId, orderNo })))
  // The gateway answers once all requests have found the order and wait.
  const { pool } = harness.connection
  const allWait = () => queries > 0 && pool.waitingCount === 0 && pool.idleCount === pool.totalCount
  await expect.poll(allWait).toBe(true)
  answer()
  const pressed = await presses
  expect(await order.status()).toBe('cancelled')
  // One closes it; the waiting ones share one query of the result.
  expect(pressed.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect(queries).toBeLessThanOrEqual(4)
  const codes = pressed.flatMap((one) => (one.status === 'rejected' ? [(one.reason as ShopError).code] : []))
  expect(new Set(codes)).toEqual(new Set(['ORDER_NOT_CANCELLABLE']))
})

test('a refused refund that was made anyway is found by its notification, and not sent again', async () => {
  const order = await buy()
  const attemptNo = await order.newest()
  pay('A', attemptNo)
  expect(await expire(order.orderId)).toBe('paid')
  const id = await refundAll(order.orderId)
  gateways.A.mood = 'refuses refunds'
  for (let tries = 0; tries < 3; tries += 1) {
    harness.pass(120)
    await sendRefund(payments, id).catch(() => {})
  }
  const { request_no: refundNo, amount_fen: amount, ...refused } = await refund(id)
  expect(refused.status).toBe('refused')
  gateways.A.mood = 'answers'
  await sendRefund(payments, id)
  expect([(await refund(id)).status, gateways.A.trades.get(attemptNo)?.refunds.size]).toEqual(['refused', 0])

  gateways.A.trades.get(attemptNo)?.refunds.set(refundNo, amount)
  const jobs = async () =>
    Number(
      (
        await harness.connection.pool.query(
          `select count(*) as n from graphile_worker.jobs where task_identifier = 'send-refund'`,
        )
      ).rows[0]?.n,
    )
  const provider = payments.providers.get('alipay')
  if (!provider) throw new Error('there is no alipay')
  const before = await jobs()
  const notice = { checks: [{ check: 'signature', passed: true }], refundNo, nothingToDo: true }
  await payments.db.transaction().execute((tx) => act(tx, payments, provider, notice, { source: 'notification' }))
  expect(await jobs()).toBe(before + 1)
  await sendRefund(payments, id)
  expect((await refund(id)).status).toBe('succeeded')
  expect(await order.status()).toBe('refunded')
})
