/** A trial payment: started by the owner, paid at the cashier, each step shown on the page as it happens. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { violations } from './accessibility.ts'
import { OWNER } from './back-office.ts'
import { DESKTOP, eventually, type Harness, openHarness, PHONE, settled } from './harness.ts'

let harness: Harness
beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())

/** Chromium prints the return without an order (404) as an error. */
function refusedReturn(problems: string[]): void {
  const at = problems.findIndex((problem) => /404 .*alipay\/return/.test(problem))
  if (at >= 0) problems.splice(at, 1)
}

test('a trial payment of one fen passes every step, in both languages', async () => {
  const staff = await harness.visitAs(OWNER, DESKTOP)
  const { page } = staff
  await staff.open('/admin/settings/trial')
  await page.getByTestId('trial-start').click()
  const link = page.getByTestId('trial-pay')
  await link.waitFor()
  expect(await page.locator('[data-step=payment]').innerText()).toContain('请打开付款链接')
  await settled(page)
  expect(await violations(page)).toEqual([])

  const [cashier] = await Promise.all([page.context().waitForEvent('page'), link.click()])
  await cashier.waitForLoadState()
  expect(cashier.url()).toContain(harness.system.sandboxUrl)
  await cashier.close()
  const { returnUrl } = await harness.system.sandbox.pay((await link.getAttribute('href')) ?? '')

  // Back in the shop, where the cashier sends buyers after paying.
  const back = await staff.another()
  await back.goto(returnUrl)
  await back.getByRole('heading', { name: '试付已付款' }).waitFor()
  await settled(back)
  expect(await violations(back)).toEqual([])
  await back.getByTestId('to-trial').click()
  await back.locator('[data-step]').first().waitFor()
  await back.close()
  refusedReturn(staff.problems)

  await page.locator('[data-outcome=passed]').waitFor({ timeout: 60_000 })
  expect(await page.locator('[data-step][data-state=done]').count()).toBe(6)
  await eventually(() => page.locator('tbody tr').count()).toBe(1)
  await page.getByRole('link', { name: '查看通知' }).click()
  await page.locator('[data-check=signature][data-passed=true]').waitFor()
  expect(staff.problems).toEqual([])

  const phone = await harness.visitAs(OWNER, PHONE)
  await phone.open('/admin/settings/trial')
  await phone.page.getByText('All steps passed').first().waitFor()
  await settled(phone.page)
  expect(await violations(phone.page)).toEqual([])
  expect(await phone.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390)
  expect(phone.problems).toEqual([])
})
