/** A gateway that does not answer, double payments, and texts with the method's name: on every page that shows a payment. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { violations } from './accessibility.ts'
import { OWNER } from './back-office.ts'
import {
  type Buyer,
  DESKTOP,
  eventually,
  type Harness,
  type Manner,
  openHarness,
  PHONE,
  settled,
  type Visit,
} from './harness.ts'
import { shoot } from './screenshots.ts'

let harness: Harness
let buyer: Buyer
const visits: Visit[] = []
beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())
afterEach(async () => {
  await harness.system.sandbox.send('DELETE', '/faults')
  await harness.system.sandbox.notifications(true)
  for (const visit of visits.splice(0)) {
    expect(visit.problems).toEqual([])
    await visit.close()
  }
})

async function visitAs(who: Buyer, manner: Manner): Promise<Visit> {
  const visit = await harness.visitAs(who, manner)
  visits.push(visit)
  return visit
}

const WECHAT_BROWSER =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 MicroMessenger/8.0.50 NetType/WIFI Language/zh_CN'

type PayType = 'alipay' | 'wechat'

async function unpaidOrder(payType: PayType) {
  buyer = await harness.newBuyer()
  const client = harness.system.client()
  await client.login(buyer.username, buyer.password)
  const body = { courseIds: [1], totalAmount: '39.00', payType }
  const { orderNo, payUrl } = (await client.call<{ orderNo: string; payUrl: string }>('POST', '/api/orders', body)).body
  return { client, orderNo, payUrl }
}

/** From now on the gateway does not answer about the attempt. */
const silence = (attemptNo: string) =>
  harness.system.sandbox.send('POST', '/faults', { kind: 'http-500', scope: { outTradeNo: attemptNo } })

const MANNERS = [
  ['1280 pixels, Chinese', DESKTOP],
  ['390 pixels, English', PHONE],
] as const satisfies (readonly [string, Manner])[]

/** The elements that call it unpaid, or offer to pay as the page's main action. */
const UNPAID = /还没有付款$|待付款|我们没有收到|Not paid yet$|Unpaid|not received a payment/
const MAIN_PAY = '.button.primary[data-testid=pay-again], .button.tight'

describe.each(['wechat', 'alipay'] as const)('%s does not answer', (payType) => {
  describe.each(MANNERS)('%s', (_, manner) => {
    test('the return page, the order, the list and the pay page say that the payment is unknown, and query again', async () => {
      const { orderNo } = await unpaidOrder(payType)
      await silence(orderNo)
      const visit = await visitAs(buyer, manner)
      const wechatBrowser = await visitAs(buyer, { ...manner, userAgent: WECHAT_BROWSER })
      const pages = [
        ['return', `/pay/success?order=${orderNo}`, 'h1'],
        ['order', `/orders/${orderNo}`, '[data-testid=payment-unknown]'],
        ['list', '/orders', '[data-testid=order-status]'],
        ['elsewhere', `/orders/${orderNo}/elsewhere`, '[data-testid=payment-unknown]'],
        ...(payType === 'wechat' ? [['scan', `/orders/${orderNo}/pay`, '[data-testid=payment-unknown]'] as const] : []),
      ] as const
      for (const [name, path, shows] of pages) {
        const at = name === 'elsewhere' ? wechatBrowser : visit
        const { page } = at
        await at.open(path)
        await page.locator(shows).first().waitFor()
        await settled(page)
        const text = await page.locator('main').innerText()
        const lines = text.split('\n').filter((line) => UNPAID.test(line.trim()))
        expect({
          name,
          lines,
          pays: await page
            .locator(MAIN_PAY)
            .filter({ hasText: /付款|Pay/ })
            .count(),
        }).toEqual({
          name,
          lines: [],
          pays: 0,
        })
        expect(text).toMatch(/支付平台没有回应|待核实|payment platform is not responding|Checking payment/)
        if (payType === 'wechat') expect(text).not.toMatch(/支付宝已|Alipay has/)
        expect(await violations(page)).toEqual([])
        await shoot(page, 'shop', `unanswered ${payType} ${name}`, manner)
      }

      // The gateway answers again, and the page shows its answer.
      await harness.system.sandbox.send('DELETE', '/faults')
      const { page } = visit
      await visit.open(`/pay/success?order=${orderNo}`)
      await eventually(() => page.getByTestId('pay-state').getAttribute('data-state')).toBe('unpaid')
      await page.getByTestId('pay-again').waitFor()
    })
  })
})

test('the button queries the gateway again, and a buyer who has paid sees it', async () => {
  const { orderNo, payUrl } = await unpaidOrder('alipay')
  await harness.system.sandbox.notifications(false)
  await harness.system.sandbox.pay(payUrl)
  await silence(orderNo)
  const visit = await visitAs(buyer, PHONE)
  const { page } = visit
  await visit.open(`/pay/success?order=${orderNo}`)
  await eventually(() => page.getByTestId('pay-state').getAttribute('data-state')).toBe('unanswered')
  expect(await page.getByTestId('pay-again').count()).toBe(0)
  const answered = page.waitForResponse(`**/api/orders/${orderNo}/ask`)
  await page.getByTestId('ask-gateway').click()
  expect(await (await answered).json()).toMatchObject({ status: 'unpaid', paymentCheck: 'unanswered' })
  await harness.system.sandbox.send('DELETE', '/faults')
  await page.getByTestId('ask-gateway').click()
  await eventually(() => page.getByTestId('pay-state').getAttribute('data-state')).toBe('paid')
})

test('a signed return that the gateway does not confirm stays in confirmation and says why', async () => {
  const { orderNo, payUrl } = await unpaidOrder('alipay')
  await harness.system.sandbox.notifications(false)
  const { returnUrl } = await harness.system.sandbox.pay(payUrl)
  await silence(orderNo)
  const visit = await visitAs(buyer, DESKTOP)
  const { page } = visit
  const { pathname, search } = new URL(returnUrl)
  await visit.open(pathname + search)
  await eventually(() => page.getByTestId('pay-state').getAttribute('data-state')).toBe('confirming')
  await page.getByText('支付平台暂时没有回应').waitFor()
})

test('the order’s page in the back office names the attempt that the gateway did not answer about', async () => {
  const { orderNo } = await unpaidOrder('wechat')
  await silence(orderNo)
  const visit = await visitAs(buyer, DESKTOP)
  await visit.open(`/pay/success?order=${orderNo}`)
  await eventually(() => visit.page.getByTestId('pay-state').getAttribute('data-state')).toBe('unanswered')
  const staff = await visitAs(OWNER, DESKTOP)
  await staff.open(`/admin/orders/${orderNo}`)
  await staff.page.getByTestId('unanswered').waitFor()
  expect(await violations(staff.page)).toEqual([])
  await shoot(staff.page, 'back-office', 'an order without an answer', DESKTOP)
})

test.each(MANNERS)(
  '%s: after a second payment the success page and the order’s page announce its refund',
  async (_, manner) => {
    const { client, orderNo, payUrl } = await unpaidOrder('alipay')
    const again = await client.call<{ payUrl: string }>('POST', `/api/orders/${orderNo}/payment`, { payType: 'alipay' })
    await harness.system.sandbox.pay(again.body.payUrl)
    await eventually(async () => (await client.order(orderNo)).status).toBe('paid')
    const { returnUrl } = await harness.system.sandbox.pay(payUrl)
    const visit = await visitAs(buyer, manner)
    const { page } = visit
    const { pathname, search } = new URL(returnUrl)
    await visit.open(pathname + search)
    await eventually(() => page.getByTestId('pay-state').getAttribute('data-state')).toBe('paid')
    const extra = page.getByTestId('refund-extra')
    await extra.locator('[data-refund=succeeded]').waitFor()
    const said = async (where: string) => (await page.locator(`${where} [data-refund]`).innerText()).trim()
    const onReturn = await said('[data-testid=refund-extra]')
    expect(onReturn).toContain('39.00')
    expect(onReturn).toMatch(/多付的款项|paid twice|more than once|overpayment/i)
    expect(await violations(page)).toEqual([])
    await shoot(page, 'shop', 'paid twice', manner)
    await visit.open(`/orders/${orderNo}`)
    await settled(page)
    expect(await said('.refunds')).toBe(onReturn)
  },
)
