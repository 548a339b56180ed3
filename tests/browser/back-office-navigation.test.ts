/** Navigation in the back office: by role, by filter, on a phone, and when the server fails. */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { OWNER, order } from './back-office.ts'
import { DESKTOP, eventually, type Harness, logIn, openHarness, PHONE, settled, type Visit } from './harness.ts'

let harness: Harness
let staff: Visit
let page: Page

beforeAll(async () => {
  harness = await openHarness()
  await order(harness.system, [1], '39.00') // for the lists
  staff = await harness.visitAs(OWNER, DESKTOP)
  page = staff.page
})
afterAll(() => harness?.close())

test('the navigation marks the current section, on detail pages too', async () => {
  for (const [path, way] of [
    ['/admin/courses/1', '课程'],
    ['/admin/courses/new', '课程'],
    ['/admin/categories', '课程'],
    ['/admin/teachers', '课程'],
    ['/admin/imports', '买家'],
  ] as const) {
    await staff.open(path)
    // A page may have tabs, which mark their current one as well.
    const ways = page.getByRole('navigation', { name: '后台导航' })
    await eventually(() => ways.locator('[aria-current=page]').innerText()).toBe(way)
  }
})

test('staff preview a published course as a buyer: lessons are locked, and it cannot be bought', async () => {
  await staff.open('/admin/courses/1')
  expect(await page.getByTestId('course-preview').getAttribute('href')).toBe('/courses/1?as=buyer')
  await staff.open('/courses/1?as=buyer')
  await page.getByTestId('as-buyer').waitFor()
  expect(await page.getByTestId('buy-shown').isDisabled()).toBe(true)
  expect(await page.getByTestId('buy-now').count()).toBe(0)
  const [locked] = await harness.system.sql<{ id: number }>(
    'select id from lessons where course_id = 1 and not preview order by position limit 1',
  )
  await staff.open(`/learn/1/${locked?.id}?as=buyer`)
  await page.getByTestId('lesson-locked').waitFor()
  // The preview stays on when the course is opened, until it is ended.
  await page.locator('.side .course a').click()
  await page.waitForURL('**/courses/1?as=buyer')
  await page.getByTestId('as-buyer').getByRole('link').click()
  await page.getByTestId('buy-now').first().waitFor()
  expect(await page.getByTestId('as-buyer').count()).toBe(0)
  expect(staff.problems).toEqual([])
})

test('a buyer is refused clearly, and each role sees only its sections', async () => {
  const buyer = await harness.newBuyer()
  const visit = await harness.visit(DESKTOP)
  await visit.open('/admin/refunds')
  await logIn(visit.page, buyer)
  await visit.page.getByTestId('not-staff').waitFor()
  expect(new URL(visit.page.url()).pathname).toBe('/admin/login')
  expect(visit.problems.filter((problem) => !/403/.test(problem))).toEqual([])
  await visit.close()

  const roles = [
    {
      role: 'support',
      sees: ['订单', '退款', '支付通知'],
      never: ['资金健康', '无主款项', '对账', '后台任务', '操作日志'],
    },
    { role: 'editor', sees: [], never: ['订单', '退款', '资金健康', '无主款项', '对账', '支付通知', '操作日志'] },
  ] as const
  for (const { role, sees, never } of roles) {
    const person = await harness.newBuyer()
    await harness.system.sql('update users set role = $2 where username = $1', [person.username, role])
    const visit = await harness.visit(DESKTOP)
    await visit.open('/admin/login')
    await logIn(visit.page, person)
    await visit.page.getByTestId('logout').waitFor()
    const ways = await visit.page.getByRole('navigation', { name: '后台导航' }).getByRole('link').allInnerTexts()
    expect(ways).toEqual(expect.arrayContaining([...sees]))
    expect(ways.filter((way) => never.some((closed) => closed === way))).toEqual([])
    await visit.open('/admin/money-health')
    await visit.page.getByRole('heading', { name: '您的角色没有这项权限' }).waitFor()
    expect(visit.problems).toEqual([])
    await visit.close()
  }
})

test('a list that cannot be loaded says so, and loads when retried', async () => {
  await page.route('**/api/admin/orders*', (route) => route.fulfill({ status: 502, body: 'Bad gateway' }))
  await staff.open('/admin/orders')
  await page.getByRole('alert').getByText('服务器暂时没有响应').waitFor()
  await page.unroute('**/api/admin/orders*')
  await page.getByRole('button', { name: '再试一次' }).click()
  await page.locator('tbody tr').first().waitFor()
  staff.problems.length = 0 // the failure, which Chromium prints as an error
})

test('filters are part of the address, and going back undoes the last one', async () => {
  await staff.open('/admin/orders')
  await page.locator('tbody tr').first().waitFor()
  await page.getByLabel('状态').selectOption('refunded')
  await page.waitForURL('**/admin/orders?status=refunded')
  await page.getByTestId('search-words').fill('nobody')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/admin/orders?q=nobody&status=refunded')
  await page.getByText('没有符合条件的订单').waitFor()
  await page.goBack()
  await page.waitForURL('**/admin/orders?status=refunded')
  expect(await page.getByTestId('search-words').inputValue()).toBe('')
  await page.getByRole('button', { name: '清除筛选' }).click()
  await page.waitForURL('**/admin/orders')
  await page.locator('tbody tr').first().waitFor()
  expect(staff.problems).toEqual([])
})

test('on a phone the navigation opens from one button, which also holds the language switch', async () => {
  const visit = await harness.visitAs(OWNER, PHONE)
  await visit.open('/admin')
  await visit.page.waitForURL('**/admin/orders')
  await visit.page.getByTestId('menu').click()
  await visit.page.getByRole('link', { name: 'Money health' }).click()
  await visit.page.getByTestId('health-verdict').waitFor()
  expect(await visit.page.getByTestId('menu').getAttribute('aria-expanded')).toBe('false')
  await visit.page.getByTestId('language-switch').click()
  await eventually(() => visit.page.title()).toBe('资金健康 · 学城后台')
  expect(visit.problems).toEqual([])
  await visit.close()
})

test('a buyer’s browser loads no code of the back office', async () => {
  const visit = await harness.visit(DESKTOP)
  const loaded: string[] = []
  visit.page.on('request', (request) => loaded.push(new URL(request.url()).pathname))
  for (const path of ['/', '/courses/3', '/search?q=SQL', '/login']) {
    await visit.open(path)
    await settled(visit.page)
  }
  expect(loaded.filter((path) => /admin/.test(path))).toEqual([])
  await visit.close()
})
