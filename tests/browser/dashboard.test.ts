/** The dashboard: its figures match the sales and refunds of the chosen days, in both languages. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { violations } from './accessibility.ts'
import { OWNER, order, paidOrder } from './back-office.ts'
import { DESKTOP, eventually, type Harness, openHarness, PHONE, settled } from './harness.ts'

let harness: Harness
beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())

test('sales and refunds add up for each range of days', async () => {
  const { system } = harness
  const refunded = await paidOrder(system, [1, 2], '88.00')
  const earlier = await paidOrder(system, [1], '39.00')
  await order(system, [1], '39.00')
  const owner = system.client()
  await owner.login(OWNER.username, OWNER.password)
  await owner.call('POST', `/api/admin/orders/${refunded.orderNo}/refunds`, {
    lines: [{ courseId: 2, amount: '9.90' }],
    amount: '9.90',
    reason: '与买家商定',
  })
  await eventually(async () => (await refunded.buyer.order(refunded.orderNo)).status).toBe('partially_refunded')
  await system.sql(
    `update orders set created_at = created_at - interval '10 days', paid_at = paid_at - interval '9 days 22 hours' where order_no = $1`,
    [earlier.orderNo],
  )
  await system.sql(
    `update order_payments p set paid_at = o.paid_at - interval '2 hours' from orders o where o.id = p.order_id and o.order_no = $1`,
    [earlier.orderNo],
  )
  await system.sql('delete from sales_days')

  const { page, open, problems, close } = await harness.visitAs(OWNER, DESKTOP)
  await open('/admin/dashboard')
  const figure = (name: string) => page.getByTestId(`dashboard-${name}`).innerText()
  await page.getByText('尚未统计').waitFor()
  await page.getByTestId('count-now').click()
  await eventually(() => figure('net')).toBe('¥117.10')
  await page.getByText(/统计于 \d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}/).waitFor()
  expect(await figure('sales')).toBe('¥127.00')
  expect(await figure('refunds')).toBe('¥9.90')
  expect(await figure('conversion')).toMatch(/^66\.6 %\s*2 \/ 3 笔$/)
  // One waited a moment, one two hours: the median is a moment, the 95th percentile two hours.
  expect(await figure('access')).toMatch(/^\d+ 秒\s*95% 在 2 小时内$/)
  const rows = (part: string) => page.getByTestId(part).locator('tbody tr').allInnerTexts()
  const cells = async (part: string) => (await rows(part)).map((row) => row.split(/\s*[\t\n]\s*/))
  expect(await cells('by-course')).toEqual([
    ['Python 从零写起', '2', '¥78.00', '¥0.00', '¥78.00'],
    [expect.any(String), '1', '¥49.00', '¥9.90', '¥39.10'],
  ])
  expect(await cells('by-method')).toEqual([['支付宝', '2', '¥127.00', '¥9.90', '¥117.10']])
  // Four charts, each with a name and some data.
  const canvases = page.locator('canvas[role=img][aria-label]')
  expect(await canvases.count()).toBe(4)
  const empty = `[...document.querySelectorAll('canvas')].filter((each) =>
    each.getContext('2d').getImageData(0, 0, each.width, each.height).data.every((value) => value === 0)).length`
  await eventually(() => page.evaluate<number>(empty)).toBe(0)
  // The same data as a table, for readers who cannot see the chart.
  await page.locator('summary').click()
  const today = page.locator('details tbody tr').first()
  expect(await today.innerText()).toMatch(/1\s+¥88\.00\s+¥9\.90\s+¥78\.10\s+2\s+1\s+50 %$/)
  expect(await violations(page)).toEqual([])

  await page.getByRole('link', { name: '7 天' }).click()
  await page.waitForURL('**/admin/dashboard?days=7')
  await eventually(() => figure('net')).toBe('¥78.10')
  expect(await figure('conversion')).toMatch(/^50 %/)
  await page.getByRole('link', { name: '90 天' }).click()
  await eventually(() => figure('net')).toBe('¥117.10')
  await page.goBack()
  await eventually(() => figure('net')).toBe('¥78.10')
  expect(problems).toEqual([])
  await close()

  const phone = await harness.visitAs(OWNER, PHONE)
  await phone.open('/admin/dashboard?days=366')
  await settled(phone.page)
  await eventually(() => phone.page.getByTestId('dashboard-conversion').innerText()).toMatch(
    /^66\.6 %\s*2 of 3 orders$/,
  )
  expect(await phone.page.getByTestId('dashboard-access').innerText()).toMatch(/95% within 2 h$/)
  expect(await violations(phone.page)).toEqual([])
  expect(phone.problems).toEqual([])
  await phone.close()
})
