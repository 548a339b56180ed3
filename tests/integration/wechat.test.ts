/** Paying with WeChat Pay: the code, the notification, closing, refunds, and switching methods; each in the books of both sides. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkShop } from '@xuecheng/sandbox'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ShopApi } from '../harness/shop-api.ts'
import { type System, startSystem } from '../harness/system.ts'

let system: System
let staff: ShopApi

beforeAll(async () => {
  system = await startSystem({ environment: { WECHATPAY_H5: 'on' } })
  staff = system.client()
  await staff.login('admin', 'admin123456')
})

afterAll(() => system?.stop())

interface Checkout {
  readonly orderNo: string
  readonly payType: string
  readonly payUrl?: string
  readonly codeUrl?: string
}

interface Order {
  readonly status: string
  readonly payType: string
  readonly tradeNo: string | null
  readonly refunds: { status: string; amount: string }[]
}

interface Trade {
  readonly state: string
  readonly transactionId: string
  readonly refundedAmount: string
  readonly refunds: { outRefundNo: string; status: string }[]
}

const order = async (buyer: ShopApi, payType: string, key = randomUUID()): Promise<Checkout> => {
  const body = { courseIds: [1], totalAmount: '39.00', payType }
  const answer = await buyer.call<Checkout>('POST', '/api/orders', body, { 'idempotency-key': key })
  expect(answer.status, JSON.stringify(answer.body)).toBe(201)
  return answer.body
}

const scan = (link: string | undefined) => system.sandbox.send<Trade>('POST', '/wechat/pay', { link })

const read = async (buyer: ShopApi, orderNo: string): Promise<Order> =>
  (await buyer.call<Order>('GET', `/api/orders/${orderNo}`)).body

const status = (buyer: ShopApi, orderNo: string) => async () => (await read(buyer, orderNo)).status

const tradeOf = async (outTradeNo: string): Promise<Trade | undefined> =>
  (await system.sandbox.get<{ items: Trade[] }>(`/wechat/trades?outTradeNo=${outTradeNo}`)).items[0]

const refund = async (orderNo: string, amount: string, lines: object[]): Promise<void> => {
  const body = { lines, amount, reason: 'test' }
  const made = await staff.call('POST', `/api/admin/orders/${orderNo}/refunds`, body, {
    'idempotency-key': randomUUID(),
  })
  expect(made.status).toBe(201)
}

test('a code is ordered, scanned and paid; the notification settles it', async () => {
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

test('the same request has the same code; the page that is opened again shows it; a phone gets an address', async () => {
  const [buyer, key] = [await system.buyer(), randomUUID()]
  const [one, two] = await Promise.all([order(buyer, 'wechat', key), order(buyer, 'wechat', key)])
  expect(two).toEqual(one)
  const open = await buyer.call<Checkout>('GET', `/api/orders/${one.orderNo}/payment`)
  expect(open.body).toMatchObject({ codeUrl: one.codeUrl, payType: 'wechat' })

  const phone = { 'user-agent': 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148' }
  const onPhone = await buyer.call<Checkout>('POST', `/api/orders/${one.orderNo}/payment`, {}, phone)
  const address = new URL(onPhone.body.payUrl ?? '')
  expect(address.searchParams.get('redirect_url')).toBe(`${system.shopUrl}/pay/success?order=${one.orderNo}`)
  // The code before it is closed over there: whoever scans it now cannot pay.
  expect((await tradeOf(one.orderNo))?.state).toBe('CLOSED')
  await expect(scan(one.codeUrl)).rejects.toThrow(/409.*CLOSED/s)
  await system.sandbox.notifications(false)
  await scan(onPhone.body.payUrl)
  expect(await status(buyer, one.orderNo)()).toBe('unpaid')
  // Back on the shop's page, nobody has told us: it asks.
  const asked = await buyer.call<Order>('POST', `/api/orders/${one.orderNo}/ask`)
  expect(asked.body.status).toBe('paid')
  await system.sandbox.notifications(true)
})

test('inside the messenger’s own browser nothing is opened that it would block: the order stands, to be paid elsewhere', async () => {
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
  // On a computer's screen the code can be scanned as anywhere.
  const onDesktop = await buy(desktop, 'wechat')
  expect(onDesktop.codeUrl).toMatch(/^weixin:/)
  expect(onDesktop).not.toHaveProperty('elsewhere')
})

test('a link that is kept while somebody reaches for it is given to them too: ordered again, the kept one would die', async () => {
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

test('another method without a new order; paid by both, the second payment goes back by itself', async () => {
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

test('cancelled here is closed there first; what was paid meanwhile is paid', async () => {
  const buyer = await system.buyer()
  const one = await order(buyer, 'wechat')
  expect((await buyer.call('POST', `/api/orders/${one.orderNo}/cancel`)).status).toBe(200)
  expect((await tradeOf(one.orderNo))?.state).toBe('CLOSED')

  const two = await order(buyer, 'wechat')
  await system.sandbox.notifications(false)
  await scan(two.codeUrl)
  await system.sandbox.notifications(true)
  expect((await buyer.call('POST', `/api/orders/${two.orderNo}/cancel`)).status).toBe(409)
  expect((await read(buyer, two.orderNo)).status).toBe('paid')
})

/** What two refunds of one payment wait for, at the gateway and in the shop. */
async function aMinutePasses(): Promise<void> {
  await system.sandbox.send('POST', '/clock', { advanceSeconds: 62 })
  await system.sql("update refunds set sent_at = sent_at - interval '62 seconds'")
}

test('a refund is accepted first and made later; closed over there it is refused, and sent again with a new number', async () => {
  const buyer = await system.buyer()
  const { orderNo, codeUrl } = await order(buyer, 'wechat')
  await scan(codeUrl)
  await expect.poll(status(buyer, orderNo)).toBe('paid')
  await refund(orderNo, '10.00', [{ courseId: 1, amount: '10.00' }])
  await expect
    .poll(async () => (await read(buyer, orderNo)).refunds[0]?.status, { timeout: 10_000 })
    .toMatch(/approved|sent/)
  await expect.poll(async () => (await read(buyer, orderNo)).refunds[0]?.status, { timeout: 40_000 }).toBe('succeeded')
  expect(await tradeOf(orderNo)).toMatchObject({ refundedAmount: '10.00', state: 'REFUND' })

  await aMinutePasses()
  await refund(orderNo, '29.00', [{ courseId: 1 }])
  const number = async () => (await tradeOf(orderNo))?.refunds[1]?.outRefundNo
  await expect.poll(number, { timeout: 40_000 }).toBeTruthy()
  const closed = await number()
  await system.sandbox.send('POST', `/wechat/refunds/${closed}/end`, { mchId: '1900000001', status: 'CLOSED' })
  await expect.poll(async () => (await read(buyer, orderNo)).refunds[1]?.status, { timeout: 40_000 }).toBe('refused')
  await aMinutePasses()
  const again = await staff.call(
    'POST',
    `/api/admin/refunds/${closed}/send-again`,
    {},
    { 'idempotency-key': randomUUID() },
  )
  expect(again.status).toBe(200)
  await expect.poll(status(buyer, orderNo), { timeout: 30_000 }).toBe('refunded')
  const made = (await tradeOf(orderNo))?.refunds.map((each) => each.status)
  expect(made).toEqual(['SUCCESS', 'CLOSED', 'SUCCESS'])
})

test('a probe, a lie or a broken seal is refused and kept; the genuine one that follows is taken', async () => {
  const buyer = await system.buyer()
  const { orderNo, codeUrl } = await order(buyer, 'wechat')
  await system.sandbox.notifications(false)
  await scan(codeUrl)
  await system.sandbox.notifications(true)
  const { items } = await system.sandbox.get<{ items: { id: number }[] }>(`/wechat/deliveries?outTradeNo=${orderNo}`)
  const replay = (tamper?: string) =>
    system.sandbox.send<{ responseStatus: number; acknowledged: boolean }>(
      'POST',
      `/wechat/deliveries/${items[0]?.id}/replay`,
      tamper ? { tamper } : {},
    )
  const lies = ['wrong-amount', 'wrong-app-id', 'wrong-seller-id', 'wrong-key']
  for (const tamper of ['probe', 'corrupt-sign', 'stale', 'wrong-serial', 'wrong-body', ...lies]) {
    expect(await replay(tamper), tamper).toMatchObject({ responseStatus: 400, acknowledged: false })
  }
  expect(await status(buyer, orderNo)()).toBe('unpaid')
  expect(await replay()).toMatchObject({ responseStatus: 204, acknowledged: true })
  expect(await status(buyer, orderNo)()).toBe('paid')
  expect(await replay()).toMatchObject({ responseStatus: 204 })
  const rows = await system.sql<{ accepted: boolean }>(
    'select accepted from notifications where provider = $1 and received_at > now() - $2::interval order by id desc limit 11',
    ['wechat', '1 minute'],
  )
  expect(rows.map(({ accepted }) => accepted)).toEqual([true, true, ...Array.from({ length: 9 }, () => false)])
})

test('a stored notification is judged by when it came, however long after its five minutes it is handled again', async () => {
  const buyer = await system.buyer()
  const { orderNo, codeUrl } = await order(buyer, 'wechat')
  await system.sandbox.notifications(false)
  await scan(codeUrl)
  await system.sandbox.notifications(true)
  const { items } = await system.sandbox.get<{ items: { id: number }[] }>(`/wechat/deliveries?outTradeNo=${orderNo}`)
  // Signed ten minutes ago, it comes too late.
  const path = `/wechat/deliveries/${items[0]?.id}/replay`
  expect(await system.sandbox.send('POST', path, { tamper: 'stale' })).toMatchObject({ responseStatus: 400 })
  const [row] = await system.sql<{ id: string }>(
    `select id from notifications where provider = 'wechat' order by id desc limit 1`,
  )
  const handle = async () => {
    const handled = await staff.call('POST', `/api/admin/notifications/${row?.id}/replay`, {})
    expect(handled.status, JSON.stringify(handled.body)).toBe(200)
    const [last] = await system.sql<{ accepted: boolean }>(
      'select accepted from notification_handlings where notification_id = $1 order by at desc limit 1',
      [row?.id],
    )
    return last
  }
  expect(await handle()).toMatchObject({ accepted: false })
  expect(await status(buyer, orderNo)()).toBe('unpaid')
  // Had it come when it was signed, it is genuine, ten minutes later as well.
  await system.sql(`update notifications set received_at = received_at - interval '10 minutes' where id = $1`, [
    row?.id,
  ])
  expect(await handle()).toMatchObject({ accepted: true })
  expect(await status(buyer, orderNo)()).toBe('paid')
})

test('a day of WeChat Pay agrees with its bill, fees and refunds included; one by hand that is stuck is not forgotten', async () => {
  const merchants = await system.sandbox.get<{ items: { mchId: string }[] }>('/wechat/merchants')
  expect(merchants.items.map(({ mchId }) => mchId)).toEqual(['1900000001'])
  const mchId = '1900000001'
  const paid = async (buyer: ShopApi) => {
    const { orderNo, codeUrl } = await order(buyer, 'wechat')
    await scan(codeUrl)
    await expect.poll(status(buyer, orderNo)).toBe('paid')
    return orderNo
  }
  const end = (number: string, how: string) =>
    system.sandbox.send('POST', `/wechat/refunds/${number}/end`, { mchId, status: how })
  // The payers' cards are dead when the bill is made: one refund is ours, the other was made in WeChat's console.
  const buyer = await system.buyer()
  const byHand = await paid(buyer)
  await system.sandbox.send('POST', `/wechat/trades/${byHand}/refund`, { mchId, outRefundNo: 'STUCK-1' })
  await end('STUCK-1', 'ABNORMAL')
  await system.sandbox.send('POST', '/faults', { kind: 'refund-abnormal' })
  const ours = await paid(await system.buyer())
  await refund(ours, '5.00', [{ courseId: 1, amount: '5.00' }])
  await expect.poll(async () => (await tradeOf(ours))?.refunds[0]?.status, { timeout: 20_000 }).toBe('ABNORMAL')
  await system.sandbox.send('DELETE', '/faults')

  const now = await system.sandbox.get<{ now: string }>('/clock')
  const day = now.now.slice(0, 10)
  await system.sandbox.nextMorning()
  const made = await staff.call('POST', '/api/admin/reconciliations', { provider: 'wechat', day })
  expect(made.status, JSON.stringify(made.body)).toBe(202)
  const read = async () =>
    (
      await staff.call<{
        reconciliation: { status: string; openDifferences: number; trades: number }
        differences: { id: number; kind: string; requestNo: string }[]
      }>('GET', `/api/admin/reconciliations/wechat/${day}`)
    ).body
  await expect.poll(async () => (await read()).reconciliation.status, { timeout: 30_000 }).toBe('done')
  const { reconciliation, differences } = await read()
  expect(reconciliation.trades).toBeGreaterThan(4)
  expect(differences).toMatchObject([{ kind: 'REFUND_MISSING_HERE', requestNo: 'STUCK-1' }])
  // Ours is on its way, and remembers its bill: whenever it is made, no later one names it.
  expect(
    await system.sql(
      `select refunds.billed_on, refunds.status from refunds join payment_attempts a on a.id = refunds.attempt_id
       where a.attempt_no = $1`,
      [ours],
    ),
  ).toMatchObject([{ billed_on: day, status: 'sent' }])

  const record = async () => {
    const body = { repair: 'record', note: 'made in the console' }
    const said = await staff.call<{ code?: string }>(
      'POST',
      `/api/admin/differences/${differences[0]?.id}/repair`,
      body,
      { 'idempotency-key': randomUUID() },
    )
    return said.body.code ?? said.status
  }
  expect(await record()).toBe('REFUND_UNDER_WAY')
  expect(await status(buyer, byHand)()).toBe('paid')
  await end('STUCK-1', 'SUCCESS')
  expect(await record()).toBe(200)
  expect(await status(buyer, byHand)()).toBe('refunded')
  expect((await read()).reconciliation).toMatchObject({ openDifferences: 0 })
})

// The last one, since it moves the sandbox's clock by a day.
test('the conformance kit for WeChat Pay finds nothing to say against this shop', async () => {
  const report = await checkShop(`${system.shopUrl}/api/payments/wechat/notify`, {
    sandbox: system.sandboxUrl,
    recipe: {
      order: async () => (await order(await system.buyer(), 'wechat')).codeUrl ?? '',
      isPaid: async (orderNo) => {
        const [row] = await system.sql<{ status: string }>('select status from orders where order_no = $1', [orderNo])
        return row?.status === 'paid'
      },
    },
  })
  expect(report.results.filter(({ passed }) => !passed)).toEqual([])
  expect(report.passed).toBe(17)
})
