/** Paying with WeChat Pay: a code on the desktop scanned by a phone, H5 on a phone, and a change of method. */
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { violations } from './accessibility.ts'
import {
  DESKTOP,
  eventually,
  type Harness,
  jumped,
  openHarness,
  PHONE,
  payAtCashier,
  settled,
  type Visit,
} from './harness.ts'

let harness: Harness
let visit: Visit

beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())
afterEach(async () => {
  await visit.close()
  expect(visit.problems).toEqual([])
})

/** Pays on the sandbox's phone, as its demo buyer. */
async function payOnPhone(phone: Page): Promise<void> {
  await phone.locator('input[name=login]').fill('buyer@sandbox.example')
  await phone.locator('input[name=password]').fill('111111')
  await phone.getByTestId('phone-login').click()
  await phone.locator('input[name=paymentPassword]').fill('111111')
  expect(await violations(phone)).toEqual([])
  await phone.getByTestId('phone-pay').click()
  await phone.getByTestId('phone-success').waitFor()
}

const ANDROID = 'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36'
const WECHAT_BROWSER =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 MicroMessenger/8.0.50 NetType/WIFI Language/zh_CN'

const checkOut = async (page: Page): Promise<void> => {
  await page.locator('input[value=wechat]').check()
  await page.getByTestId('checkout-pay').click()
}

test('a code is scanned and paid, and the page turns to paid', async () => {
  visit = await harness.visitAs(await harness.newBuyer(), DESKTOP)
  const { page } = visit
  await visit.open('/checkout?courses=1')
  await settled(page)
  await checkOut(page)
  await page.waitForURL('**/orders/*/pay')
  await page.getByTestId('pay-code').waitFor()
  expect(await page.getByTestId('pay-code').getAttribute('data-code')).toMatch(/^weixin:\/\/wxpay\/bizpayurl/)
  await page.getByText('¥39.00').first().waitFor()
  await page.getByText(/二维码还有 \d+:\d+ 有效/).waitFor()
  expect(await violations(page)).toEqual([])
  // Opened again, the page shows the same code.
  const code = await page.getByTestId('pay-code').getAttribute('data-code')
  await page.reload()
  await eventually(() => page.getByTestId('pay-code').getAttribute('data-code')).toBe(code)
  expect(await jumped(page)).toBeLessThan(0.02)

  const opened = visit.context.waitForEvent('page')
  await page.getByTestId('sandbox-phone').click()
  const phone = await opened
  await payOnPhone(phone)
  await page.bringToFront()
  await eventually(() => page.getByTestId('scan-state').getAttribute('data-state')).toBe('paid')
  expect(await violations(page)).toEqual([])
  await page.getByTestId('learn-now').click()
  await page.getByTestId('lesson-body').waitFor()
})

test('a payment method unknown to the pages is offered with the texts the server gives', async () => {
  visit = await harness.visitAs(await harness.newBuyer(), DESKTOP)
  const { page } = visit
  const third = {
    name: 'third',
    offered: true,
    title: { 'zh-CN': '第三种支付', en: 'Third Pay' },
    hint: { 'zh-CN': '用第三种付款', en: 'Pay with the third' },
    phoneHint: { 'zh-CN': '打开第三种付款', en: 'Open the third to pay' },
    app: { 'zh-CN': '第三种', en: 'Third' },
    mark: '三',
    colour: '#333333',
  }
  const shop = await (await visit.context.request.get('/api/shop')).json()
  const json = { ...shop, payMethods: [...shop.payMethods, third] }
  await page.route('**/api/shop', (route) => route.fulfill({ json }))
  await page.route('**/api/orders', (route) =>
    route.request().method() === 'POST'
      ? route.fulfill({ json: { orderNo: '0', payUrl: `${new URL(page.url()).origin}/free-courses` } })
      : route.continue(),
  )
  await visit.open('/courses/1')
  await page.getByText('使用支付宝、微信支付或第三种支付付款').waitFor()
  await visit.open('/checkout?courses=1')
  await page.getByRole('radio', { name: '第三种支付 用第三种付款' }).check()
  expect(await violations(page)).toEqual([])
  const ordered = page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/api/orders'))
  await page.getByTestId('checkout-pay').click()
  expect((await ordered).postDataJSON()).toMatchObject({ payType: 'third' })
  await page.waitForURL('**/free-courses')
  await settled(page)
})

test('a code that expires before its order counts down, and the page fetches the next one', async () => {
  visit = await harness.visitAs(await harness.newBuyer(), DESKTOP)
  const { page } = visit
  await visit.open('/checkout?courses=1')
  await settled(page)
  await checkOut(page)
  await page.getByTestId('pay-code').waitFor()
  const code = await page.getByTestId('pay-code').getAttribute('data-code')
  let asked = 0
  await page.route('**/api/orders/*/payment', async (route) => {
    const body = (await (await route.fetch()).json()) as { linkUntil: string; expiresAt: string }
    expect(Date.parse(body.linkUntil)).toBeLessThanOrEqual(Date.parse(body.expiresAt))
    const linkUntil = new Date(Date.now() + (asked++ === 0 ? 5000 : 600_000)).toISOString()
    await route.fulfill({ json: { ...body, linkUntil, codeUrl: `${code}&asked=${asked}` } })
  })
  await page.reload()
  await page.getByText(/二维码还有 00:0\d 有效/).waitFor()
  await eventually(() => page.getByTestId('pay-code').getAttribute('data-code')).toBe(`${code}&asked=2`)
  await page.getByText(/二维码还有 (10:00|09:\d+) 有效/).waitFor()
  expect(asked).toBe(2)
})

test('on a phone the browser goes to WeChat Pay and returns to the paid order', async () => {
  visit = await harness.visitAs(await harness.newBuyer(), { ...PHONE, userAgent: ANDROID })
  const { page } = visit
  await visit.open('/checkout?courses=2')
  await settled(page)
  // A phone gets no code, since it could not scan its own screen.
  await page.getByRole('radio', { name: 'WeChat Pay Continue to WeChat to pay' }).waitFor()
  await checkOut(page)
  await page.waitForURL((url) => url.origin === new URL(harness.system.sandboxUrl).origin)
  await payOnPhone(page)
  await page.getByTestId('phone-return').click()
  await page.waitForURL('**/pay/success?order=*')
  await eventually(() => page.getByTestId('pay-state').getAttribute('data-state')).toBe('paid')
  expect(await violations(page)).toEqual([])
})

test('switching the payment method closes the code and keeps the order', async () => {
  visit = await harness.visitAs(await harness.newBuyer(), DESKTOP)
  const { page } = visit
  await visit.open('/checkout?courses=1')
  await settled(page)
  await checkOut(page)
  await page.getByTestId('pay-code').waitFor()
  const orderNo = new URL(page.url()).pathname.split('/')[2]
  await page.getByTestId('pay-by-alipay').click()
  await payAtCashier(page, harness.system.sandboxUrl)
  expect((await page.getByTestId('pay-order-no').innerText()).trim()).toBe(orderNo)
  const attempts = await harness.system.sql(
    `select a.provider, a.status, o.status as order_status from payment_attempts a join orders o on o.id = a.order_id
     where o.order_no = $1 order by a.id`,
    [orderNo],
  )
  expect(attempts).toEqual([
    { provider: 'wechat', status: 'closed', order_status: 'paid' },
    { provider: 'alipay', status: 'paid', order_status: 'paid' },
  ])
})

test.each(['zh-CN', 'en'] as const)(
  'an order placed inside WeChat is opened in another browser and paid there (%s)',
  async (language) => {
    const buyer = await harness.newBuyer()
    visit = await harness.visitAs(buyer, { ...PHONE, language, userAgent: WECHAT_BROWSER })
    const { page } = visit
    await visit.open('/checkout?courses=2')
    await settled(page)
    await page.getByTestId('in-messenger').waitFor()
    expect(await violations(page)).toEqual([])
    await checkOut(page)
    await page.waitForURL('**/orders/*/elsewhere')
    await page.getByText('在浏览器打开').waitFor()
    expect(await violations(page)).toEqual([])
    expect(await jumped(page)).toBeLessThan(0.02)
    const orderNo = new URL(page.url()).pathname.split('/')[2] ?? ''
    const address = (await page.getByTestId('order-address').innerText()).trim()
    expect(address).toBe(`${harness.system.shopUrl}/orders/${orderNo}`)
    // Only a code for another phone is offered, nothing that this browser blocks.
    expect(await page.locator('[data-testid^=pay-by-]').count()).toBe(0)
    await page.getByTestId('code-elsewhere').click()
    await page.getByTestId('pay-code').waitFor()
    // The same with the other method; its code is then made for the existing order.
    await page.getByTestId('pay-by-alipay').click()
    await page.waitForURL(`**/orders/${orderNo}/elsewhere`)
    await page.getByTestId('code-elsewhere').click()
    await page.getByTestId('pay-code').waitFor()
    await visit.open(`/orders/${orderNo}/elsewhere`)
    await page.getByTestId('code-elsewhere').waitFor()
    const attempts = await harness.system.sql<{ channel: string }>(
      'select channel from payment_attempts where order_id = (select id from orders where order_no = $1) order by id',
      [orderNo],
    )
    expect(attempts.map(({ channel }) => channel)).not.toContain('h5')

    // “Open in Browser” opens the current page, which links to the order and from there to WeChat Pay.
    const outside = await harness.visitAs(buyer, { ...PHONE, language, userAgent: ANDROID })
    try {
      await outside.open(new URL(page.url()).pathname)
      await outside.page.waitForURL(`**/orders/${orderNo}`)
      await outside.page.getByTestId('pay-again').click()
      await outside.page.waitForURL((url) => url.origin === new URL(harness.system.sandboxUrl).origin)
      await payOnPhone(outside.page)
      expect(outside.problems).toEqual([])
    } finally {
      await outside.close()
    }
    await eventually(() => page.getByTestId('elsewhere-state').getAttribute('data-state')).toBe('paid')
    expect(await violations(page)).toEqual([])
  },
)
