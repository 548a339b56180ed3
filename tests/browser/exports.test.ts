/** Orders as a file: begun on the page of orders, left, come back to, downloaded and read; by mouse and by keyboard. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { wrongs } from './axe.ts'
import { OWNER } from './desk-world.ts'
import { DESK, eventually, jumped, openStage, PHONE, type Stage, settled } from './stage.ts'

const ORDERS = 20_000

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
  await stage.system.sql(
    `insert into orders (order_no, user_id, subject, total_fen, pay_type, status, course_ids, created_at, expires_at, closed_at)
     select md5(n::text), u.id, '摄影入门', 3900, 'alipay', 'cancelled', array[1], now(), now(), now()
     from generate_series(1, $1::int) n, users u where u.username = 'admin'`,
    [ORDERS],
  )
})
afterAll(() => stage?.close())

test('an export is begun with the filters, left, come back to, downloaded and read; then one is stopped by the keyboard', async () => {
  const { page, open, problems } = await stage.visitAs(OWNER, DESK)
  await open('/admin/orders?status=cancelled')
  await page.getByTestId('orders-export').click()
  await page.waitForURL('**/admin/exports')
  await page.locator('[data-export=running] progress').waitFor()
  await page.locator('nav a[href="/admin/refunds"]').click()
  await page.waitForURL('**/admin/refunds')
  await page.goBack()
  const row = page.locator('[data-export]').first()
  await row.waitFor()
  const seen = await row.getAttribute('data-export')
  expect(['running', 'done']).toContain(seen)
  await page.locator('[data-export=done]').waitFor({ timeout: 60_000 })
  expect(await row.innerText()).toContain(`${ORDERS} 笔`)
  expect(await page.locator('tbody tr').first().innerText()).toContain('已取消')
  await settled(page)
  expect(await jumped(page)).toBe(0)
  expect(await wrongs(page)).toEqual([])
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('export-download').click()])
  expect(download.suggestedFilename()).toMatch(/^orders-\d{4}-\d{2}-\d{2}\.csv$/)
  const bytes = await readFile(await download.path())
  expect([...bytes.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf])
  const lines = bytes.toString('utf8').trimEnd().split('\r\n')
  expect(lines).toHaveLength(ORDERS + 1)
  expect(new Set(lines).size).toBe(lines.length)
  expect(lines[1]).toContain('"摄影入门"')

  await page.locator('tbody tr a').first().click()
  await page.waitForURL('**/admin/orders?status=cancelled')
  await page.getByTestId('orders-export').focus()
  await page.keyboard.press('Enter')
  await page.waitForURL('**/admin/exports')
  await page.getByTestId('export-stop').focus()
  await page.keyboard.press('Enter')
  await page.locator('[data-export=cancelled]').waitFor()
  expect(problems).toEqual([])
})

test('a login that has ended leads to the login page, and not to a file with an error in it', async () => {
  const { page, open } = await stage.visitAs(OWNER, PHONE)
  await open('/admin/exports')
  await page.getByTestId('export-download').waitFor()
  await stage.system.sql('update sessions set ended_at = now() where ended_at is null')
  const downloads: unknown[] = []
  page.on('download', (download) => downloads.push(download))
  await page.getByTestId('export-download').click()
  await page.getByTestId('login-username').waitFor()
  expect(new URL(page.url()).searchParams.get('next')).toBe('/exports')
  expect(downloads).toEqual([])
  await eventually(() => page.locator('h1').count()).toBe(1)
})
