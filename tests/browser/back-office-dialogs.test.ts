/** Dialogs, refusals and missing pages of the back office: in both languages, and with the keyboard alone. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { violations } from './accessibility.ts'
import { type BackOffice, OWNER, sharedBackOffice } from './back-office.ts'
import {
  type Buyer,
  DESKTOP,
  eventually,
  type Harness,
  logIn,
  type Manner,
  openHarness,
  PHONE,
  settled,
  type Visit,
} from './harness.ts'
import { shoot } from './screenshots.ts'

let harness: Harness
let world: BackOffice
let editor: Buyer
let checkedImport = 0

beforeAll(async () => {
  const shared = await sharedBackOffice()
  world = shared.world
  harness = await openHarness(Promise.resolve(shared.system))
  editor = await harness.newBuyer()
  await harness.system.sql("update users set role = 'editor' where username = $1", [editor.username])
  const owner = await harness.visitAs(OWNER, DESKTOP)
  await owner.open('/admin/imports')
  const text = '用户名,昵称,课程\nzhou.min,周敏,1\n'
  const file = { name: '名单.csv', mimeType: 'text/csv', buffer: Buffer.from(text) }
  await owner.page.getByTestId('import-file').setInputFiles(file)
  await owner.page.locator('[data-import=checked]').waitFor()
  checkedImport = Number(new URL(owner.page.url()).pathname.split('/').at(-1))
  await owner.close()
  await harness.system.sql(
    `insert into reconciliations (provider, day, status, requested_at, problem)
     values ('alipay', '2026-01-02', 'failed', now(), 'isv.bill-not-exist')`,
  )
})
afterAll(() => harness?.close())

const MANNERS: readonly (readonly [string, Manner])[] = [
  ['1280 pixels, Chinese, light', DESKTOP],
  ['390 pixels, English, dark', PHONE],
]

/** Name, address, and the elements to find or press there. */
type Row = readonly [string, () => string, string]

describe.each(MANNERS)('%s', (_, manner) => {
  let visit: Visit
  beforeAll(async () => {
    visit = await harness.visitAs(OWNER, manner)
  })
  afterAll(() => visit?.close())

  const look = async (name: string, at = visit) => {
    expect(await at.page.locator('html').getAttribute('lang')).toBe(manner.language)
    expect(await at.page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
    expect(await violations(at.page)).toEqual([])
    await shoot(at.page, 'back-office', name, manner)
  }

  test.each([
    ['an unknown notification', () => '/admin/notifications/999999', 'h1'],
    ['an unknown member of the staff', () => '/admin/staff/999999', 'h1'],
    ['an unknown lesson', () => '/admin/courses/1/lessons/999999', 'h1'],
    ['an import that was checked', () => `/admin/imports/${checkedImport}`, '[data-import=checked]'],
    ['a day whose reconciliation failed', () => '/admin/reconciliation/alipay/2026-01-02', 'h1'],
  ] satisfies Row[])('%s', async (name, path, shows) => {
    await visit.open(path())
    await settled(visit.page)
    await visit.page.locator(shows).first().waitFor()
    await look(name)
  })

  test.each([
    ['cancel an order', () => `/admin/orders/${world.unpaid}`, '[data-testid=order-cancel]'],
    ['take access away', () => `/admin/orders/${world.partly}`, '[data-testid=access-2]'],
    ['approve a refund', () => '/admin/refunds?status=requested', '[data-testid=refund-approve]'],
    ['decline a refund', () => '/admin/refunds?status=requested', '[data-testid=refund-decline]'],
    ['add to the staff', () => '/admin/staff', '[data-testid=staff-add]'],
    ['change a role', () => `/admin/staff/${world.member}`, '[data-testid=staff-role]'],
    ['make a password for the staff', () => `/admin/staff/${world.member}`, '[data-testid=staff-password]'],
    ['turn a second factor on', () => '/admin/profile', '[data-testid=factor-on]'],
    ['give a course', () => `/admin/buyers/${world.buyer}`, '[data-testid=buyer-grant]'],
    ['disable a buyer', () => `/admin/buyers/${world.buyer}`, '[data-testid=buyer-disable]'],
    ['add a category', () => '/admin/categories', '[data-testid=choice-add]'],
    ['add a teacher', () => '/admin/teachers', '[data-testid=choice-add]'],
    ['rename a chapter', () => '/admin/courses/1?tab=content', '[data-chapter] .acts .text-button'],
    ['take a course off sale', () => '/admin/courses/1', '[data-testid=course-unpublish]'],
    ['repair a difference', () => `/admin/reconciliation/alipay/${world.day}`, '[data-repair=settle]'],
    ['pay unmatched money back', () => '/admin/unmatched-payments', '[data-testid=unmatched-refund]'],
    ['handle a notification again', () => `/admin/notifications/${world.refused}`, '[data-testid=replay]'],
  ] satisfies Row[])('the dialog: %s', async (name, path, button) => {
    const { page } = visit
    await visit.open(path())
    await settled(page)
    const opener = page.locator(button).first()
    await opener.click()
    const dialog = page.locator('dialog[open]')
    await dialog.waitFor()
    await look(`dialog ${name}`)
    // The focus is inside; Escape closes the dialog and returns the focus.
    expect(await page.evaluate(`document.querySelector('dialog[open]').contains(document.activeElement)`)).toBe(true)
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    expect(await opener.and(page.locator(':focus')).count()).toBe(1)
  })

  test('a role without permission, and an account that is not staff', async () => {
    const other = await harness.visitAs(editor, manner)
    await other.open('/admin/money-health')
    await settled(other.page)
    await look('no right', other)
    await other.close()
    const buyer = await harness.visit(manner)
    await buyer.open('/admin/login')
    await logIn(buyer.page, await harness.newBuyer())
    await buyer.page.getByTestId('not-staff').waitFor()
    await look('not staff', buyer)
    await buyer.close()
  })
})

test('a buyer’s password is reset with only Tab and Enter, starting at the skip link', async () => {
  const visit = await harness.visitAs(OWNER, DESKTOP)
  const { page } = visit
  await visit.open('/admin/buyers')
  await page.locator('tbody tr').first().waitFor()
  const tabTo = async (wanted: string) => {
    for (let press = 0; press < 80; press += 1) {
      if (await page.evaluate(`document.activeElement?.matches(${JSON.stringify(wanted)}) ?? false`)) return
      await page.keyboard.press('Tab')
    }
    throw new Error(`Tab does not lead to ${wanted}`)
  }
  await page.keyboard.press('Tab')
  expect(await page.evaluate('document.activeElement.className')).toBe('skip')
  await page.keyboard.press('Enter')
  expect(await page.evaluate('document.activeElement.id')).toBe('content')
  await tabTo('[data-testid=search-words]')
  await page.keyboard.type('reader')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/admin/buyers?q=reader')
  await page.locator('tbody tr').first().waitFor()
  await tabTo('tbody a')
  await page.keyboard.press('Enter')
  await page.getByTestId('buyer-password').waitFor()
  // On the next page the focus starts at the content.
  await eventually(() => page.evaluate('document.activeElement.id')).toBe('content')
  await tabTo('[data-testid=buyer-password]')
  await page.keyboard.press('Enter')
  await tabTo('[data-testid=decide-words]')
  await page.keyboard.type('forgot it')
  await tabTo('[data-testid=decide-yes]')
  await page.keyboard.press('Enter')
  await page.locator('.secret .value').waitFor()
  expect(await violations(page)).toEqual([])
  expect(await page.evaluate('document.activeElement.dataset.testid')).toBe('buyer-password')
  expect(visit.problems).toEqual([])
  await visit.close()
})
