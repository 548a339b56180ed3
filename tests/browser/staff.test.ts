/** Staff as their owner looks after them, and as they look after their own account. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { wrongs } from './axe.ts'
import { OWNER } from './desk-world.ts'
import { DESK, eventually, logIn, openStage, PHONE, type Stage, settled } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage?.close())

const fits = 'document.documentElement.scrollWidth - innerWidth'
/** What Chromium prints about honest refusals. */
const unexpected = (problems: readonly string[]) => problems.filter((line) => !/status of (401|403|404|422)/.test(line))

test('somebody new: added, the first login leads to an own password, and the owner ends it all', async () => {
  const owner = await stage.visitAs(OWNER, DESK)
  await owner.open('/admin/staff')
  await owner.page.getByTestId('staff-add').click()
  await owner.page.getByTestId('staff-add-yes').click()
  await owner.page.locator('[name=displayName][aria-invalid=true]').waitFor()
  expect(await wrongs(owner.page)).toEqual([])
  await owner.page.getByTestId('staff-name').fill('李编辑')
  await owner.page.getByTestId('staff-username').fill('li-editor')
  await owner.page.getByTestId('role-choice').selectOption('editor')
  await owner.page.getByTestId('staff-add-yes').click()
  const password = await owner.page.getByTestId('made-password').innerText()
  const row = owner.page.locator('tr', { hasText: 'li-editor' })
  await row.getByText('待设新密码').waitFor()
  // Every right has its words in this table.
  const rights = await owner.page.locator('[data-right] th').allInnerTexts()
  expect(rights.length).toBeGreaterThan(20)
  expect(rights.filter((words) => /\w\.\w/.test(words))).toEqual([])
  await settled(owner.page)
  expect(await wrongs(owner.page)).toEqual([])

  const editor = await stage.visit(PHONE)
  const { page } = editor
  await editor.open('/admin/courses')
  await logIn(page, { username: 'li-editor', password })
  await page.waitForURL('**/admin/first-password?next=/courses')
  await settled(page)
  expect(await wrongs(page)).toEqual([])
  expect(await page.evaluate<number>(fits)).toBeLessThanOrEqual(0)
  await editor.open('/admin/courses') // nothing else is open yet
  await page.waitForURL('**/admin/first-password?next=/courses')
  await page.getByTestId('password-current').fill('not the password')
  await page.getByTestId('password-new').fill('my own password')
  await page.getByTestId('password-submit').click()
  await page.locator('[name=current][aria-invalid=true]').waitFor()
  await page.getByTestId('password-current').fill(password)
  await page.getByTestId('password-submit').click()
  await page.waitForURL('**/admin/courses')
  await page.locator('tbody tr').first().waitFor()

  await row.getByRole('link').click()
  await owner.page.getByTestId('staff-role').click()
  await owner.page.getByTestId('role-choice').selectOption('support')
  await owner.page.getByTestId('decide-words').fill('换岗')
  await owner.page.getByTestId('decide-yes').click()
  await eventually(() => owner.page.getByTestId('staff-is').innerText()).toBe('客服')
  await owner.page.getByText('现在没有登录').waitFor()
  expect(await wrongs(owner.page)).toEqual([])
  await page.reload()
  await page.waitForURL('**/admin/login?next=/courses')
  expect(unexpected([...owner.problems, ...editor.problems])).toEqual([])
  await owner.close()
  await editor.close()
})

test('a buyer changes the password in the shop and is logged out elsewhere', async () => {
  const buyer = await stage.newBuyer()
  const here = await stage.visitAs(buyer, PHONE)
  const elsewhere = await stage.visitAs(buyer, DESK)
  await here.open('/')
  await here.page.getByTestId('menu').click()
  await here.page.getByRole('link', { name: 'Change password' }).click()
  await here.page.getByTestId('password-current').fill(buyer.password)
  await here.page.getByTestId('password-new').fill('another long password')
  await settled(here.page)
  expect(await wrongs(here.page)).toEqual([])
  expect(await here.page.evaluate<number>(fits)).toBeLessThanOrEqual(0)
  await here.page.getByTestId('password-submit').click()
  await here.page.getByTestId('password-done').waitFor()
  await elsewhere.open('/orders')
  await elsewhere.page.waitForURL('**/login?**')
  await logIn(elsewhere.page, { ...buyer, password: 'another long password' })
  await elsewhere.page.waitForURL('**/orders')
  expect(unexpected([...here.problems, ...elsewhere.problems])).toEqual([])
  await here.close()
  await elsewhere.close()
})
