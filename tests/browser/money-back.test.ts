/** Sending a refused refund again, and refunding an unmatched payment. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { violations } from './accessibility.ts'
import { OWNER, paidOrder, unmatchedPayment } from './back-office.ts'
import { DESKTOP, eventually, type Harness, openHarness, type Visit } from './harness.ts'

let harness: Harness
let staff: Visit
beforeAll(async () => {
  harness = await openHarness()
  staff = await harness.visitAs(OWNER, DESKTOP)
})
afterAll(() => harness?.close())

const refundedThere = async (orderNo: string) => (await harness.system.sandbox.trades(orderNo))[0]?.refundedAmount

test('a refund that the gateway refused is sent again under the same number, and paid once', async () => {
  const { orderNo } = await paidOrder(harness.system, [1], '39.00')
  await harness.system.sandbox.send('POST', '/faults', {
    kind: 'business-error',
    method: 'alipay.trade.refund',
    scope: { outTradeNo: orderNo },
    subCode: 'ACQ.TRADE_NOT_ALLOW_REFUND',
  })
  const { page } = staff
  await staff.open(`/admin/orders/${orderNo}`)
  await page.getByTestId('order-refund').click()
  const dialog = page.locator('dialog[open]')
  await dialog.getByTestId('refund-line-1').check()
  await dialog.getByTestId('refund-reason').fill('与买家商定')
  await dialog.getByTestId('refund-preview').click()
  await dialog.getByTestId('refund-send').click()
  await dialog.waitFor({ state: 'detached' })
  // Sent again, and accepted by the gateway.
  await harness.system.sql('update refunds set tries = 3')
  const refused = page.locator('[data-refund][data-status=refused]')
  await refused.waitFor({ timeout: 40_000 })
  await harness.system.sandbox.send('DELETE', '/faults')
  expect(await refundedThere(orderNo)).toBe('0.00')
  const number = await refused.getAttribute('data-refund')

  await refused.getByRole('button', { name: '再次发送' }).click()
  expect(await violations(page)).toEqual([])
  await page.getByTestId('decide-yes').click()
  await page.locator(`[data-refund="${number}"][data-status=succeeded]`).waitFor()
  expect(await page.locator('[data-refund]').count()).toBe(1)
  expect(await refundedThere(orderNo)).toBe('39.00')
  expect(staff.problems).toEqual([])
})

test('an unmatched payment is refunded from the list, once, with a reason', async () => {
  const client = harness.system.client()
  await client.login(OWNER.username, OWNER.password)
  const orderNo = await unmatchedPayment(harness.system, client)
  const { page } = staff
  await staff.open('/admin/unmatched-payments')
  await page.getByTestId('unmatched-refund').click()
  const dialog = page.locator('dialog[open]')
  await dialog.getByText('¥39.00').first().waitFor()
  await dialog.getByTestId('decide-yes').click()
  await dialog.getByText('请填写').waitFor()
  expect(await violations(page)).toEqual([])
  expect(await refundedThere(orderNo)).toBe('0.00')
  await dialog.getByTestId('decide-words').fill('没有对应的订单')
  await dialog.getByTestId('decide-yes').dblclick()
  await dialog.waitFor({ state: 'detached' })
  await eventually(() => refundedThere(orderNo)).toBe('39.00')
  await eventually(async () => {
    await staff.open('/admin/unmatched-payments?state=resolved')
    await page.locator('h1').waitFor()
    return page.locator('[data-resolution=refunded]').count()
  }).toBe(1)
  const refunds = await harness.system.sql('select status, reason from refunds where unmatched_id is not null')
  expect(refunds).toHaveLength(1)
  expect(staff.problems).toEqual([])
})
