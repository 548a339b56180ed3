/** Refunds in the back office: by staff, and as buyers request them. */
import type { Page, Route } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { violations } from './accessibility.ts'
import { OWNER, paidOrder } from './back-office.ts'
import { type Buyer, DESKTOP, eventually, type Harness, openHarness, PHONE, type Visit } from './harness.ts'

let harness: Harness
let staff: Visit
let page: Page

beforeAll(async () => {
  harness = await openHarness()
  staff = await harness.visitAs(OWNER, DESKTOP)
  page = staff.page
})
afterAll(() => harness?.close())

const refundedAtGateway = async (orderNo: string) => (await harness.system.sandbox.trades(orderNo))[0]?.refundedAmount

/** A buyer with a paid order that is open in a browser. */
async function buyerWith(courseIds: readonly number[], total: string, manner = PHONE) {
  const buyer: Buyer = await harness.newBuyer()
  const client = harness.system.client()
  await client.login(buyer.username, buyer.password)
  const { body } = await client.buy(courseIds, total)
  await harness.system.sandbox.pay(body.payUrl)
  await eventually(async () => (await client.order(body.orderNo)).status).toBe('paid')
  const visit = await harness.visitAs(buyer, manner)
  return { client, visit, orderNo: body.orderNo }
}

test('a partial refund is previewed, sent once, and visible to the buyer and at the gateway', async () => {
  const { client, visit, orderNo } = await buyerWith([1, 2, 3], '138.00')
  await visit.open(`/orders/${orderNo}`)

  await staff.open(`/admin/orders?q=${orderNo}`)
  await page.getByRole('link', { name: orderNo }).click()
  await page.getByTestId('order-refund').click()
  const dialog = page.locator('dialog[open]')

  // An invalid refund is not sent.
  await dialog.getByTestId('refund-preview').click()
  await dialog.getByText('请至少选择一门课程').waitFor()
  await dialog.getByTestId('refund-line-1').check()
  await dialog.getByTestId('refund-line-2').check()
  await dialog.getByTestId('refund-amount-2').fill('49.01')
  await dialog.getByTestId('refund-preview').click()
  await dialog.getByText('最多可退 ¥49.00').waitFor()
  await dialog.getByTestId('refund-amount-2').fill('9.9')
  await dialog.getByTestId('refund-preview').click()
  await dialog.getByText('请填写理由').waitFor()
  await dialog.getByTestId('refund-reason').fill('与买家商定')
  await dialog.getByTestId('refund-preview').click()

  // The amount, the access that ends, and the state of the order afterwards.
  await eventually(() => dialog.getByTestId('refund-amount').innerText()).toBe('¥48.90')
  expect(await dialog.locator('[data-takes=true]').innerText()).toContain('Python 从零写起')
  expect(await dialog.locator('[data-takes=false]').innerText()).toContain('算法，用纸笔想清楚')
  await dialog.getByText('部分退款').waitFor()
  expect(await refundedAtGateway(orderNo)).toBe('0.00')

  await dialog.getByTestId('refund-send').dblclick()
  await dialog.waitFor({ state: 'detached' })
  await page.locator('[data-refund][data-status=succeeded]').waitFor() // the page updates without a reload
  await page.locator('[data-access=revoked]').waitFor()
  expect(await page.locator('[data-access=active]').count()).toBe(2)
  expect(await page.locator('[data-refund]').count()).toBe(1)
  await eventually(() => page.getByTestId('time-line').innerText()).toContain('退款到账')

  expect(await refundedAtGateway(orderNo)).toBe('48.90')
  expect(await client.ownedIds()).toEqual([2, 3])
  await visit.page.reload()
  await eventually(() => visit.page.locator('[data-refund]').getAttribute('data-refund')).toBe('succeeded')
  expect(await visit.page.getByTestId('line-refunded').allInnerTexts()).toEqual(['¥39.00 refunded', '¥9.90 refunded'])
  expect(await visit.page.getByTestId('order-status').innerText()).toBe('Partly refunded')
  expect([...visit.problems, ...staff.problems]).toEqual([])
  await visit.close()
})

test('a refund whose response is lost is sent again and created once; one that exceeds the balance is refused', async () => {
  const { orderNo, buyer } = await paidOrder(harness.system, [1, 2], '88.00')
  await staff.open(`/admin/orders/${orderNo}`)
  const dialog = page.locator('dialog[open]')
  const begin = async (line: number) => {
    await page.getByTestId('order-refund').click()
    const box = dialog.getByTestId(`refund-line-${line}`)
    await box.check()
    await dialog.getByTestId('refund-reason').fill('与买家商定')
    await dialog.getByTestId('refund-preview').click()
    await dialog.getByTestId('refund-send').waitFor()
  }
  await begin(1)
  const lose = async (route: Route) => {
    await route.fetch()
    await route.abort('connectionreset')
  }
  await page.route('**/refunds', lose, { times: 1 })
  await dialog.getByTestId('refund-send').click()
  await dialog.getByRole('alert').getByText('网络似乎断开了').waitFor()
  await dialog.getByTestId('refund-send').click()
  await dialog.waitFor({ state: 'detached' })
  await page.locator('[data-refund][data-status=succeeded]').waitFor()
  expect(await refundedAtGateway(orderNo)).toBe('39.00')
  staff.problems.length = 0 // the lost answer, which Chromium prints as an error

  // After the preview, before the button is pressed, the buyer requests the same refund.
  await begin(2)
  await buyer.call('POST', `/api/orders/${orderNo}/refunds`, { courseIds: [2], reason: 'mine' })
  await dialog.getByTestId('refund-send').click()
  await dialog.getByRole('alert').locator('strong').waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  await page.locator('[data-refund][data-status=requested]').waitFor() // the page shows the request
  expect(await refundedAtGateway(orderNo)).toBe('39.00')
  staff.problems.length = 0 // an expected refusal, which Chromium prints as an error
})

test('a buyer requests a refund, staff approve it, and the buyer’s page follows', async () => {
  const { client, visit, orderNo } = await buyerWith([1, 2], '88.00')
  const buyer = visit.page
  await visit.open(`/orders/${orderNo}`)
  await buyer.getByTestId('refund-ask').click()
  const request = buyer.locator('dialog[open]')
  await request.getByTestId('ask-line-1').check()
  await request.getByTestId('ask-send').click()
  await request.getByText('Please give a reason').waitFor()
  await request.getByTestId('ask-reason').fill('Not what I was looking for')
  await request.getByText('¥39.00 will be refunded').waitFor()
  expect(await violations(buyer)).toEqual([])
  await request.getByTestId('ask-send').click()
  await request.waitFor({ state: 'detached' })
  await buyer.locator('[data-refund=requested]').waitFor()
  expect(await violations(buyer)).toEqual([])

  await staff.open('/admin/refunds?status=requested')
  const card = page.locator('[data-refund]').filter({ hasText: orderNo })
  await card.getByText('Not what I was looking for').waitFor()
  await card.getByTestId('refund-approve').click()
  await page.locator('dialog[open]').getByText('收回学习权限').waitFor()
  await page.getByTestId('decide-yes').click()
  await card.waitFor({ state: 'detached' }) // decided: no longer in the queue

  await buyer.locator('[data-refund=succeeded]').waitFor() // while the buyer has the page open
  expect(await refundedAtGateway(orderNo)).toBe('39.00')
  expect(await client.ownedIds()).toEqual([2])
  expect([...visit.problems, ...staff.problems]).toEqual([])
  await visit.close()
})

test('a refund made meanwhile lowers what can be requested: the dialog shows the new amount', async () => {
  const { visit, orderNo } = await buyerWith([1, 2], '88.00')
  const buyer = visit.page
  await visit.open(`/orders/${orderNo}`)
  await buyer.getByTestId('refund-ask').click()
  const request = buyer.locator('dialog[open]')
  await request.getByTestId('ask-line-1').check()
  await request.getByTestId('ask-line-2').check()
  await request.getByTestId('ask-reason').fill('I changed my mind')
  await request.getByText('¥88.00 will be refunded').waitFor()
  await harness.system.sql(
    `with paid as (update payment_attempts set refunded_fen = 2000 where attempt_no = $1 returning id, order_id)
     insert into refunds (request_no, order_id, attempt_id, amount_fen, status, reason, requested_by, requested_at, finished_at, made_at)
     select 'BY-HAND', order_id, id, 2000, 'succeeded', '', 'shop', now(), now(), now() from paid`,
    [orderNo],
  )
  await request.getByTestId('ask-send').click()
  await request.getByText('The refundable amount has changed').waitFor()
  await request.getByText('¥68.00 will be refunded').waitFor()
  await request.getByTestId('ask-send').click()
  await request.waitFor({ state: 'detached' })
  await buyer.locator('[data-refund=requested]').getByText('¥68.00').waitFor()
  await buyer.getByTestId('refund-withdraw').click()
  await buyer.locator('[data-refund=withdrawn]').waitFor()
  visit.problems.length = 0 // an expected refusal, which Chromium prints as an error
  await visit.close()
})

test('a buyer withdraws a refund request; staff decline another with an answer', async () => {
  const { client, visit, orderNo } = await buyerWith([1], '39.00')
  const buyer = visit.page
  await visit.open(`/orders/${orderNo}`)
  const ask = async () => {
    await buyer.getByTestId('refund-ask').click()
    await buyer.getByTestId('ask-reason').fill('I changed my mind')
    await buyer.getByTestId('ask-send').click()
    await buyer.locator('[data-refund=requested]').waitFor()
  }
  await ask()
  await buyer.getByTestId('refund-withdraw').click()
  await buyer.locator('[data-refund=withdrawn]').waitFor()

  await ask()
  await staff.open(`/admin/orders/${orderNo}`)
  await page.getByTestId('refund-decline').click()
  await page.getByTestId('decide-yes').click()
  await page.locator('dialog[open]').getByText('请填写').waitFor() // the buyer must get an answer
  await page.getByTestId('decide-words').fill('课程已学完大半')
  await page.getByTestId('decide-yes').click()
  await page.locator('[data-refund][data-status=declined]').waitFor()
  await buyer.getByText('The shop’s answer: 课程已学完大半').waitFor()
  expect(await client.ownedIds()).toEqual([1])
  expect(await refundedAtGateway(orderNo)).toBe('0.00')
  expect([...visit.problems, ...staff.problems]).toEqual([])
  await visit.close()
})
