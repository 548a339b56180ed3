/** The settings pages: payment keys entered, a mix-up named, corrected, stored, masked and removed; the shop profile. */
import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { violations } from './accessibility.ts'
import { OWNER } from './back-office.ts'
import { DESKTOP, eventually, type Harness, openHarness, PHONE, settled } from './harness.ts'

let harness: Harness
beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())

const fits = 'document.documentElement.scrollWidth - innerWidth'

test('payment keys: a mix-up is named, the right keys are stored and masked, then removed', async () => {
  const { sandbox, sandboxUrl } = harness.system
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const appPublicKey = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const made = await sandbox.send<{ appId: string; sellerId: string; alipayPublicKey: string }>('POST', '/merchants', {
    name: 'entered',
    appPublicKey,
  })
  const secret = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

  const staff = await harness.visitAs(OWNER, DESKTOP)
  const { page } = staff
  await staff.open('/admin/settings/payments')
  const card = page.locator('[data-method=alipay]')
  await card.getByTestId('keys-edit').click()
  await card.getByTestId('keys-store').click()
  await card.getByText('请填写').first().waitFor()
  await page.locator('[name=ALIPAY_APP_ID]').fill(made.appId)
  await page.locator('[name=ALIPAY_SELLER_ID]').fill(made.sellerId)
  await page.locator('[name=ALIPAY_GATEWAY]').fill(`${sandboxUrl}/gateway.do`)
  const file = { name: 'app_private_key.pem', mimeType: 'text/plain', buffer: Buffer.from(secret) }
  await card.locator('input[type=file]').first().setInputFiles(file)
  await page.locator('[name=ALIPAY_PUBLIC_KEY]').fill(appPublicKey)
  await card.getByTestId('keys-store').click()
  await card.locator('[data-code=OWN_FOR_GATEWAY][data-verdict=problem]').waitFor()
  await settled(page)
  expect(await violations(page)).toEqual([])
  expect(await card.getByTestId('keys-despite').count()).toBe(0)

  await page.locator('[name=ALIPAY_PUBLIC_KEY]').fill(made.alipayPublicKey)
  await card.getByTestId('keys-store').click()
  await page.locator('[data-method=alipay][data-source=entered]').waitFor()
  await eventually(() => card.getByTestId('keys-shown').innerText()).toContain(made.appId)
  expect(await page.content()).not.toContain(secret.split('\n')[5])
  await settled(page)
  expect(await violations(page)).toEqual([])

  const phone = await harness.visitAs(OWNER, PHONE)
  await phone.open('/admin/settings/payments')
  await phone.page.getByText('The keys entered here are in use').waitFor()
  await settled(phone.page)
  expect(await violations(phone.page)).toEqual([])
  expect(await phone.page.evaluate<number>(fits)).toBeLessThanOrEqual(0)
  await phone.page.getByTestId('keys-edit').first().click()
  await settled(phone.page)
  expect(await violations(phone.page)).toEqual([])
  expect(await phone.page.evaluate<number>(fits)).toBeLessThanOrEqual(0)

  await card.getByTestId('keys-remove').click()
  await page.getByTestId('decide-yes').click()
  await page.locator('[data-method=alipay][data-source=sandbox]').waitFor()
  // The empty form was refused, as expected.
  const others = [...staff.problems, ...phone.problems].filter((line) => !line.includes('status of 422'))
  expect(others).toEqual([])
})

test('the shop’s name, contact and logo are saved and shown to the next buyer', async () => {
  const staff = await harness.visitAs(OWNER, DESKTOP)
  const { page } = staff
  await staff.open('/admin/settings')
  await page.locator('[name=nameZh]').fill('墨香<书房>')
  await page.locator('[name=nameEn]').fill('Ink & Paper')
  await page.locator('[name=phone]').fill('010-1234 5678')
  await page.locator('[name=email]').fill('not an address')
  await page.getByTestId('shop-save').click()
  await page.locator('[name=email][aria-invalid=true]').waitFor()
  await page.locator('[name=email]').fill('help@shop.example')
  await page.locator('[name=icp]').fill('京ICP备12345678号')
  await page.getByTestId('shop-save').click()
  await page.getByTestId('shop-saved').waitFor()
  const dot = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=='
  const picture = { name: 'logo.png', mimeType: 'image/png', buffer: Buffer.from(dot, 'base64') }
  const script = { name: 'logo.png', mimeType: 'image/png', buffer: Buffer.from('<svg onload="alert(1)"/>') }
  await page.locator('input[type=file]').setInputFiles(script)
  await page.getByText('这不是可用的图片').waitFor()
  await page.locator('input[type=file]').setInputFiles(picture)
  await page.locator('[data-logo^="/api/shop/logo/"]').waitFor()
  await settled(page)
  expect(await violations(page)).toEqual([])

  // In every process: each of these requests may reach another one.
  for (let time = 0; time < 6; time += 1) {
    const html = await (await fetch(harness.system.shopUrl, { headers: { connection: 'close' } })).text()
    expect(html).toContain('<title>墨香&lt;书房&gt;</title>')
  }
  const buyer = await harness.visit(PHONE)
  await buyer.open('/')
  expect(await buyer.page.locator('header .name').innerText()).toBe('Ink & Paper')
  await eventually(() => buyer.page.title()).toContain('Ink & Paper')
  expect(await buyer.page.locator('footer').innerText()).toContain('京ICP备12345678号')
  expect(await buyer.page.locator('footer a[href="mailto:help@shop.example"]').count()).toBe(1)
  await settled(buyer.page)
  expect(await violations(buyer.page)).toEqual([])
  expect(await buyer.page.evaluate<number>(fits)).toBeLessThanOrEqual(0)
  const phone = await harness.visitAs(OWNER, PHONE)
  await phone.open('/admin/settings/shop')
  await phone.page.locator('[name=nameZh]').waitFor()
  await settled(phone.page)
  expect(await violations(phone.page)).toEqual([])
  expect(await phone.page.evaluate<number>(fits)).toBeLessThanOrEqual(0)
  const others = [...staff.problems, ...buyer.problems, ...phone.problems].filter(
    (line) => !line.includes('status of 422'),
  )
  expect(others).toEqual([])
})
