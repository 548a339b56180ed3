/** The dialog for a credential proof or a new login: typed text stays, and is offered again. */

import { Secret, TOTP } from 'otpauth'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { violations } from './accessibility.ts'
import { OWNER } from './back-office.ts'
import { type Buyer, DESKTOP, eventually, type Harness, logIn, openHarness, PHONE, settled } from './harness.ts'

let harness: Harness
beforeAll(async () => {
  harness = await openHarness()
}, 300_000)
afterAll(() => harness?.close())

const fits = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'
const endLogins = () => harness.system.sql('update sessions set ended_at = now() where ended_at is null')
const ageProofs = () => harness.system.sql("update sessions set proved_at = now() - interval '11 minutes'")
/** These tests expect refusals; any other problem is a failure. */
const faults = (problems: readonly string[]) => problems.filter((each) => !/status of 40[139]|status of 422/.test(each))

async function member(role: string): Promise<Buyer> {
  const person = await harness.newBuyer()
  await harness.system.sql('update users set role = $1 where username = $2', [role, person.username])
  return person
}

/** Whether the browser ever asked to leave without saving. */
function watchDialogs(page: Page): string[] {
  const asked: string[] = []
  page.on('dialog', (dialog) => {
    asked.push(dialog.message())
    void dialog.accept()
  })
  return asked
}

test('a dialog asks for the password again: Escape keeps the form, the right password continues the action', async () => {
  const { page, open, problems, close } = await harness.visitAs(OWNER, DESKTOP)
  await open('/admin/staff')
  await page.getByTestId('staff-add').click()
  await page.locator('dialog [name=username]').fill('over-the-page')
  await page.locator('dialog [name=displayName]').fill('新同事')
  await ageProofs()
  await page.getByTestId('staff-add-yes').click()
  const dialog = page.getByTestId('barrier-proof')
  await dialog.waitFor()
  await eventually(() => page.evaluate<string>('document.activeElement.name')).toBe('password')
  expect(await violations(page)).toEqual([])
  // The focus stays in the dialog.
  for (let step = 0; step < 12; step += 1) {
    await page.keyboard.press('Tab')
    const outside = `document.activeElement !== document.body && !document.activeElement.closest('[data-testid=barrier-proof]')`
    expect(await page.evaluate<boolean>(outside)).toBe(false)
  }
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  await page.getByText('请再次确认是您本人').waitFor()
  expect(await page.locator('dialog [name=username]').inputValue()).toBe('over-the-page')

  await page.getByTestId('staff-add-yes').click()
  await page.getByTestId('barrier-go').click()
  await dialog.locator('[name=password][aria-invalid=true]').waitFor()
  await page.getByTestId('barrier-password').fill('not the password')
  await page.keyboard.press('Enter')
  await dialog.getByText('当前密码不正确').waitFor()
  for (const width of [320, 360, 390, 768, 1280]) {
    await page.setViewportSize({ width, height: 700 })
    expect([width, await page.evaluate<number>(fits)]).toEqual([width, 0])
  }
  await page.getByTestId('barrier-password').fill(OWNER.password)
  await page.keyboard.press('Enter')
  await dialog.waitFor({ state: 'detached' })
  await page.getByTestId('made-password').waitFor()
  expect(await harness.system.sql("select role from users where username = 'over-the-page'")).toHaveLength(1)
  expect(faults(problems)).toEqual([])
  await close()
})

test('an account with a second factor is also asked for its code', async () => {
  const person = await member('owner')
  const api = harness.system.client()
  await api.login(person.username, person.password)
  const path = '/api/admin/profile/second-factor'
  const { secret } = (await api.call<{ secret: string }>('POST', path)).body
  const totp = new TOTP({ secret: Secret.fromBase32(secret) })
  const code = totp.generate({ timestamp: Date.now() - 30_000 })
  const { recoveryCodes } = (await api.call<{ recoveryCodes: string[] }>('POST', `${path}/confirm`, { code })).body
  const visit = await harness.visit(PHONE)
  await visit.open('/admin/settings/security')
  await logIn(visit.page, person)
  await visit.page.getByTestId('login-code').fill(recoveryCodes?.[0] ?? '')
  await visit.page.getByTestId('login-submit').click()
  await visit.page.getByTestId('refund-limit').fill('250.5')
  await visit.page.getByTestId('factor-role-owner').check()
  await ageProofs()
  await visit.page.getByTestId('security-save').click()
  await visit.page.getByTestId('barrier-password').fill(person.password)
  await visit.page.getByTestId('barrier-go').click()
  await visit.page.getByTestId('barrier-code').waitFor()
  await eventually(() => visit.page.evaluate<string>('document.activeElement.name')).toBe('code')
  await visit.page.getByTestId('barrier-code').fill('000000')
  await visit.page.getByTestId('barrier-go').click()
  await visit.page.locator('[data-testid=barrier-code][aria-invalid=true]').waitFor()
  expect(await violations(visit.page)).toEqual([])
  expect(await visit.page.evaluate<number>(fits)).toBeLessThanOrEqual(0)
  await visit.page.getByTestId('barrier-code').fill(recoveryCodes?.[1] ?? '')
  await visit.page.getByTestId('barrier-go').click()
  await visit.page.getByTestId('security-saved').waitFor()
  expect(await visit.page.getByTestId('refund-limit').inputValue()).toBe('250.50')
  const settings = await harness.system.sql('select refund_limit_fen::int, factor_roles from security_settings')
  expect(settings).toEqual([{ refund_limit_fen: 25050, factor_roles: ['owner'] }])
  expect(faults(visit.problems)).toEqual([])
  await harness.system.sql("update security_settings set factor_roles = '{}'")
  await visit.close()
})

test('the session ends while an author writes: a login dialog opens, and the save continues after it', async () => {
  const visit = await harness.visitAs(OWNER, DESKTOP)
  const { page } = visit
  const asked = watchDialogs(page)
  const [lesson] = await harness.system.sql<{ id: number; course: number }>(
    'select l.id::int, c.course_id::int as course from lessons l join chapters c on c.id = l.chapter_id order by l.id limit 1',
  )
  const path = `/admin/courses/${lesson?.course}/lessons/${lesson?.id}`
  await visit.open(path)
  await page.locator('textarea').first().fill('# 写了很久的一课')
  await endLogins()
  await page.getByTestId('lesson-save').click()
  const dialog = page.getByTestId('barrier-login')
  await dialog.waitFor()
  expect(await violations(page)).toEqual([])
  expect(await page.locator('textarea').first().inputValue()).toBe('# 写了很久的一课')
  await page.getByTestId('barrier-password').fill('not the password')
  await page.keyboard.press('Enter')
  await dialog.locator('[name=password][aria-invalid=true]').waitFor()
  await page.getByTestId('barrier-password').fill(OWNER.password)
  await page.keyboard.press('Enter')
  await dialog.waitFor({ state: 'detached' })
  const markdown = () =>
    harness.system.sql<{ markdown: string }>('select markdown from lessons where id = $1', [lesson?.id])
  await eventually(async () => (await markdown())[0]?.markdown).toBe('# 写了很久的一课')

  // Another account logs in in another tab: nothing is done as that account.
  const other = await member('editor')
  await page.locator('textarea').first().fill('# 仍是店主写的')
  const login = await visit.context.request.post(`${harness.system.shopUrl}/api/session`, { data: other })
  expect(login.ok()).toBe(true)
  await page.getByTestId('lesson-save').click()
  await dialog.waitFor()
  expect(await dialog.innerText()).toContain(OWNER.username)
  expect((await markdown())[0]?.markdown).toBe('# 写了很久的一课')
  await page.getByTestId('barrier-password').fill(OWNER.password)
  await page.keyboard.press('Enter')
  await eventually(async () => (await markdown())[0]?.markdown).toBe('# 仍是店主写的')
  const [line] = await harness.system.sql<{ username: string }>(
    "select username from audit_log where action = 'lesson.edit' order by id desc limit 1",
  )
  expect(line?.username).toBe(OWNER.username)

  // Leaving without logging in needs no confirmation: the text is kept, and offered on the next visit.
  await page.locator('textarea').first().fill('# 没来得及保存')
  await endLogins()
  await page.getByTestId('lesson-save').click()
  await page.getByTestId('barrier-leave').click()
  await page.getByTestId('login-username').waitFor()
  expect(asked).toEqual([])
  await logIn(page, OWNER)
  await page.waitForURL(`**${path}`)
  await page.getByTestId('draft').waitFor()
  expect(await page.locator('textarea').first().inputValue()).toBe('# 仍是店主写的')
  expect(await violations(page)).toEqual([])
  await page.getByTestId('draft-restore').click()
  expect(await page.locator('textarea').first().inputValue()).toBe('# 没来得及保存')
  await page.getByTestId('lesson-save').click()
  await eventually(async () => (await markdown())[0]?.markdown).toBe('# 没来得及保存')
  await page.reload()
  await settled(page)
  expect(await page.getByTestId('draft').count()).toBe(0)
  expect(faults(visit.problems)).toEqual([])
  await visit.close()
})

test('a buyer whose session has ended logs in inside a dialog, and the order is placed', async () => {
  const buyer = await harness.newBuyer()
  const visit = await harness.visitAs(buyer, PHONE)
  const { page } = visit
  await visit.open('/checkout?courses=1')
  await eventually(() => page.getByTestId('checkout-pay').isEnabled()).toBe(true)
  await endLogins()
  await page.getByTestId('checkout-pay').click()
  await page.getByTestId('barrier-login').waitFor()
  expect(await violations(page)).toEqual([])
  expect(await page.evaluate<number>(fits)).toBeLessThanOrEqual(0)
  await page.getByTestId('barrier-password').fill(buyer.password)
  await page.getByTestId('barrier-go').click()
  await page.waitForURL((url) => url.origin === new URL(harness.system.sandboxUrl).origin)
  const orders = await harness.system.sql(
    'select 1 from orders o join users u on u.id = o.user_id where u.username = $1',
    [buyer.username],
  )
  expect(orders).toHaveLength(1)
  await visit.close()
})
