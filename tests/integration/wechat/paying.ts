/** Requesting a code, paying it, and switching methods. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { expect, test } from 'vitest'
import { type Checkout, type Order, order, read, scan, status, system, tradeOf } from './rig.ts'

test('a code is requested, scanned and paid, and the notification settles the order', async () => {
  const buyer = await system.buyer()
  const { orderNo, codeUrl } = await order(buyer, 'wechat')
  expect(codeUrl).toMatch(/^weixin:\/\/wxpay\/bizpayurl\?pr=/)
  const { transactionId } = await scan(codeUrl)
  await expect.poll(status(buyer, orderNo)).toBe('paid')
  expect(await read(buyer, orderNo)).toMatchObject({ payType: 'wechat', tradeNo: transactionId })
  const kept = await system.sql('select accepted, effect, body from notifications where attempt_no = $1', [orderNo])
  expect(kept).toMatchObject([{ accepted: true, effect: 'settled' }])
  const owned = await buyer.call<{ items: { course: { id: number } }[] }>('GET', '/api/me/courses')
  expect(owned.body.items.map(({ course }) => course.id)).toEqual([1])
})

test('a repeated request and a reopened page show the same code; a phone gets an address', async () => {
  const [buyer, key] = [await system.buyer(), randomUUID()]
  const [one, two] = await Promise.all([order(buyer, 'wechat', key), order(buyer, 'wechat', key)])
  expect(two).toEqual(one)
  const open = await buyer.call<Checkout>('GET', `/api/orders/${one.orderNo}/payment`)
  expect(open.body).toMatchObject({ codeUrl: one.codeUrl, payType: 'wechat' })

  const phone = { 'user-agent': 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148' }
  const onPhone = await buyer.call<Checkout>('POST', `/api/orders/${one.orderNo}/payment`, {}, phone)
  const address = new URL(onPhone.body.payUrl ?? '')
  expect(address.searchParams.get('redirect_url')).toBe(`${system.shopUrl}/pay/success?order=${one.orderNo}`)
  // The previous code is closed at the gateway: scanned now, it cannot be paid.
  expect((await tradeOf(one.orderNo))?.state).toBe('CLOSED')
  await expect(scan(one.codeUrl)).rejects.toThrow(/409.*CLOSED/s)
  await system.sandbox.notifications(false)
  await scan(onPhone.body.payUrl)
  expect(await status(buyer, one.orderNo)()).toBe('unpaid')
  // Back on the shop's page, without a notification, the shop queries the gateway.
  const asked = await buyer.call<Order>('POST', `/api/orders/${one.orderNo}/ask`)
  expect(asked.body.status).toBe('paid')
  await system.sandbox.notifications(true)
})

test('in the WeChat in-app browser no blocked page is opened: the order stays, to be paid elsewhere', async () => {
  const app = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148 MicroMessenger/8.0.50'
  const desktop = 'Mozilla/5.0 (Windows NT 10.0) Chrome/132 Safari/537.36 MicroMessenger/7.0.20 WindowsWechat'
  const buy = async (userAgent: string, payType: string) => {
    const body = { courseIds: [1], totalAmount: '39.00', payType }
    const buyer = await system.buyer()
    return (await buyer.call<Checkout>('POST', '/api/orders', body, { 'user-agent': userAgent })).body
  }
  const inApp = await buy(app, 'wechat')
  expect(inApp).toMatchObject({ status: 'unpaid', elsewhere: true, codeUrl: expect.stringMatching(/^weixin:/) })
  expect(inApp).not.toHaveProperty('payUrl')
  expect(await system.sql('select channel from payment_attempts where attempt_no = $1', [inApp.orderNo])).toEqual([
    { channel: 'native' },
  ])
  for (const userAgent of [app, desktop]) {
    const other = await buy(userAgent, 'alipay')
    expect(other).toMatchObject({ status: 'unpaid', elsewhere: true })
    expect(other).not.toHaveProperty('payUrl')
  }
  // On a computer the code can be scanned as usual.
  const onDesktop = await buy(desktop, 'wechat')
  expect(onDesktop.codeUrl).toMatch(/^weixin:/)
  expect(onDesktop).not.toHaveProperty('elsewhere')
})

test('a link that is being stored while another request needs it is shared, as a new request would end it', async () => {
  const buyer = await system.buyer()
  const { orderNo, codeUrl } = await order(buyer, 'wechat')
  const [kept] = await system.sql<{ until: Date }>(
    'select link_until as until from payment_attempts where attempt_no = $1',
    [orderNo],
  )
  await system.sql("update payment_attempts set link_until = now() - interval '1 day' where attempt_no = $1", [orderNo])
  const first = new pg.Client({
    connectionString: readFileSync(join(system.dataDir, 'postgres/owner-url'), 'utf8').trim(),
  })
  await first.connect()
  try {
    await first.query('begin')
    await first.query('update payment_attempts set link_until = $2 where attempt_no = $1', [orderNo, kept?.until])
    const second = buyer.call<Checkout>('GET', `/api/orders/${orderNo}/payment`)
    const reaching =
      "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like 'update \"payment_attempts\"%'"
    await expect.poll(async () => (await system.sql(reaching)).length).toBe(1)
    await first.query('commit')
    expect((await second).body.codeUrl).toBe(codeUrl)
  } finally {
    await first.end()
  }
})

test('another method needs no new order; when both are paid, the second payment is refunded by itself', async () => {
  const buyer = await system.buyer()
  const { orderNo, codeUrl } = await order(buyer, 'wechat')
  // Notifications of the first payment are lost, so that the shop learns of the second one before.
  await system.sandbox.send('POST', '/faults', { kind: 'drop', scope: { outTradeNo: orderNo } })
  await system.sandbox.send('POST', '/faults', { kind: 'http-500', scope: { outTradeNo: orderNo } })
  const again = await buyer.call<Checkout>('POST', `/api/orders/${orderNo}/payment`, { payType: 'alipay' })
  expect(again.body).toMatchObject({ orderNo, payType: 'alipay' })
  await scan(codeUrl)
  await system.sandbox.pay(again.body.payUrl ?? '')
  await expect.poll(status(buyer, orderNo)).toBe('paid')
  expect((await read(buyer, orderNo)).payType).toBe('alipay')
  await system.sandbox.send('DELETE', '/faults')
  await expect
    .poll(async () => (await tradeOf(orderNo))?.refundedAmount, { timeout: 60_000, interval: 500 })
    .toBe('39.00')
  const back = await system.sql(
    'select status, amount_fen from refunds where attempt_id = (select id from payment_attempts where attempt_no = $1)',
    [orderNo],
  )
  await expect
    .poll(
      () =>
        system.sql(
          'select status from refunds where attempt_id = (select id from payment_attempts where attempt_no = $1)',
          [orderNo],
        ),
      { timeout: 30_000 },
    )
    .toMatchObject([{ status: 'succeeded' }])
  expect(back).toHaveLength(1)
  expect((await read(buyer, orderNo)).status).toBe('paid')
})
