/** Returns from the cashier, and orders that change while their page is open: the pages must show the true state. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  type Buyer,
  DESKTOP,
  eventually,
  type Harness,
  logIn,
  openHarness,
  PHONE,
  payAtCashier,
  type Visit,
} from './harness.ts'

let harness: Harness
let visit: Visit
beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())
afterEach(async () => {
  await harness.system.sandbox.notifications(true)
  await visit.close()
  expect(visit.problems).toEqual([])
})

const stateOf = () => visit.page.getByTestId('pay-state').getAttribute('data-state')

/** An order placed over the API, as in another tab. */
async function order(buyer: Buyer, courseIds: number[], total: string) {
  const client = harness.system.client()
  await client.login(buyer.username, buyer.password)
  const { body } = await client.buy(courseIds, total)
  return { client, ...body }
}

const pathOf = (address: string) => address.slice(new URL(address).origin.length)

test('without notifications the return page still says paid, because the shop queries the gateway', async () => {
  await harness.system.sandbox.notifications(false)
  visit = await harness.visitAs(await harness.newBuyer(), PHONE)
  const { page } = visit
  await visit.open('/checkout?courses=2')
  await page.getByTestId('checkout-pay').click()
  await payAtCashier(page, harness.system.sandboxUrl)
  expect(await stateOf()).toBe('paid')
  const orderNo = (await page.getByTestId('pay-order-no').innerText()).trim()
  const [told] = await harness.system.sql<{ n: number }>(
    'select count(*)::int as n from notifications where attempt_no = $1',
    [orderNo],
  )
  expect(told?.n).toBe(0)
  await page.getByTestId('learn-now').click()
  await page.getByTestId('lesson-body').waitFor()
})

test('a return that cannot be confirmed yet says so, and turns to paid when the notification arrives', async () => {
  const buyer = await harness.newBuyer()
  const { payUrl } = await order(buyer, [4], '69.00')
  await harness.system.sandbox.notifications(false)
  const { returnUrl } = await harness.system.sandbox.pay(payUrl)
  // The gateway loses the payment: the return is correctly signed, but the gateway does not confirm it.
  await harness.system.sandbox.send('POST', '/reset', {})

  visit = await harness.visitAs(buyer, DESKTOP)
  const { page } = visit
  await visit.open(pathOf(returnUrl))
  await eventually(stateOf).toBe('confirming')
  await page.getByText('实时更新中').waitFor()
  expect(await page.getByTestId('learn-now').count()).toBe(0)

  await harness.system.sandbox.pay(payUrl)
  await eventually(stateOf).toBe('paid')
  await page.getByTestId('learn-now').waitFor()
})

test('without an event stream the return page polls and still turns to paid', async () => {
  const buyer = await harness.newBuyer()
  const { payUrl } = await order(buyer, [9], '29.00')
  await harness.system.sandbox.notifications(false)
  const { returnUrl } = await harness.system.sandbox.pay(payUrl)
  await harness.system.sandbox.send('POST', '/reset', {})

  visit = await harness.visitAs(buyer, PHONE)
  const { page } = visit
  await page.route('**/api/orders/events?*', (route) => route.fulfill({ status: 502, body: '' }))
  await visit.open(pathOf(returnUrl))
  await eventually(stateOf).toBe('confirming')
  await page.getByText('Checking every few seconds').waitFor()
  await harness.system.sandbox.pay(payUrl)
  await eventually(stateOf).toBe('paid')
  visit.problems.length = 0 // the refused stream, which this test expects
})

test('a return with forged parameters is not trusted: the order stays unpaid and can be paid', async () => {
  const buyer = await harness.newBuyer()
  const { orderNo } = await order(buyer, [6], '59.00')
  visit = await harness.visitAs(buyer, PHONE)
  const { page } = visit
  await visit.open(`/pay/success?out_trade_no=${orderNo}&total_amount=59.00&trade_no=1&sign=AAAA&sign_type=RSA2`)
  await eventually(stateOf).toBe('unpaid')
  expect(await page.getByTestId('pay-trade-no').count()).toBe(0)
  visit.problems.length = 0 // Chromium prints the refused return (400) as an error
  await page.getByTestId('pay-again').click()
  await payAtCashier(page, harness.system.sandboxUrl)
  await eventually(stateOf).toBe('paid')
})

test('a genuine return of another buyer’s order differs from one that cannot be verified', async () => {
  const buyer = await harness.newBuyer()
  const { payUrl, orderNo } = await order(buyer, [6], '59.00')
  const { returnUrl } = await harness.system.sandbox.pay(payUrl)
  visit = await harness.visitAs(await harness.newBuyer(), PHONE)
  const { page } = visit
  await visit.open(pathOf(returnUrl))
  await page.getByRole('heading', { name: 'This payment is not for one of your orders' }).waitFor()
  await visit.open(`/pay/success?out_trade_no=${orderNo}&total_amount=59.00&trade_no=1&sign=AAAA&sign_type=RSA2`)
  await page.getByRole('heading', { name: 'This return could not be verified' }).waitFor()
  visit.problems.length = 0 // the refusals (400, 404), which this test expects
})

test('a buyer who returns logged out logs in, and the return is confirmed with all its parameters', async () => {
  const buyer = await harness.newBuyer()
  const { payUrl, orderNo } = await order(buyer, [6], '59.00')
  const { returnUrl } = await harness.system.sandbox.pay(payUrl)
  visit = await harness.visit(DESKTOP)
  const { page } = visit
  await visit.open(pathOf(returnUrl))
  expect(await page.getByTestId('login-needed').innerText()).toContain('付款')
  await logIn(page, buyer)
  await eventually(stateOf).toBe('paid')
  expect((await page.getByTestId('pay-order-no').innerText()).trim()).toBe(orderNo)
})

test('an order is paid again from its page', async () => {
  const buyer = await harness.newBuyer()
  const { orderNo } = await order(buyer, [2, 3], '99.00')
  visit = await harness.visitAs(buyer, DESKTOP)
  const { page } = visit
  await visit.open('/orders')
  await page.getByRole('link', { name: orderNo }).click()
  await page.waitForURL(`**/orders/${orderNo}`)
  await page.getByTestId('pay-again').click()
  await payAtCashier(page, harness.system.sandboxUrl)
  await eventually(stateOf).toBe('paid')
  expect((await page.getByTestId('pay-order-no').innerText()).trim()).toBe(orderNo)
})

test('an open order page turns to paid when the order is paid elsewhere', async () => {
  const buyer = await harness.newBuyer()
  const { orderNo, payUrl } = await order(buyer, [1], '39.00')
  visit = await harness.visitAs(buyer, PHONE)
  const { page } = visit
  const live = page.waitForResponse(`**/api/orders/events?orderNos=${orderNo}`)
  await visit.open(`/orders/${orderNo}`)
  await live
  const status = () => page.getByTestId('order-status').getAttribute('data-status')
  expect(await status()).toBe('unpaid')
  await harness.system.sandbox.pay(payUrl)
  await eventually(status).toBe('paid')
  await page.getByRole('img', { name: 'Paid' }).waitFor()
})

test('cancelling asks for confirmation, then cancels the order for good', async () => {
  const buyer = await harness.newBuyer()
  const { orderNo, client } = await order(buyer, [4], '69.00')
  visit = await harness.visitAs(buyer, PHONE)
  const { page } = visit
  await visit.open(`/orders/${orderNo}`)
  await page.getByTestId('order-cancel').click()
  await page.getByRole('button', { name: 'Keep it' }).click()
  expect((await client.order(orderNo)).status).toBe('unpaid')
  await page.getByTestId('order-cancel').click()
  await page.getByTestId('order-cancel-yes').click()
  await eventually(() => page.getByTestId('order-status').getAttribute('data-status')).toBe('cancelled')
  expect((await client.order(orderNo)).status).toBe('cancelled')
  expect(await page.getByTestId('pay-again').count()).toBe(0)

  await page.getByRole('link', { name: 'Order again' }).click()
  await page.getByTestId('checkout-pay').click()
  await payAtCashier(page, harness.system.sandboxUrl)
  await eventually(stateOf).toBe('paid')
})
