/** Export of orders: downloaded with the filters of the page, by mouse and keyboard; an error is never saved as a file. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { violations } from './accessibility.ts'
import { OWNER } from './back-office.ts'
import { contentOf } from './browser.ts'
import { DESKTOP, eventually, type Harness, jumped, openHarness, PHONE, settled } from './harness.ts'

const ORDERS = 20_000

let harness: Harness
beforeAll(async () => {
  harness = await openHarness()
  await harness.system.sql(
    `insert into orders (order_no, user_id, subject, total_fen, pay_type, status, course_ids, created_at, expires_at, closed_at)
     select md5(n::text), u.id, '摄影入门', 3900, 'alipay', 'cancelled', array[1], now(), now(), now()
     from generate_series(1, $1::int) n, users u where u.username = 'admin'`,
    [ORDERS],
  )
})
afterAll(() => harness?.close())

test('filtered orders are downloaded as CSV, by mouse and by keyboard', async () => {
  const { page, open, problems } = await harness.visitAs(OWNER, DESKTOP)
  await open('/admin/orders?status=cancelled')
  await page.locator('tbody tr').first().waitFor()
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('orders-download').click()])
  expect(download.suggestedFilename()).toMatch(/^orders-\d{4}-\d{2}-\d{2}\.csv$/)
  const bytes = await contentOf(download)
  expect([...bytes.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf])
  const lines = bytes.toString('utf8').trimEnd().split('\r\n')
  expect(lines).toHaveLength(ORDERS + 1)
  expect(new Set(lines).size).toBe(lines.length)
  expect(lines[1]).toContain('"摄影入门"')
  await settled(page)
  expect(await jumped(page)).toBe(0)
  expect(await violations(page)).toEqual([])

  await open('/admin/orders?q=nobody')
  await page.getByTestId('orders-download').focus()
  const [empty] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')])
  expect((await contentOf(empty)).toString('utf8').trimEnd().split('\r\n')).toHaveLength(1)
  expect(problems).toEqual([])
})

test('a download that breaks off fails in the browser', async () => {
  const { page, open } = await harness.visitAs(OWNER, DESKTOP)
  await open('/admin/orders?status=cancelled')
  await page.getByTestId('orders-download').waitFor()
  // Only the file still needs it: the list on the page is loaded already.
  await harness.system.sql('alter table order_payments rename to order_payments_away')
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('orders-download').click()])
  const failure = await download.failure()
  await harness.system.sql('alter table order_payments_away rename to order_payments')
  expect(failure).not.toBeNull()
})

test('a download after the session has ended asks for a login, and never saves an error as a file', async () => {
  const { page, open } = await harness.visitAs(OWNER, PHONE)
  const end = () => harness.system.sql('update sessions set ended_at = now() where ended_at is null')
  await open('/admin/orders?status=cancelled')
  await page.getByTestId('orders-download').waitFor()
  await end()
  const downloads: unknown[] = []
  page.on('download', (download) => downloads.push(download))
  await page.getByTestId('orders-download').click()
  await page.getByTestId('barrier-password').fill(OWNER.password)
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByTestId('barrier-go').click()])
  expect(file.suggestedFilename()).toMatch(/\.csv$/)

  // An old proof is renewed before the browser fetches the file.
  await harness.system.sql("update sessions set proved_at = now() - interval '11 minutes'")
  await page.getByTestId('orders-download').click()
  await page.getByTestId('barrier-proof').waitFor()
  await page.getByTestId('barrier-password').fill(OWNER.password)
  await Promise.all([page.waitForEvent('download'), page.getByTestId('barrier-go').click()])
  expect(downloads).toHaveLength(2)

  await end()
  await page.getByTestId('orders-download').click()
  await page.getByTestId('barrier-leave').click()
  await page.getByTestId('login-username').waitFor()
  expect(new URL(page.url()).searchParams.get('next')).toBe('/orders?status=cancelled')
  expect(downloads).toHaveLength(2)
  await eventually(() => page.locator('h1').count()).toBe(1)
})
