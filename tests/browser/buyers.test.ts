/** Buyers in the back office: search, owned courses and their sources, granting, revoking, disabling and enabling. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { violations } from './accessibility.ts'
import { OWNER } from './back-office.ts'
import {
  type Buyer,
  DESKTOP,
  eventually,
  type Harness,
  logIn,
  openHarness,
  PHONE,
  settled,
  type Visit,
} from './harness.ts'

let harness: Harness
let staff: Visit
beforeAll(async () => {
  harness = await openHarness()
  staff = await harness.visitAs(OWNER, DESKTOP)
})
afterAll(() => harness?.close())

/** The errors that Chromium prints about expected refusals. */
const unexpected = (problems: readonly string[]) => problems.filter((line) => !/status of (401|403|404|422)/.test(line))

async function find(buyer: Buyer): Promise<void> {
  const { page } = staff
  await staff.open('/admin/buyers')
  await page.getByTestId('search-words').fill(buyer.username.slice(0, 14).toUpperCase())
  await page.keyboard.press('Enter')
  await page.waitForURL('**/admin/buyers?q=*')
  await page.locator('tbody tr', { hasText: buyer.username }).getByRole('link').first().click()
  await page.getByTestId('buyer-grant').waitFor()
}

async function decide(words: string): Promise<void> {
  const dialog = staff.page.locator('dialog[open]')
  expect(await violations(staff.page)).toEqual([])
  await dialog.getByTestId('decide-yes').click()
  await dialog.getByText('请填写').waitFor() // a reason is required
  await dialog.getByTestId('decide-words').fill(words)
  await dialog.getByTestId('decide-yes').click()
  await dialog.waitFor({ state: 'detached' })
}

test('staff find a buyer, see each owned course with its order, grant a course and revoke it', async () => {
  const buyer = await harness.newBuyer()
  const client = harness.system.client()
  await client.login(buyer.username, buyer.password)
  const { body } = await client.buy([2], '49.00')
  await harness.system.sandbox.pay(body.payUrl)
  await eventually(() => client.ownedIds()).toEqual([2])
  const { page } = staff
  await find(buyer)
  const bought = page.locator('tbody tr', { hasText: '算法，用纸笔想清楚' })
  await bought.getByRole('link', { name: body.orderNo }).waitFor()
  expect(await bought.innerText()).toMatch(/\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}/)
  expect(await page.locator('dl').innerText()).toContain('¥49.00')

  await page.getByTestId('buyer-grant').click()
  const choice = page.locator('dialog[open]').getByTestId('course-choice')
  await choice.locator('option[value="3"]').waitFor({ state: 'attached' })
  await choice.selectOption('3')
  await decide('课堂赠送')
  await page.getByTestId('revoke-3').waitFor()
  await eventually(() => client.ownedIds()).toEqual([2, 3])
  const visit = await harness.visitAs(buyer, PHONE)
  await visit.open('/my/courses')
  await visit.page.locator('a[href*="/learn/3"]').first().waitFor()

  await page.getByTestId('revoke-3').click()
  await decide('赠送有误')
  await page.getByText('已收回', { exact: true }).waitFor()
  await eventually(() => client.ownedIds()).toEqual([2])
  await bought.getByRole('link', { name: body.orderNo }).click()
  await page.waitForURL(`**/admin/orders/${body.orderNo}`)
  expect(unexpected([...staff.problems, ...visit.problems])).toEqual([])
  await visit.close()
})

test('a disabled buyer is logged out at once and can return when enabled; a reset password must be changed at first use', async () => {
  const buyer = await harness.newBuyer()
  const visit = await harness.visitAs(buyer, PHONE)
  await visit.open('/my/courses')
  await settled(visit.page)
  const { page } = staff
  await find(buyer)
  await page.getByTestId('buyer-disable').click()
  await decide('盗用他人账号')
  await page.getByText('已停用').waitFor()
  await visit.open('/orders')
  await visit.page.waitForURL('**/login?**')
  await logIn(visit.page, buyer)
  await visit.page.getByRole('alert').first().waitFor()
  expect(new URL(visit.page.url()).pathname).toBe('/login')

  await page.getByTestId('buyer-disable').click()
  await decide('已核实身份')
  await page.getByText('已停用').waitFor({ state: 'detached' })
  await page.getByTestId('buyer-password').click()
  await decide('买家忘记密码')
  const made = await page.locator('.secret .value').innerText()
  expect(await violations(page)).toEqual([])

  await visit.open('/login?next=/my/courses')
  await logIn(visit.page, buyer) // the old password is no longer valid
  await visit.page.getByRole('alert').first().waitFor()
  await logIn(visit.page, { ...buyer, password: made })
  await visit.page.waitForURL('**/account/password?next=/my/courses')
  await settled(visit.page)
  expect(await violations(visit.page)).toEqual([])
  await visit.page.getByTestId('password-new').fill('a password of my own')
  await visit.page.getByTestId('password-submit').click()
  await visit.page.waitForURL('**/my/courses')
  const entries = await harness.system.sql('select note from audit_log order by id desc limit 3')
  expect(entries.map((entry) => entry['note'])).toEqual(['买家忘记密码', '已核实身份', '盗用他人账号'])
  expect(unexpected([...staff.problems, ...visit.problems])).toEqual([])
  await visit.close()
})
