/** The sandbox's own pages: a cashier that cannot take a payment says why and links back, and the console fits its screen. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox } from '@xuecheng/sandbox'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { call, merchantWithSdk } from '../conformance/sandbox/rig.ts'
import { orderOf, sendByHand, wechatMerchant } from '../conformance/sandbox/wechat-rig.ts'
import { violations } from './accessibility.ts'
import { connectBrowser } from './browser.ts'

const BACK = 'http://shop.example/pay/success'
const NOTIFY = 'http://127.0.0.1:99/api/payments/alipay/notify'
const data = mkdtempSync(join(tmpdir(), 'sandbox-pages-'))
let sandbox: Awaited<ReturnType<typeof startSandbox>>
let browser: Browser
let merchant: Awaited<ReturnType<typeof merchantWithSdk>>

beforeAll(async () => {
  browser = await connectBrowser()
  sandbox = await startSandbox({ data })
  merchant = await merchantWithSdk(sandbox.url)
})
afterAll(async () => {
  await browser.close()
  await sandbox.close()
  rmSync(data, { recursive: true })
})

function payLink(outTradeNo: string, more: object = {}, returnUrl: string | null = BACK): string {
  const bizContent = {
    outTradeNo,
    totalAmount: '39.00',
    subject: '课程',
    productCode: 'FAST_INSTANT_TRADE_PAY',
    ...more,
  }
  return merchant.sdk.pageExecute('alipay.trade.page.pay', 'GET', {
    ...(returnUrl !== null && { returnUrl }),
    notifyUrl: NOTIFY,
    bizContent,
  })
}

/** The expiry that a shop with the real time requests: half an hour from now in Beijing time. */
const soon = () => ({ timeExpire: new Date(Date.now() + 8.5 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ') })
const advance = (advanceSeconds: number) => call(sandbox.url, 'POST', '/clock', { advanceSeconds })

async function visit(address: string, locale = 'en-US'): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, locale })
  await page.goto(address)
  return page
}

test('a sandbox clock that runs ahead is announced at the cashier, on the phone and on every console page', async () => {
  const { url } = sandbox
  const own = await wechatMerchant(url)
  const body = orderOf(own, 'AHEAD-WX', NOTIFY)
  const { json } = await sendByHand(url, own, { method: 'POST', path: '/v3/pay/transactions/native', body })
  const scan = `${url}/wechat/scan?code=${encodeURIComponent(String(json['code_url']))}`
  const before = await visit(`${url}/console`)
  expect(await before.getByTestId('clock-notice').isVisible()).toBe(false)
  expect(await (await visit(scan)).locator('dl').innerText()).toContain('Order number')

  await advance(86_400)
  // The console's page shows it without a reload.
  await before.getByTestId('clock-notice').getByText('24 h ahead of this machine').waitFor()
  for (const path of ['/console', '/console/wechat', '/console/deliveries', '/console/accounts', '/console/control']) {
    const page = await visit(`${url}${path}`)
    const notice = await page.getByTestId('clock-notice').innerText()
    expect(notice).toContain('24 h ahead of this machine')
    expect(notice).toContain('比本机快 24 小时')
    expect(await violations(page)).toEqual([])
    await page.close()
  }
  for (const [locale, words] of [
    ['en-US', '24 h ahead of this machine'],
    ['zh-CN', '比本机快 24 小时'],
  ] as const) {
    const cashier = await visit(payLink(`AHEAD-${locale}`, soon()), locale)
    expect(await cashier.getByTestId('clock-notice').innerText()).toContain(words)
    expect(await violations(cashier)).toEqual([])
    expect(await (await visit(scan, locale)).getByTestId('clock-notice').innerText()).toContain(words)
  }

  await before.getByTestId('clock-notice').getByRole('link', { name: 'Reset' }).click()
  await before.getByRole('button', { name: 'put the clock back' }).click()
  await before.waitForURL('**/console/control')
  expect(await before.getByTestId('clock-notice').isVisible()).toBe(false)
})

test('a closed trade links back to the merchant; only another buyer’s trade asks to switch accounts', async () => {
  const closed = payLink('OVER-1')
  const trade = await call(sandbox.url, 'POST', '/enter', { payUrl: closed })
  const others = payLink('OVER-2')
  await call(sandbox.url, 'POST', '/buyers', { login: 'other@sandbox.example' })
  await call(sandbox.url, 'POST', '/enter', { payUrl: others, buyer: 'other@sandbox.example' })

  const page = await visit(closed)
  await page.locator('#login').fill('buyer@sandbox.example')
  await page.locator('#password').fill('111111')
  await page.getByTestId('cashier-login').click()
  await page.getByTestId('cashier-pay').waitFor()
  await call(sandbox.url, 'POST', `/trades/${trade['tradeNo']}/abandon`)
  // Closed while the buyer was entering the password.
  await page.locator('#paymentPassword').fill('111111')
  await page.getByTestId('cashier-pay').click()
  await page.getByTestId('cashier-error').waitFor()
  const back = page.getByTestId('cashier-back')
  expect(await back.getAttribute('href')).toBe(BACK)
  expect(await page.locator('main').innerText()).toContain(BACK)
  expect(await page.getByRole('button', { name: 'Use another account' }).count()).toBe(0)
  expect(await violations(page)).toEqual([])

  await page.goto(others)
  await page.getByRole('button', { name: 'Use another account' }).waitFor()
  expect(await back.getAttribute('href')).toBe(BACK)

  const nowhere = payLink('OVER-3', {}, null)
  const { tradeNo } = await call(sandbox.url, 'POST', '/enter', { payUrl: nowhere })
  await call(sandbox.url, 'POST', `/trades/${tradeNo}/abandon`)
  await page.goto(nowhere)
  expect(await back.count()).toBe(0)
  expect(await page.locator('main').innerText()).toContain('gave no return address')
})

test('the deliveries table fits 1280 pixels, and an address takes at most two lines', async () => {
  const number = '2026112600000000012345'
  await call(sandbox.url, 'POST', '/pay', { payUrl: payLink(number) })
  await expect
    .poll(async () => (await call<{ items: { nextAt: string | null }[] }>(sandbox.url, 'GET', '/deliveries')).items[0])
    .toMatchObject({ state: 'pending', attempts: [expect.anything()] })
  const page = await visit(`${sandbox.url}/console/deliveries`)
  const table = page.locator('.table').first()
  expect(await table.evaluate((box) => box.scrollWidth - box.clientWidth)).toBe(0)
  const lines = await table
    .locator('td.address')
    .first()
    .evaluate((cell) => {
      const range = cell.ownerDocument.createRange()
      range.selectNodeContents(cell)
      return range.getClientRects().length
    })
  expect(lines).toBeLessThanOrEqual(2)
})
