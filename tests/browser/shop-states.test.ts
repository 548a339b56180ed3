/** Pages of the shop with something closed, waiting, missing or broken: they fit, and axe finds no problem, in both languages. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ShopApi } from '../harness/shop-api.ts'
import { until } from '../harness/system.ts'
import { violations } from './accessibility.ts'
import { OWNER } from './back-office.ts'
import { type Buyer, DESKTOP, type Harness, type Manner, openHarness, PHONE, settled, type Visit } from './harness.ts'
import { shoot } from './screenshots.ts'

let harness: Harness
let buyer: Buyer
const made = {
  refunded: '',
  partly: '',
  cancelled: '',
  expired: '',
  unpaid: '',
  wechat: '',
  waiting: '',
  draftLesson: 0,
}

const becomes = (client: ShopApi, orderNo: string, wanted: string) =>
  until(
    () => client.order(orderNo),
    ({ status }) => status === wanted,
    30_000,
  )

async function bought(client: ShopApi, courseIds: number[], total: string): Promise<string> {
  const { body } = await client.buy(courseIds, total)
  await harness.system.sandbox.pay(body.payUrl)
  await becomes(client, body.orderNo, 'paid')
  return body.orderNo
}

async function paidBack(staff: ShopApi, orderNo: string): Promise<void> {
  const refund = { lines: [{ courseId: 1, amount: '39.00' }], amount: '39.00', reason: '与买家商定' }
  await staff.call('POST', `/api/admin/orders/${orderNo}/refunds`, refund)
}

/** The buyer's orders, each named after its state. */
async function orders(client: ShopApi, staff: ShopApi): Promise<void> {
  const { sandbox, sql } = harness.system
  made.refunded = await bought(client, [1], '39.00')
  await paidBack(staff, made.refunded)
  await becomes(client, made.refunded, 'refunded')
  made.partly = await bought(client, [1, 2], '88.00')
  await paidBack(staff, made.partly)
  await becomes(client, made.partly, 'partially_refunded')
  made.cancelled = (await client.buy([1], '39.00')).body.orderNo
  await client.call('POST', `/api/orders/${made.cancelled}/cancel`)
  await becomes(client, made.cancelled, 'cancelled')
  made.expired = (await client.buy([3], '50.00')).body.orderNo
  await sql("update orders set expires_at = now() - interval '2 minutes' where order_no = $1", [made.expired])
  await sql("select graphile_worker.add_job('expire-orders')")
  await becomes(client, made.expired, 'expired')

  // Paid, but lost at the gateway: the return is correctly signed, but the gateway does not confirm it.
  const { payUrl } = (await client.buy([4], '69.00')).body
  await sandbox.notifications(false)
  const back = new URL((await sandbox.pay(payUrl)).returnUrl)
  made.waiting = back.pathname + back.search
  await sandbox.send('POST', '/reset', {})

  made.unpaid = (await client.buy([6], '59.00')).body.orderNo
  const byWechat = { courseIds: [3], totalAmount: '50.00', payType: 'wechat' }
  made.wechat = (await client.call<{ orderNo: string }>('POST', '/api/orders', byWechat)).body.orderNo
}

beforeAll(async () => {
  harness = await openHarness()
  const { system } = harness
  buyer = await harness.newBuyer()
  const client = system.client()
  await client.login(buyer.username, buyer.password)
  const staff = system.client()
  await staff.login(OWNER.username, OWNER.password)
  await orders(client, staff)
  const { body } = await staff.call<{ chapters: { lessons: { id: number }[] }[] }>('GET', '/api/courses/5')
  made.draftLesson = body.chapters[0]?.lessons[0]?.id ?? 0
  await system.sql("update courses set status = 'draft' where id = 5")
})
afterAll(async () => {
  await harness?.system.sql("update courses set status = 'published' where id = 5")
  await harness?.close()
})

type Role = 'buyer' | 'newcomer' | 'owner'

/** Name, address, the element that shows the state, and who sees it. */
type Row = readonly [string, () => string, string, Role]

const STATES: readonly Row[] = [
  ['a refunded order', () => `/orders/${made.refunded}`, '[data-status=refunded]', 'buyer'],
  ['an order paid back in part', () => `/orders/${made.partly}`, '[data-status=partially_refunded]', 'buyer'],
  ['a cancelled order', () => `/orders/${made.cancelled}`, '[data-status=cancelled]', 'buyer'],
  ['an expired order', () => `/orders/${made.expired}`, '[data-status=expired]', 'buyer'],
  ['an unknown order', () => '/orders/0', '.empty h1', 'buyer'],
  ['orders in every state', () => '/orders', '[data-status=expired]', 'buyer'],
  ['a code to scan', () => `/orders/${made.wechat}/pay`, '[data-testid=pay-code]', 'buyer'],
  ['waiting for the payment', () => made.waiting, '[data-state=confirming]', 'buyer'],
  ['not paid', () => `/pay/success?order=${made.unpaid}`, '[data-state=unpaid]', 'buyer'],
  ['not paid, and cancelled', () => `/pay/success?order=${made.cancelled}`, '[data-state=unpaid]', 'buyer'],
  ['a return of no order', () => '/pay/success', '.empty h1', 'buyer'],
  ['an owned course', () => '/courses/2', '.buy .owned', 'buyer'],
  ['nothing found', () => '/search?q=nothing-like-it', '.empty', 'newcomer'],
  ['no orders yet', () => '/orders', '.empty', 'newcomer'],
  ['no courses yet', () => '/my/courses', '.empty', 'newcomer'],
  ['an unknown course', () => '/courses/999999', '.empty h1', 'newcomer'],
  ['a draft course', () => '/courses/5', '[data-testid=course-draft]', 'owner'],
  ['a draft lesson', () => `/learn/5/${made.draftLesson}`, '[data-testid=lesson-draft]', 'owner'],
]

describe.each([
  ['1280 pixels, Chinese, light', DESKTOP],
  ['390 pixels, English, dark', PHONE],
] satisfies [string, Manner][])('%s', (_, manner) => {
  let visits: Record<Role, Visit>
  beforeAll(async () => {
    visits = {
      buyer: await harness.visitAs(buyer, manner),
      newcomer: await harness.visitAs(await harness.newBuyer(), manner),
      owner: await harness.visitAs(OWNER, manner),
    }
  })
  afterAll(async () => {
    for (const visit of Object.values(visits ?? {})) await visit.close()
  })

  // Each test starts without the problems of the one before.
  afterEach(() => {
    for (const { problems } of Object.values(visits)) problems.length = 0
  })

  /** @param broken errors that Chromium may print here: expected refusals, and failures that the test causes */
  const look = async ({ page, problems }: Visit, name: string, broken = / status of 404 /) => {
    expect(await page.locator('html').getAttribute('lang')).toBe(manner.language)
    expect(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
    expect(await violations(page)).toEqual([])
    await shoot(page, 'shop', name, manner)
    expect(problems.splice(0).filter((line) => !broken.test(line))).toEqual([])
  }

  test.each(STATES)('%s', async (name, path, shows, role) => {
    const visit = visits[role]
    await visit.open(path())
    await settled(visit.page)
    await visit.page.locator(shows).first().waitFor()
    await look(visit, name)
  })

  test('a refund request: missing fields, sent, withdrawn', async () => {
    const { page } = visits.buyer
    await visits.buyer.open(`/orders/${made.partly}`)
    const opener = page.getByTestId('refund-ask')
    await opener.click()
    // By its name too: axe does not check the name of a dialog.
    const dialog = page.getByRole('dialog', { name: /./ })
    await dialog.waitFor()
    await look(visits.buyer, 'refund request')
    await page.getByTestId('ask-send').click()
    await dialog.locator('[aria-invalid=true]').waitFor()
    await look(visits.buyer, 'refund request without a reason')
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    expect(await opener.and(page.locator(':focus')).count()).toBe(1)
    await opener.click()
    await page.getByTestId('ask-reason').fill('买错了')
    await page.getByTestId('ask-send').click()
    await page.locator('[data-refund=requested]').waitFor()
    await look(visits.buyer, 'refund requested')
    // The next manner requests the same refund.
    await page.getByTestId('refund-withdraw').click()
    await page.locator('[data-refund=requested]').waitFor({ state: 'detached' })
    await look(visits.buyer, 'refund withdrawn')
  })

  test('the chapters in a drawer on a narrow screen', async () => {
    const { page } = visits.buyer
    const wide = page.viewportSize()
    await page.setViewportSize({ width: PHONE.width, height: 844 })
    await visits.buyer.open('/learn/2')
    await page.getByTestId('lesson-body').waitFor()
    await page.getByTestId('open-chapters').click()
    await page.getByRole('dialog', { name: /./ }).waitFor()
    await look(visits.buyer, 'chapters')
    if (wide) await page.setViewportSize(wide)
  })

  test('a failing server, and no network', async () => {
    const { page, context } = visits.newcomer
    await page.route('**/api/orders*', (route) => route.fulfill({ status: 502, body: 'Bad gateway' }))
    await visits.newcomer.open('/orders')
    await page.getByRole('alert').first().waitFor()
    await look(visits.newcomer, 'a server that fails', /502/)
    await page.unroute('**/api/orders*')
    await visits.newcomer.open('/orders')
    await page.locator('.empty').waitFor()
    await context.setOffline(true)
    await page.locator('.offline').waitFor()
    await look(visits.newcomer, 'offline', /ERR_INTERNET_DISCONNECTED/)
    // A page whose code has not been fetched yet.
    await page.locator('header a[href="/"]').first().click()
    await page.getByRole('alert').first().waitFor()
    await look(visits.newcomer, 'a page that cannot be fetched', /ERR_INTERNET_DISCONNECTED/)
    await context.setOffline(false)
  })
})
