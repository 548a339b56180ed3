/** Security of staff accounts: a second factor required by role, and notices of changes by others. */
import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { violations } from './accessibility.ts'
import { OWNER } from './back-office.ts'
import { type Buyer, type Harness, logIn, openHarness, PHONE, settled } from './harness.ts'

let harness: Harness
beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())

const fits = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'

/** These tests expect refusals; any other problem is a failure. */
const faults = (problems: readonly string[]) => problems.filter((each) => !/status of 40[139]|status of 422/.test(each))

async function member(role: string): Promise<Buyer> {
  const person = await harness.newBuyer()
  await harness.system.sql('update users set role = $1 where username = $2', [role, person.username])
  return person
}

test('a role that requires a second factor sets it up at login, then reaches the page it wanted', async () => {
  const person = await member('editor')
  await harness.system.sql("update security_settings set factor_roles = '{editor}'")
  const visit = await harness.visit(PHONE)
  const { page } = visit
  await visit.open('/admin/courses')
  await logIn(page, person)
  await page.waitForURL('**/admin/first-factor?next=/courses')
  await settled(page)
  expect(await violations(page)).toEqual([])
  expect(await page.evaluate<number>(fits)).toBeLessThanOrEqual(0)
  await page.getByTestId('factor-on').click()
  const shown = await page.getByTestId('factor-secret').innerText()
  await page
    .getByTestId('factor-digits')
    .fill(new TOTP({ secret: Secret.fromBase32(shown.replaceAll(' ', '')) }).generate())
  await page.getByTestId('factor-next').click()
  await page.getByTestId('codes-kept').click()
  await page.getByTestId('factor-onward').click()
  await page.waitForURL('**/admin/courses')
  await settled(page)
  await harness.system.sql("update security_settings set factor_roles = '{}'")
  await visit.close()
})

test('an owner sees a notice of changes by others until it is acknowledged', async () => {
  const other = await member('owner')
  await harness.system.client().login(other.username, other.password)
  const owner = harness.system.client()
  await owner.login(OWNER.username, OWNER.password)
  const wanted = { username: 'seen-by-others', displayName: '被看见', role: 'support' }
  expect((await owner.call('POST', '/api/admin/staff', wanted)).status).toBe(201)
  const visit = await harness.visitAs(other, PHONE)
  const { page } = visit
  await visit.open('/admin')
  const line = page.getByTestId('security-news')
  await line.waitFor()
  expect(await line.innerText()).toContain('1 important change since you last looked')
  expect(await line.innerText()).toContain(OWNER.username)
  for (const width of [320, 360, 390, 768, 1280]) {
    await page.setViewportSize({ width, height: 800 })
    expect([width, await page.evaluate<number>(fits)]).toEqual([width, 0])
  }
  await settled(page)
  expect(await violations(page)).toEqual([])
  await line.getByRole('link').click()
  await page.waitForURL('**/admin/audit?only=sensitive')
  await page.getByText('Staff added').first().waitFor()
  await page.getByTestId('security-noted').click()
  await line.waitFor({ state: 'detached' })
  await page.reload()
  await settled(page)
  expect(await line.count()).toBe(0)
  expect(faults(visit.problems)).toEqual([])
  await visit.close()
})
