/** The oldest supported browsers: purchase and back office without the features that they lack. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { OLD_BROWSER } from './floor.ts'
import {
  DESKTOP,
  eventually,
  type Harness,
  logIn,
  openHarness,
  PHONE,
  payAtCashier,
  settled,
  type Visit,
} from './harness.ts'

let harness: Harness
let visit: Visit
beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())
afterEach(async () => {
  await visit.close()
  expect(visit.problems).toEqual([])
})

async function visitWithOldBrowser(manner: typeof DESKTOP): Promise<void> {
  visit = await harness.visit(manner)
  await visit.context.addInitScript({ content: OLD_BROWSER })
}

test('the simulated old browser lacks what the oldest supported one lacks, and no more', async () => {
  await visitWithOldBrowser(DESKTOP)
  await visit.open('/')
  const has = await visit.page.evaluate<Record<string, boolean>>(`({
    canParse: 'canParse' in URL, toReversed: 'toReversed' in Array.prototype, toSorted: 'toSorted' in Array.prototype,
    findLast: 'findLast' in Array.prototype, groupBy: 'groupBy' in Object, clone: 'structuredClone' in window,
    channel: 'BroadcastChannel' in window, worker: 'SharedWorker' in window, locks: 'locks' in navigator,
    dialog: 'HTMLDialogElement' in window, uuid: 'randomUUID' in crypto, timeout: 'timeout' in AbortSignal,
    idle: 'requestIdleCallback' in window, list: 'ListFormat' in Intl, resolvers: 'withResolvers' in Promise,
    flat: 'flat' in Array.prototype, all: 'replaceAll' in String.prototype, events: 'EventSource' in window,
  })`)
  const { flat, all, events, ...lacking } = has
  expect([flat, all, events]).toEqual([true, true, true])
  expect(Object.entries(lacking).filter(([, there]) => there)).toEqual([])
  await visit.page
    .getByRole('link', { name: /^立即购买《/ })
    .first()
    .waitFor()
  const filled = await visit.page.evaluate(`[
    [1, 2].at(-1), [1, 2].at(2), 'ab'.at(-2), 'ab'.at('x'),
    Object.hasOwn({ a: 1 }, 'a'), Object.hasOwn({ a: 1 }, 'toString'), Object.hasOwn('ab', 'length'),
  ]`)
  expect(filled).toEqual([2, undefined, 'a', 'a', true, false, true])
})

test('an old browser buys a course: login, cashier, lesson', async () => {
  const buyer = await harness.newBuyer()
  await visitWithOldBrowser(PHONE)
  const { page } = visit
  await visit.open('/')
  await settled(page)
  await visit.open('/courses/3')
  await settled(page)
  await page.getByTestId('buy-now').click()
  await page.waitForURL('**/login?**')
  await logIn(page, buyer)
  await page.waitForURL((url) => url.pathname === '/checkout' && url.search === '?courses=3')
  await settled(page)
  await page.getByTestId('checkout-pay').click()
  await payAtCashier(page, harness.system.sandboxUrl)
  await eventually(() => page.getByTestId('pay-state').getAttribute('data-state')).toBe('paid')
  await page.getByTestId('learn-now').click()
  await page.getByTestId('lesson-body').waitFor()

  // The chapters open in a drawer: the focus stays inside, Escape or a press outside closes it.
  await page.getByTestId('open-chapters').click()
  const drawer = page.getByRole('dialog', { name: 'Contents' })
  await drawer.waitFor()
  // The drawer is on top: the element at its first line belongs to it.
  const box = await drawer.boundingBox()
  expect(box).toMatchObject({ x: 0, y: 0 })
  expect(await page.evaluate('document.elementFromPoint(60, 20).closest("dialog") !== null')).toBe(true)
  for (let step = 0; step < 30; step++) {
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.closest("dialog") !== null')).toBe(true)
  }
  await page.keyboard.press('Escape')
  await drawer.waitFor({ state: 'hidden' })
  expect(await page.evaluate('document.activeElement.dataset.testid')).toBe('open-chapters')
  await page.getByTestId('open-chapters').click()
  await drawer.waitFor()
  await page.mouse.click(380, 400)
  await drawer.waitFor({ state: 'hidden' })

  await visit.open('/orders')
  await page.getByText('¥50.00').first().waitFor()
  await page
    .getByText(/20\d\d/)
    .first()
    .waitFor()
})

test('in an old browser a waiting order page polls and turns to paid', async () => {
  const buyer = await harness.newBuyer()
  const client = harness.system.client()
  await client.login(buyer.username, buyer.password)
  const { body } = await client.buy([1], '39.00')
  visit = await harness.visitAs(buyer, PHONE)
  await visit.context.addInitScript({ content: OLD_BROWSER })
  const { page } = visit
  await visit.open(`/orders/${body.orderNo}`)
  const status = () => page.getByTestId('order-status').getAttribute('data-status')
  await eventually(status).toBe('unpaid')
  await harness.system.sandbox.pay(body.payUrl)
  await eventually(status).toBe('paid')
})

test('an old browser opens the back office: dashboard, lists and a dialog', async () => {
  await visitWithOldBrowser(DESKTOP)
  const { page } = visit
  await visit.open('/admin/login')
  await logIn(page, { username: 'admin', password: 'admin123456' })
  await page.waitForURL((url) => !url.pathname.endsWith('/login'))
  await visit.open('/admin/dashboard')
  await page.getByTestId('dashboard-net').waitFor()
  await settled(page)
  await page.locator('tbody tr').first().waitFor({ state: 'attached' })
  for (const path of ['/admin/orders', '/admin/courses', '/admin/settings/shop', '/admin/staff']) {
    await visit.open(path)
    await settled(page)
  }
  await page.getByTestId('staff-add').click()
  const dialog = page.getByRole('dialog')
  await dialog.waitFor()
  expect(await page.evaluate('document.activeElement.closest("dialog") !== null')).toBe(true)
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  expect(await page.evaluate('document.activeElement.dataset.testid')).toBe('staff-add')
})
