/** Less frequent tasks of the owner: storing keys that cannot be checked, a trial payment by code, stopping an import. */
import { generateKeyPairSync } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { ShopApi } from '../harness/shop-api.ts'
import { violations } from './accessibility.ts'
import { OWNER } from './back-office.ts'
import { contentOf } from './browser.ts'
import { DESKTOP, eventually, type Harness, openHarness, PHONE, settled, type Visit } from './harness.ts'

let harness: Harness
let api: ShopApi
let staff: Visit
let phone: Visit
beforeAll(async () => {
  harness = await openHarness()
  api = harness.system.client()
  await api.login(OWNER.username, OWNER.password)
})
afterAll(() => harness?.close())
beforeEach(async () => {
  staff = await harness.visitAs(OWNER, DESKTOP)
  phone = await harness.visitAs(OWNER, PHONE)
})
afterEach(async () => {
  await staff.close()
  await phone.close()
  expect([...staff.problems, ...phone.problems]).toEqual([])
})

const look = async ({ page }: Visit) => {
  await settled(page)
  expect(await violations(page)).toEqual([])
  expect(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
}

test('a trial payment by WeChat Pay: the code is scanned and every step passes', async () => {
  const { page } = staff
  await staff.open('/admin/settings/trial')
  await page.getByLabel('支付方式').selectOption('wechat')
  await page.getByTestId('trial-start').click()
  await page.getByRole('img', { name: '扫' }).waitFor()
  await look(staff)
  const address = new URL(page.url())
  await phone.open(address.pathname + address.search)
  await phone.page.locator('[data-outcome] [role=img]').waitFor()
  await look(phone)

  const { body } = await api.call<{ items: { number: string; codeUrl: string }[] }>('GET', '/api/admin/trial-payments')
  expect(body.items.map(({ number }) => number)).toEqual([address.searchParams.get('number')])
  const link = body.items[0]?.codeUrl
  await harness.system.sandbox.send('POST', '/wechat/pay', { link })
  for (const { page: each } of [staff, phone]) await each.locator('[data-outcome=passed]').waitFor({ timeout: 60_000 })
  expect(await page.locator('[data-step][data-state=done]').count()).toBe(6)
  // Once paid, the code is no longer shown.
  await eventually(() => page.locator('[data-outcome] [role=img]').count()).toBe(0)
  await look(staff)
  await look(phone)
})

test('an import is stopped halfway, and its result says for each row whether it was imported', async () => {
  const rows = 1000
  const pupils = Array.from({ length: rows }, (_, place) => `stopped${place},1`)
  const { page } = staff
  await staff.open('/admin/imports')
  const text = ['用户名,课程', ...pupils].join('\n')
  const file = { name: '名单.csv', mimeType: 'text/csv', buffer: Buffer.from(text) }
  await page.getByTestId('import-file').setInputFiles(file)
  await page.locator('[data-import=checked]').waitFor()
  await page.getByTestId('import-start').click()
  await page.locator('[data-import=running]').waitFor()
  await eventually(() => page.getByTestId('import-progress').innerText()).not.toMatch(/^0 /)
  await page.getByTestId('import-stop').click()
  await page.locator('[data-import=cancelled]').waitFor()
  await look(staff)
  expect(await page.getByTestId('import-start').count()).toBe(0)
  const done = Number.parseInt(await page.getByTestId('import-progress').innerText(), 10)
  expect(done).toBeGreaterThan(0)
  expect(done).toBeLessThan(rows)

  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('import-result').click()])
  const lines = (await contentOf(download)).toString('utf8').trim().split('\r\n').slice(1)
  expect(lines).toHaveLength(rows)
  expect(lines.filter((line) => line.includes('granted'))).toHaveLength(done)
  expect(lines.filter((line) => line.includes('not done'))).toHaveLength(rows - done)

  await phone.open(new URL(page.url()).pathname)
  await phone.page.locator('[data-import=cancelled]').waitFor()
  await look(phone)
})

test('keys that cannot be checked are stored only with the button that says so', async () => {
  const pair = () => generateKeyPairSync('rsa', { modulusLength: 2048 })
  const secret = pair().privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64')
  const theirs = pair().publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const { page } = staff
  await staff.open('/admin/settings/payments')
  const card = page.locator('[data-method=alipay]')
  await card.getByTestId('keys-edit').click()
  const values = {
    ALIPAY_APP_ID: '2021000000000001',
    ALIPAY_SELLER_ID: '2088000000000001',
    // Nothing answers at this address.
    ALIPAY_GATEWAY: 'http://127.0.0.1:9/gateway.do',
    ALIPAY_PRIVATE_KEY: secret,
    ALIPAY_PUBLIC_KEY: theirs,
  }
  for (const [name, value] of Object.entries(values)) await page.locator(`[name=${name}]`).fill(value)
  await card.getByTestId('keys-store').click()
  await card.locator('[data-blocked=outside]').waitFor()
  await look(staff)
  expect(await page.locator('[data-method=alipay]').getAttribute('data-source')).toBe('sandbox')
  await card.getByTestId('keys-despite').click()
  await page.locator('[data-method=alipay][data-source=entered]').waitFor()
  await eventually(() => card.getByTestId('keys-shown').innerText()).toContain(values.ALIPAY_APP_ID)
  expect(await page.content()).not.toContain(secret.slice(100, 140))
  await look(staff)
})
