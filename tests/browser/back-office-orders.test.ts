/** Staff actions on orders, notifications and failed money checks. */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { violations } from './accessibility.ts'
import { OWNER, order, paidOrder, refusedNotification, unreportedOrder } from './back-office.ts'
import { type Buyer, DESKTOP, eventually, type Harness, openHarness, PHONE, settled, type Visit } from './harness.ts'

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

async function owner() {
  const client = harness.system.client()
  await client.login(OWNER.username, OWNER.password)
  return client
}

test('staff query the gateway about an unpaid order, and cancel another with a reason', async () => {
  const unreported = await unreportedOrder(harness.system)
  await staff.open(`/admin/orders/${unreported.orderNo}`)
  await page.getByTestId('order-ask').click()
  await page.locator('[data-access=active]').waitFor()
  expect(await unreported.buyer.ownedIds()).toEqual([1])

  const open = await order(harness.system, [1], '39.00')
  await staff.open(`/admin/orders/${open.orderNo}`)
  await page.getByTestId('order-cancel').click()
  await page.getByTestId('decide-words').fill('重复下单')
  await page.getByTestId('decide-yes').click()
  await page.locator('[data-status=cancelled]').first().waitFor()
  await eventually(() => page.getByTestId('time-line').innerText()).toContain('重复下单')
  expect((await open.buyer.order(open.orderNo)).status).toBe('cancelled')

  await staff.open('/admin/audit')
  const line = page.locator('tbody tr').filter({ hasText: open.orderNo })
  expect(await line.innerText()).toContain('取消订单')
  expect(staff.problems).toEqual([])
})

test('staff revoke and grant access on the order’s page, each with a reason; no money moves', async () => {
  const { client, visit, orderNo } = await buyerWith([1, 2], '88.00')
  await staff.open(`/admin/orders/${orderNo}`)
  const decide = async (reason: string) => {
    await page.getByTestId('access-2').click()
    const dialog = page.locator('dialog[open]')
    expect(await violations(page)).toEqual([])
    await dialog.getByTestId('decide-words').fill(reason)
    await dialog.getByTestId('decide-yes').click()
    await dialog.waitFor({ state: 'detached' })
  }
  await decide('与买家商定')
  await eventually(() => client.ownedIds()).toEqual([1])
  await decide('误操作，还给买家')
  await eventually(() => client.ownedIds()).toEqual([1, 2])
  expect(await refundedAtGateway(orderNo)).toBe('0.00')
  const entries = await harness.system.sql(
    "select action, note from audit_log where action like 'access.%' order by id desc limit 2",
  )
  expect(entries).toEqual([
    { action: 'access.grant', note: '误操作，还给买家' },
    { action: 'access.revoke', note: '与买家商定' },
  ])
  await visit.close()
})

test('a refused notification is replayed, and its order becomes paid', async () => {
  const { id, bought } = await refusedNotification(harness.system, await owner())
  await staff.open('/admin/notifications?state=refused')
  await page.locator(`a[href="/admin/notifications/${id}"]`).click()
  await page.locator('[data-check=order][data-passed=false]').waitFor()
  await page.getByText(`out_trade_no`, { exact: true }).waitFor()
  await page.getByTestId('replay').click()
  await page.getByTestId('decide-yes').click()
  await eventually(() => page.getByTestId('handlings').innerText()).toContain('已入账')
  expect((await bought.buyer.order(bought.orderNo)).status).toBe('paid')
  expect(await bought.buyer.ownedIds()).toEqual([1])
  // The payment was listed as unmatched meanwhile; settled, it leaves the list.
  await staff.open('/admin/unmatched-payments?state=resolved')
  const [trade] = await harness.system.sandbox.trades(bought.orderNo)
  const row = page.locator('tbody tr').filter({ hasText: trade?.tradeNo ?? '' })
  await row.getByText('已用于支付订单').waitFor()
  await staff.open('/admin/unmatched-payments')
  await page.locator('h1').waitFor()
  await settled(page)
  expect(await row.count()).toBe(0)
  expect(staff.problems).toEqual([])
})

test('money health links to the affected order, and the check clears after the repair', async () => {
  const paid = await paidOrder(harness.system, [1], '39.00')
  const [row] = await harness.system.sql<{ id: string; user_id: string }>(
    'select id, user_id from orders where order_no = $1',
    [paid.orderNo],
  )
  await harness.system.sql('delete from enrolments where order_id = $1', [row?.id])
  await staff.open('/admin/money-health')
  const check = page.locator('[data-check=paid_without_access]')
  await check.getByRole('link', { name: paid.orderNo }).first().click()
  await page.locator('[data-access=none]').waitFor()
  await harness.system.sql(
    `insert into enrolments (user_id, course_id, order_id, granted_at, granted_by) values ($1, 1, $2, now(), 'order')`,
    [row?.user_id, row?.id],
  )
  await staff.open('/admin/money-health')
  await page.getByTestId('health-verdict').waitFor()
  expect(await check.count()).toBe(0)
  expect(staff.problems).toEqual([])
})

test('the order’s timeline lists access changes, gateway queries and notifications', async () => {
  const { buyer, orderNo } = await paidOrder(harness.system, [1], '39.00')
  await staff.open(`/admin/orders/${orderNo}`)
  const decide = async (words: string) => {
    await page.getByTestId('access-1').click()
    await page.getByTestId('decide-words').fill(words)
    await page.getByTestId('decide-yes').click()
  }
  await decide('分享了账号')
  await page.locator('[data-access=revoked]').waitFor()
  expect(await buyer.ownedIds()).toEqual([])
  await decide('弄错了')
  await page.locator('[data-access=active]').waitFor()
  expect(await buyer.ownedIds()).toEqual([1])

  await page.getByTestId('order-ask').click()
  await page.getByTestId('order-answers').getByText('支付平台确认已付款').waitFor()
  const line = page.getByTestId('time-line')
  for (const event of ['order_place', 'order_pay', 'access_revoke', 'gateway_ask', 'notification_accept']) {
    await line.locator(`[data-event=${event}]`).first().waitFor()
  }
  // Granted by the payment, and restored by staff.
  expect(await line.locator('[data-event=access_grant]').count()).toBe(2)
  await line.locator('[data-event=notification_accept]').getByRole('link').first().click()
  await page.getByTestId('verdict').waitFor()

  // The audit log, filtered by action.
  await staff.open(`/admin/orders/${orderNo}`)
  await page.getByRole('link', { name: '操作日志', exact: true }).last().click()
  await page.locator('tbody tr').filter({ hasText: '查询' }).first().waitFor()
  expect(staff.problems).toEqual([])
})
