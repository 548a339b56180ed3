/** Every page of the back office by its address, at two widths, in both languages, light and dark: it says what it is, fits, and nothing is wrong with it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { violations } from './accessibility.ts'
import { type BackOffice, OWNER, sharedBackOffice } from './back-office.ts'
import { eventually, type Harness, type Manner, openHarness, settled, type Visit } from './harness.ts'
import { shoot } from './screenshots.ts'

let harness: Harness
let world: BackOffice

beforeAll(async () => {
  const shared = await sharedBackOffice()
  world = shared.world
  harness = await openHarness(Promise.resolve(shared.system))
})
afterAll(() => harness?.close())

interface BackOfficePage {
  readonly name: string
  readonly path: () => string
  /** The heading, or a part of it. */
  readonly heading: readonly [string, string]
  /** What must be there besides. */
  readonly shows?: string
}

const PAGES: readonly BackOfficePage[] = [
  { name: 'orders', path: () => '/admin/orders', heading: ['订单', 'Orders'], shows: 'tbody tr' },
  { name: 'no orders found', path: () => '/admin/orders?q=nobody', heading: ['订单', 'Orders'] },
  {
    name: 'orders by status, method and date',
    path: () => `/admin/orders?status=unpaid&payType=alipay&from=${world.day}&to=${world.day}`,
    heading: ['订单', 'Orders'],
    shows: 'tbody tr',
  },
  {
    name: 'more people than are looked through',
    path: () => '/admin/orders?q=crowd',
    heading: ['订单', 'Orders'],
    shows: '[data-testid=orders-too-many]',
  },
  {
    name: 'an order with refunds',
    path: () => `/admin/orders/${world.partly}`,
    heading: ['', ''],
    shows: '[data-testid=time-line] li',
  },
  {
    name: 'an unpaid order',
    path: () => `/admin/orders/${world.unpaid}`,
    heading: ['', ''],
    shows: '[data-testid=order-cancel]',
  },
  { name: 'an unknown order', path: () => '/admin/orders/0', heading: ['没有这个订单', 'There is no such order'] },
  { name: 'refunds', path: () => '/admin/refunds', heading: ['退款', 'Refunds'], shows: '[data-refund]' },
  {
    name: 'refunds to decide',
    path: () => '/admin/refunds?status=requested',
    heading: ['退款', 'Refunds'],
    shows: '[data-testid=refund-approve]',
  },
  { name: 'the dashboard', path: () => '/admin/dashboard', heading: ['经营概况', 'Dashboard'], shows: 'canvas' },
  { name: 'the dashboard of a year', path: () => '/admin/dashboard?days=366', heading: ['经营概况', 'Dashboard'] },
  {
    name: 'imports of students',
    path: () => '/admin/imports',
    heading: ['导入学员', 'Import students'],
    shows: '[data-testid=import-file]',
  },
  { name: 'an unknown import', path: () => '/admin/imports/1', heading: ['没有这次导入', 'There is no such import'] },
  { name: 'courses', path: () => '/admin/courses', heading: ['课程', 'Courses'], shows: 'tbody tr' },
  {
    name: 'categories',
    path: () => '/admin/categories',
    heading: ['分类', 'Categories'],
    shows: '[data-testid=choices] li',
  },
  { name: 'teachers', path: () => '/admin/teachers', heading: ['老师', 'Teachers'], shows: '[data-testid=choices] li' },
  { name: 'no courses found', path: () => '/admin/courses?q=nothing-like-it', heading: ['课程', 'Courses'] },
  {
    name: 'a new course',
    path: () => '/admin/courses/new',
    heading: ['新建课程', 'New course'],
    shows: '[data-testid=course-save]',
  },
  { name: 'a course', path: () => '/admin/courses/1', heading: ['', ''], shows: '[data-testid=course-unpublish]' },
  {
    name: "a course's content",
    path: () => '/admin/courses/1?tab=content',
    heading: ['', ''],
    shows: '[data-lesson]',
  },
  {
    name: 'an unknown course',
    path: () => '/admin/courses/999999',
    heading: ['没有这门课程', 'There is no such course'],
  },
  {
    name: 'a lesson',
    path: () => '/admin/courses/1/lessons/1',
    heading: ['', ''],
    shows: '[data-testid=lesson-save]',
  },
  { name: 'buyers', path: () => '/admin/buyers', heading: ['买家', 'Buyers'], shows: 'tbody tr' },
  { name: 'no buyers found', path: () => '/admin/buyers?q=nobody', heading: ['买家', 'Buyers'] },
  {
    name: 'a buyer',
    path: () => `/admin/buyers/${world.buyer}`,
    heading: ['', ''],
    shows: '[data-testid=buyer-grant]',
  },
  { name: 'an unknown buyer', path: () => '/admin/buyers/999999', heading: ['没有这个买家', 'There is no such buyer'] },
  {
    name: 'money health',
    path: () => '/admin/money-health',
    heading: ['资金健康', 'Money health'],
    shows: '[data-check=difference_open]',
  },
  {
    name: 'unmatched payments',
    path: () => '/admin/unmatched-payments',
    heading: ['无主款项', 'Unmatched payments'],
    shows: '[data-testid=unmatched-refund]',
  },
  {
    name: 'settled unmatched payments',
    path: () => '/admin/unmatched-payments?state=resolved',
    heading: ['无主款项', 'Unmatched payments'],
  },
  {
    name: 'reconciliation',
    path: () => '/admin/reconciliation',
    heading: ['对账', 'Reconciliation'],
    shows: 'tbody tr',
  },
  {
    name: 'a reconciled day',
    path: () => `/admin/reconciliation/alipay/${world.day}`,
    heading: ['支付宝', 'Alipay'],
    shows: '[data-repair=settle]',
  },
  {
    name: 'a day that was not reconciled',
    path: () => '/admin/reconciliation/alipay/2020-01-01',
    heading: ['这一天还没有核对过', 'This day has not been reconciled'],
  },
  {
    name: 'notifications',
    path: () => '/admin/notifications',
    heading: ['支付通知', 'Notifications'],
    shows: 'tbody tr',
  },
  {
    name: 'a notification',
    path: () => `/admin/notifications/${world.refused}`,
    heading: ['通知', 'Notification'],
    shows: '[data-check=signature][data-passed=true]',
  },
  { name: 'dead jobs', path: () => '/admin/jobs', heading: ['后台任务', 'Jobs'], shows: '[data-testid=run-again]' },
  { name: 'waiting jobs', path: () => '/admin/jobs?state=waiting', heading: ['后台任务', 'Jobs'] },
  {
    name: 'the shop’s settings',
    path: () => '/admin/settings/shop',
    heading: ['店铺信息', 'The shop'],
    shows: '[name=nameZh]',
  },
  {
    name: 'payment keys',
    path: () => '/admin/settings/payments',
    heading: ['支付密钥', 'Payment keys'],
    shows: '[data-method=alipay]',
  },
  {
    name: 'trial payments',
    path: () => '/admin/settings/trial',
    heading: ['试付一分钱', 'Trial payment'],
    shows: '[data-testid=trial-start]',
  },
  { name: 'the staff', path: () => '/admin/staff', heading: ['员工', 'Staff'], shows: '[data-right] td' },
  {
    name: 'one of the staff',
    path: () => `/admin/staff/${world.member}`,
    heading: ['王会计', '王会计'],
    shows: '[data-testid=staff-role]',
  },
  {
    name: 'one’s own account',
    path: () => '/admin/profile',
    heading: ['我的账号', 'My account'],
    shows: 'tbody tr',
  },
  { name: 'the audit log', path: () => '/admin/audit', heading: ['操作日志', 'Audit log'], shows: 'tbody tr' },
  { name: 'an unknown address', path: () => '/admin/no/such/page', heading: ['没有这一页', 'No such page'] },
]

const MANNERS: readonly (readonly [string, Manner])[] = [
  ['1280 pixels, Chinese, light', { width: 1280, language: 'zh-CN', scheme: 'light' }],
  ['1280 pixels, English, dark', { width: 1280, language: 'en', scheme: 'dark' }],
  ['390 pixels, Chinese, light', { width: 390, language: 'zh-CN', scheme: 'light' }],
  ['390 pixels, English, dark', { width: 390, language: 'en', scheme: 'dark' }],
]

describe.each(MANNERS)('%s', (_, manner) => {
  let visit: Visit
  beforeAll(async () => {
    visit = await harness.visitAs(OWNER, manner)
  })
  afterAll(() => visit?.close())

  const inspect = async ({ name, path, heading, shows }: BackOfficePage, problems: readonly string[] = []) => {
    const { page } = visit
    await visit.open(path())
    await settled(page)
    if (shows) await page.locator(shows).first().waitFor()
    const words = heading[manner.language === 'en' ? 1 : 0]
    await eventually(() => page.locator('h1').innerText()).toContain(words)
    expect(await page.locator('html').getAttribute('lang')).toBe(manner.language)
    expect(await page.locator('h1').count()).toBe(1)
    expect(await page.locator('.button.primary').count(), `${name}: one primary action at most`).toBeLessThanOrEqual(1)
    expect(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
    expect(await violations(page)).toEqual([])
    await shoot(page, 'back-office', name, manner)
    const unexpected = visit.problems.splice(0).filter((problem) => !problems.some((known) => problem.includes(known)))
    expect(unexpected).toEqual([])
  }

  test.each(PAGES.map((page) => [page.name, page] as const))('%s', (_name, page) =>
    // What is not there is an honest 404, which Chromium prints as an error.
    inspect(page, ['404 (Not Found)']),
  )

  test('a table is never cut: it stacks where its place is narrow, and scrolls where it is still too wide', async () => {
    const { page } = visit
    await page.setViewportSize({ width: Math.min(1024, manner.width), height: 900 })
    await visit.open(`/admin/orders/${world.partly}`)
    await settled(page)
    const cut = `[...document.querySelectorAll('.frame')].filter((frame) => frame.scrollWidth > frame.clientWidth).length`
    expect(await page.evaluate(cut)).toBe(0)
    await page.setViewportSize({ width: manner.width, height: 900 })
    expect(await page.evaluate(cut)).toBe(0)
    if (manner.width > 1000) {
      // By the object model: the policy of the page takes no style element.
      await page.evaluate(
        `for (const table of document.querySelectorAll('.frame table')) table.style.minWidth = '2000px'`,
      )
      const frame = page.getByRole('group', { name: manner.language === 'en' ? 'Payment attempts' : '支付单' })
      await frame.focus()
      await page.keyboard.press('ArrowRight')
      await eventually(() => frame.evaluate((element) => element.scrollLeft)).toBeGreaterThan(0)
      expect(await violations(page)).toEqual([])
    }
    expect(visit.problems.splice(0)).toEqual([])
  })

  test('the dialogs', async () => {
    const { page } = visit
    await visit.open(`/admin/orders/${world.partly}`)
    await page.getByTestId('order-refund').click()
    const dialog = page.locator('dialog[open]')
    await dialog.getByTestId('refund-line-2').check()
    expect(await violations(page)).toEqual([])
    await dialog.getByTestId('refund-reason').fill('test')
    await dialog.getByTestId('refund-preview').click()
    await dialog.getByTestId('refund-send').waitFor()
    expect(await violations(page)).toEqual([])
    expect(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    // The focus is back where it was.
    expect(await page.evaluate('document.activeElement.dataset.testid')).toBe('order-refund')
    expect(visit.problems.splice(0)).toEqual([])
  })

  test('the login', async () => {
    const stranger = await harness.visit(manner)
    await stranger.open('/admin/orders?status=paid')
    await settled(stranger.page)
    expect(new URL(stranger.page.url()).searchParams.get('next')).toBe('/orders?status=paid')
    expect(
      await stranger.page.evaluate<number>('document.documentElement.scrollWidth - innerWidth'),
    ).toBeLessThanOrEqual(0)
    expect(await violations(stranger.page)).toEqual([])
    expect(stranger.problems).toEqual([])
    await stranger.close()
  })
})
