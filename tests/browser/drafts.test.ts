/** Unsaved text is offered again to the account that wrote it, and to no other. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { OWNER } from './back-office.ts'
import { type Buyer, eventually, type Harness, openHarness, PHONE, settled } from './harness.ts'

let harness: Harness
beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())

const fits = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'

async function member(role: string): Promise<Buyer> {
  const person = await harness.newBuyer()
  await harness.system.sql('update users set role = $1 where username = $2', [role, person.username])
  return person
}

test('unsaved text is offered after a reload, only to the same account, until it is discarded or the account logs out; secrets are never kept', async () => {
  const visit = await harness.visitAs(OWNER, PHONE)
  const { page } = visit
  page.on('dialog', (dialog) => void dialog.accept()) // the browser asks for confirmation before it leaves
  await visit.open('/admin/settings/shop')
  await page.locator('[name=phone]').fill('010-5550123')
  await page.reload()
  await page.getByTestId('draft').waitFor()
  expect(await page.evaluate<number>(fits)).toBeLessThanOrEqual(0)
  expect(await page.locator('[name=phone]').inputValue()).toBe('')
  await page.getByTestId('draft-restore').click()
  expect(await page.locator('[name=phone]').inputValue()).toBe('010-5550123')
  await page.reload()
  await page.getByTestId('draft-discard').click()
  await page.reload()
  await settled(page)
  expect(await page.getByTestId('draft').count()).toBe(0)

  await visit.open('/admin/settings/payments')
  await page.locator('[data-method=alipay]').getByTestId('keys-edit').click()
  await page.locator('[name=ALIPAY_PRIVATE_KEY]').first().fill('a secret that must not be kept')
  await visit.open('/admin/settings/shop')
  await page.locator('[name=phone]').fill('010-5550999')
  const kept = () => page.evaluate<string>('JSON.stringify(Object.entries(localStorage))')
  await eventually(kept).toContain('010-5550999')
  expect(await kept()).not.toContain('must not be kept')

  const other = await member('owner')
  await visit.context.request.post(`${harness.system.shopUrl}/api/session`, { data: other })
  await visit.open('/admin/settings/shop')
  await settled(page)
  expect(await page.getByTestId('draft').count()).toBe(0)
  await visit.context.request.post(`${harness.system.shopUrl}/api/session`, { data: OWNER })
  await visit.open('/admin/settings/shop')
  await page.getByTestId('draft').waitFor()
  await page.getByTestId('menu').click()
  await page.getByTestId('logout').click()
  await page.getByTestId('login-username').waitFor()
  expect(await kept()).not.toContain('010-5550999')
  await visit.close()
})
