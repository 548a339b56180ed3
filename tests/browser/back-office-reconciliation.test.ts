/** Staff reconcile a day and run a failed job again. The clock of the gateway is moved ahead by a day. */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { deadJob, endDay, OWNER, unreportedOrder } from './back-office.ts'
import { DESKTOP, type Harness, openHarness, type Visit } from './harness.ts'

let harness: Harness
let staff: Visit
let page: Page

beforeAll(async () => {
  harness = await openHarness()
  staff = await harness.visitAs(OWNER, DESKTOP)
  page = staff.page
})
afterAll(() => harness?.close())

// From here on the gateway's clock is a day ahead: nothing more can be paid.
test('staff reconcile a day and repair its difference; the audit log records it', async () => {
  const unreported = await unreportedOrder(harness.system)
  const day = await endDay(harness.system)
  await staff.open('/admin/reconciliation')
  await page.getByTestId('reconcile-day').fill(day)
  await page.getByTestId('reconcile-run').click()
  const row = page.locator('tbody tr').filter({ hasText: day })
  await row.locator('[data-status=done]').waitFor() // the page follows the run
  await row.getByRole('link', { name: day }).click()

  const difference = page.locator('tbody tr').filter({ hasText: unreported.orderNo })
  await difference.locator('[data-difference=PAID_THERE_UNPAID_HERE]').waitFor()
  await difference.locator('[data-repair=settle]').click()
  await page.getByTestId('decide-words').fill('通知没有送达')
  await page.getByTestId('decide-yes').click()
  await difference.getByText('admin · 查询并入账').waitFor()
  expect((await unreported.buyer.order(unreported.orderNo)).status).toBe('paid')
  expect(await unreported.buyer.ownedIds()).toEqual([1])

  await staff.open('/admin/audit')
  await page.locator('tbody tr').filter({ hasText: '修复对账差异' }).filter({ hasText: '通知没有送达' }).waitFor()
  expect(staff.problems).toEqual([])
})

test('a failed job is run again', async () => {
  await deadJob(harness.system)
  await staff.open('/admin/jobs')
  await page.getByText('refundId is no number').waitFor()
  const answered = page.waitForResponse((response) => response.url().endsWith('/run-again') && response.ok())
  await page.getByTestId('run-again').click()
  await answered
  await page.getByText('没有失败的任务').waitFor()
  expect(staff.problems).toEqual([])
})
