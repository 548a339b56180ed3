/**
 * Phones with touch, 390 pixels and real user agents: from the home page to a paid order and an open lesson, by each
 * method that the device offers, through the gateways' own pages.
 */
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  type Buyer,
  eventually,
  type Harness,
  logIn,
  type Manner,
  openHarness,
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

/** User agents as of 2026. */
const AGENTS = {
  iPhone:
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
  Android:
    'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Mobile Safari/537.36',
  'WeChat on an iPhone':
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.69(0x18004526) NetType/WIFI Language/zh_CN',
  'WeChat on Android':
    'Mozilla/5.0 (Linux; Android 16; PHY110 Build/UKQ1.231108.001; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/150.0.7871.189 Mobile Safari/537.36 XWEB/1500117 MMWEBSDK/20260502 MMWEBID/1435 MicroMessenger/8.0.77.3160(0x28004D36) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64',
} as const

const held = (agent: keyof typeof AGENTS): Manner => ({
  width: 390,
  language: 'zh-CN',
  scheme: 'light',
  userAgent: AGENTS[agent],
  touch: true,
})

/** Every page on the way fits the screen. */
async function fits(page: Page): Promise<void> {
  await settled(page)
  expect(await page.evaluate<number>('document.documentElement.scrollWidth'), page.url()).toBeLessThanOrEqual(390)
}

/** From the home page through course and login to the checkout. */
async function goToCheckout(page: Page, buyer: Buyer): Promise<void> {
  await page.goto('/')
  await fits(page)
  await page.getByRole('link', { name: 'Python 从零写起', exact: true }).tap()
  await page.waitForURL('**/courses/1')
  await fits(page)
  await page.getByTestId('buy-now').filter({ visible: true }).first().tap()
  await page.waitForURL('**/login?**')
  await fits(page)
  await logIn(page, buyer)
  await page.waitForURL((url) => url.pathname === '/checkout')
  await fits(page)
}

const methodsOffered = (page: Page): Promise<string[]> =>
  page
    .locator('input[name=method]')
    .evaluateAll((inputs) => inputs.map((input) => (input as unknown as { value: string }).value))

async function placeOrder(page: Page, method: string): Promise<void> {
  await page.locator('label', { has: page.locator(`input[value=${method}]`) }).tap()
  await page.getByTestId('checkout-pay').tap()
}

const isAtGateway = (url: URL): boolean => url.origin === new URL(harness.system.sandboxUrl).origin

async function payByAlipay(page: Page): Promise<void> {
  await page.waitForURL(isAtGateway)
  await page.locator('input[name=login]').fill('buyer@sandbox.example')
  await page.locator('input[name=password]').fill('111111')
  await page.getByTestId('cashier-login').tap()
  await page.locator('input[name=paymentPassword]').fill('111111')
  await page.getByTestId('cashier-pay').tap()
}

async function payByWeChat(page: Page): Promise<void> {
  await page.waitForURL(isAtGateway)
  await page.locator('input[name=login]').fill('buyer@sandbox.example')
  await page.locator('input[name=password]').fill('111111')
  await page.getByTestId('phone-login').tap()
  await page.locator('input[name=paymentPassword]').fill('111111')
  await page.getByTestId('phone-pay').tap()
  await page.getByTestId('phone-success').waitFor()
}

/** The gateway's page returns after two seconds, unless its link was faster. */
async function comeBack(page: Page, link: string): Promise<void> {
  const back = page.waitForURL('**/pay/success?**')
  await Promise.race([back, page.getByTestId(link).tap()])
  await back
}

const payBy = {
  async alipay(page: Page): Promise<void> {
    await payByAlipay(page)
    await comeBack(page, 'cashier-return')
  },
  async wechat(page: Page): Promise<void> {
    await payByWeChat(page)
    await comeBack(page, 'phone-return')
  },
}
const CHANNELS = { alipay: 'wap', wechat: 'h5' } as const

/** The channel with which each attempt was opened. */
async function channelsOf(orderNo: string): Promise<string[]> {
  const rows = await harness.system.sql<{ channel: string }>(
    'select channel from payment_attempts where order_id = (select id from orders where order_no = $1) order by id',
    [orderNo],
  )
  return rows.map(({ channel }) => channel)
}

async function learn(page: Page): Promise<void> {
  await page.getByTestId('learn-now').tap()
  await page.getByTestId('lesson-body').waitFor()
  await fits(page)
}

const ways = (agents: readonly (keyof typeof AGENTS)[]) =>
  agents.flatMap((agent) => (['alipay', 'wechat'] as const).map((method) => ({ agent, method })))

test.each(ways(['iPhone', 'Android']))(
  '$agent pays by $method through the channel for phones',
  async ({ agent, method }) => {
    visit = await harness.visit(held(agent))
    const { page } = visit
    await goToCheckout(page, await harness.newBuyer())
    expect(await methodsOffered(page)).toEqual(['alipay', 'wechat'])
    await placeOrder(page, method)
    await payBy[method](page)
    await page.waitForURL('**/pay/success?**')
    await eventually(() => page.getByTestId('pay-state').getAttribute('data-state')).toBe('paid')
    await fits(page)
    const orderNo = (await page.getByTestId('pay-order-no').innerText()).trim()
    expect(await channelsOf(orderNo)).toEqual([CHANNELS[method]])
    await learn(page)
  },
)

test.each(ways(['WeChat on an iPhone', 'WeChat on Android']))(
  '$agent hands an order by $method to the phone’s own browser, which pays it and opens the lesson',
  async ({ agent, method }) => {
    const buyer = await harness.newBuyer()
    visit = await harness.visit(held(agent))
    const { page } = visit
    await goToCheckout(page, buyer)
    await page.getByTestId('in-messenger').waitFor()
    await placeOrder(page, method)
    await page.waitForURL('**/orders/*/elsewhere')
    await fits(page)
    const orderNo = new URL(page.url()).pathname.split('/')[2] ?? ''
    const address = (await page.getByTestId('order-address').innerText()).trim()
    // Nothing is offered that WeChat's browser blocks, and nothing opens automatically.
    expect(await page.locator('[data-testid^=pay-by-]').count()).toBe(0)
    expect((await channelsOf(orderNo)).filter((channel) => channel === 'h5')).toEqual([])

    const outside = await harness.visit(held(agent === 'WeChat on Android' ? 'Android' : 'iPhone'))
    try {
      await outside.open(address)
      await outside.page.waitForURL('**/login?**')
      await logIn(outside.page, buyer)
      await outside.page.waitForURL(`**/orders/${orderNo}`)
      await fits(outside.page)
      await outside.page.getByTestId('pay-again').tap()
      await payBy[method](outside.page)
      await outside.page.waitForURL('**/pay/success?**')
      await eventually(() => outside.page.getByTestId('pay-state').getAttribute('data-state')).toBe('paid')
      await learn(outside.page)
      expect(outside.problems).toEqual([])
    } finally {
      await outside.close()
    }
    // The page inside WeChat turns to paid, and the lesson opens there as well.
    await eventually(() => page.getByTestId('elsewhere-state').getAttribute('data-state')).toBe('paid')
    await page.getByTestId('elsewhere-state').getByRole('link', { name: '马上学习' }).tap()
    await page.getByTestId('continue').tap()
    await page.getByTestId('lesson-body').waitFor()
  },
)

test.each(['WeChat on an iPhone', 'WeChat on Android'] as const)(
  '%s shows a code that another phone scans and pays, and opens the lesson',
  async (agent) => {
    visit = await harness.visit(held(agent))
    const { page } = visit
    await goToCheckout(page, await harness.newBuyer())
    await placeOrder(page, 'alipay')
    await page.waitForURL('**/orders/*/elsewhere')
    await page.getByTestId('code-elsewhere').tap()
    await page.getByTestId('pay-code').waitFor()
    await fits(page)
    expect(await page.getByTestId('pay-code').getAttribute('data-code')).toMatch(/^weixin:\/\/wxpay\/bizpayurl/)
    const opened = visit.context.waitForEvent('page')
    await page.getByTestId('sandbox-phone').tap()
    await payByWeChat(await opened)
    await page.bringToFront()
    await eventually(() => page.getByTestId('scan-state').getAttribute('data-state')).toBe('paid')
    await learn(page)
  },
)
