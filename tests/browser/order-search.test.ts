/** Orders are found by any of their details, filtered by the address, and paged to the first one. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { OWNER, order, paidOrder } from './back-office.ts'
import { DESKTOP, eventually, type Harness, openHarness, type Visit } from './harness.ts'

let harness: Harness
let staff: Visit
beforeAll(async () => {
  harness = await openHarness()
  staff = await harness.visitAs(OWNER, DESKTOP)
})
afterAll(() => harness?.close())

const numbers = () => staff.page.locator('tbody tr .number').allInnerTexts()

async function search(words: string): Promise<void> {
  await staff.page.getByTestId('search-words').fill(words)
  await staff.page.keyboard.press('Enter')
  await staff.page.waitForURL((url) => url.searchParams.get('q') === words)
}

test('orders are found by order number, gateway number, buyer, course, amount and day', async () => {
  const { system } = harness
  const paid = await paidOrder(system, [1, 2], '88.00')
  const others = await Promise.all([order(system, [3], '50.00'), order(system, [4], '0.00').catch(() => undefined)])
  const [trade] = await system.sandbox.trades(paid.orderNo)
  const { username } = (await paid.buyer.call<{ username: string }>('GET', '/api/me')).body

  // Paid with WeChat Pay at the sandbox's cashier.
  const buyer = await harness.newBuyer()
  const visit = await harness.visitAs(buyer, DESKTOP)
  await visit.open('/checkout?courses=2')
  await visit.page.locator('input[value=wechat]').check()
  await visit.page.getByTestId('checkout-pay').click()
  await visit.page.getByTestId('pay-code').waitFor()
  const byWechat = new URL(visit.page.url()).pathname.split('/')[2] ?? ''
  const [phone] = await Promise.all([
    visit.context.waitForEvent('page'),
    visit.page.getByTestId('sandbox-phone').click(),
  ])
  await phone.locator('input[name=login]').fill('buyer@sandbox.example')
  await phone.locator('input[name=password]').fill('111111')
  await phone.getByTestId('phone-login').click()
  await phone.locator('input[name=paymentPassword]').fill('111111')
  await phone.getByTestId('phone-pay').click()
  await phone.getByTestId('phone-success').waitFor()
  await visit.page.bringToFront()
  await eventually(() => visit.page.getByTestId('scan-state').getAttribute('data-state')).toBe('paid')
  await visit.close()
  const [wechat] = await system.sql<{ trade_no: string }>(
    `select trade_no from payment_attempts where provider = 'wechat' and status = 'paid'`,
  )

  const { page } = staff
  await staff.open('/admin/orders')
  const finds = async (words: string, wanted: readonly string[]) => {
    await search(words)
    await eventually(async () => [words, (await numbers()).toSorted()]).toEqual([words, wanted.toSorted()])
  }
  await finds(paid.orderNo, [paid.orderNo])
  await finds(trade?.tradeNo ?? '', [paid.orderNo])
  await finds(wechat?.trade_no ?? '', [byWechat])
  await finds(username, [paid.orderNo])
  await finds(buyer.username.slice(0, 8), [byWechat])
  await finds('Python 从零', [paid.orderNo])
  await finds('算法，用纸笔', [paid.orderNo, byWechat])
  await finds('88', [paid.orderNo])
  await finds('88.00', [paid.orderNo])
  await finds('49.00', [byWechat])
  await page.getByRole('button', { name: '清除筛选' }).click()

  // One filter after the other; each is part of the address.
  await page.getByLabel('状态').selectOption('paid')
  await eventually(async () => (await numbers()).toSorted()).toEqual([paid.orderNo, byWechat].toSorted())
  await page.getByLabel('支付方式').selectOption('wechat')
  await page.waitForURL('**/admin/orders?status=paid&payType=wechat')
  await eventually(numbers).toEqual([byWechat])
  await page.reload()
  await eventually(numbers).toEqual([byWechat])
  await page.getByRole('button', { name: '清除筛选' }).click()
  await system.sql(`update orders set created_at = '2026-03-05T23:59:59+08:00' where order_no = $1`, [paid.orderNo])
  await page.locator('input[type=date]').first().fill('2026-03-05')
  await page.locator('input[type=date]').last().fill('2026-03-05')
  await page.waitForURL((url) => url.searchParams.get('from') === '2026-03-05' && url.searchParams.has('to'))
  await eventually(numbers).toEqual([paid.orderNo])
  await page.locator('input[type=date]').last().fill('2026-03-04')
  await page.locator('input[type=date]').first().fill('2026-03-04')
  await page.getByText('没有符合条件的订单').waitFor()
  expect(others[0]?.orderNo).toBeTruthy()
  expect(staff.problems).toEqual([])
})

test('older orders load page by page, with none missing and none twice', async () => {
  await Promise.all(Array.from({ length: 45 }, () => order(harness.system, [1], '39.00')))
  const all = await harness.system.sql<{ order_no: string }>('select order_no from orders order by id desc')
  await staff.open('/admin/orders')
  const more = staff.page.getByRole('button', { name: '查看更早' })
  await more.waitFor()
  expect((await numbers()).length).toBeLessThan(all.length)
  await eventually(async () => {
    if ((await more.count()) > 0) await more.click()
    return (await numbers()).length
  }).toBe(all.length)
  expect(await numbers()).toEqual(all.map((row) => row.order_no))
  await eventually(() => more.count()).toBe(0)
  expect(staff.problems).toEqual([])
})
