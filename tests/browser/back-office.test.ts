/** The back office as staff use it, through the real server, database and sandbox: what a press on the screen does to money. */
import type { Page, Route } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startSystem } from '../harness/system.ts'
import { violations } from './accessibility.ts'
import { deadJob, endDay, OWNER, order, paidOrder, refusedNotification, unreportedOrder } from './back-office.ts'
import {
  type Buyer,
  DESKTOP,
  eventually,
  type Harness,
  logIn,
  openHarness,
  PHONE,
  settled,
  type Visit,
} from './harness.ts'

let harness: Harness
let staff: Visit
let page: Page

beforeAll(async () => {
  harness = await openHarness(startSystem())
  staff = await harness.visitAs(OWNER, DESKTOP)
  page = staff.page
})
afterAll(async () => {
  await staff?.close()
  await harness?.close()
})

const refundedThere = async (orderNo: string) => (await harness.system.sandbox.trades(orderNo))[0]?.refundedAmount

/** A buyer with a paid order, who looks at it in a browser. */
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

test('a partial refund from the screen: previewed, sent once, seen at the buyer and in the gateway’s books', async () => {
  const { client, visit, orderNo } = await buyerWith([1, 2, 3], '138.00')
  await visit.open(`/orders/${orderNo}`)

  await staff.open(`/admin/orders?q=${orderNo}`)
  await page.getByRole('link', { name: orderNo }).click()
  await page.getByTestId('order-refund').click()
  const dialog = page.locator('dialog[open]')

  // Nothing leaves before it is right.
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

  // How much, which access goes, and what the order is afterwards.
  await eventually(() => dialog.getByTestId('refund-amount').innerText()).toBe('¥48.90')
  expect(await dialog.locator('[data-takes=true]').innerText()).toContain('Python 从零写起')
  expect(await dialog.locator('[data-takes=false]').innerText()).toContain('算法，用纸笔想清楚')
  await dialog.getByText('部分退款').waitFor()
  expect(await refundedThere(orderNo)).toBe('0.00')

  await dialog.getByTestId('refund-send').dblclick()
  await dialog.waitFor({ state: 'detached' })
  await page.locator('[data-refund][data-status=succeeded]').waitFor() // the page follows it by itself
  await page.locator('[data-access=revoked]').waitFor()
  expect(await page.locator('[data-access=active]').count()).toBe(2)
  expect(await page.locator('[data-refund]').count()).toBe(1)
  await eventually(() => page.getByTestId('time-line').innerText()).toContain('退款到账')

  expect(await refundedThere(orderNo)).toBe('48.90')
  expect(await client.ownedIds()).toEqual([2, 3])
  await visit.page.reload()
  await eventually(() => visit.page.locator('[data-refund]').getAttribute('data-refund')).toBe('succeeded')
  expect(await visit.page.getByTestId('line-refunded').allInnerTexts()).toEqual(['¥39.00 refunded', '¥9.90 refunded'])
  expect(await visit.page.getByTestId('order-status').innerText()).toBe('Partly refunded')
  expect([...visit.problems, ...staff.problems]).toEqual([])
  await visit.close()
})

test('a refund whose answer is lost is pressed again and made once; one that no longer fits is not made', async () => {
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
  expect(await refundedThere(orderNo)).toBe('39.00')
  staff.problems.length = 0 // the lost answer, as Chromium prints it

  // Between the preview and the press the buyer asks for the same.
  await begin(2)
  await buyer.call('POST', `/api/orders/${orderNo}/refunds`, { courseIds: [2], reason: 'mine' })
  await dialog.getByTestId('refund-send').click()
  await dialog.getByRole('alert').locator('strong').waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  await page.locator('[data-refund][data-status=requested]').waitFor() // and the page has learnt of it
  expect(await refundedThere(orderNo)).toBe('39.00')
  staff.problems.length = 0 // an honest refusal, as Chromium prints it
})

test('a buyer asks for the money back, staff approve, and the buyer sees it happen', async () => {
  const { client, visit, orderNo } = await buyerWith([1, 2], '88.00')
  const buyer = visit.page
  await visit.open(`/orders/${orderNo}`)
  await buyer.getByTestId('refund-ask').click()
  const request = buyer.locator('dialog[open]')
  await request.getByTestId('ask-line-1').check()
  await request.getByTestId('ask-send').click()
  await request.getByText('Please say why, in a sentence').waitFor()
  await request.getByTestId('ask-reason').fill('Not what I was looking for')
  await request.getByText('¥39.00 would go back').waitFor()
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

  await buyer.locator('[data-refund=succeeded]').waitFor() // while the buyer only looks
  expect(await refundedThere(orderNo)).toBe('39.00')
  expect(await client.ownedIds()).toEqual([2])
  expect([...visit.problems, ...staff.problems]).toEqual([])
  await visit.close()
})

test('what went back by hand meanwhile is not asked for: the request is refused, and the dialog says what is left', async () => {
  const { visit, orderNo } = await buyerWith([1, 2], '88.00')
  const buyer = visit.page
  await visit.open(`/orders/${orderNo}`)
  await buyer.getByTestId('refund-ask').click()
  const request = buyer.locator('dialog[open]')
  await request.getByTestId('ask-line-1').check()
  await request.getByTestId('ask-line-2').check()
  await request.getByTestId('ask-reason').fill('I changed my mind')
  await request.getByText('¥88.00 would go back').waitFor()
  await harness.system.sql(
    `with paid as (update payment_attempts set refunded_fen = 2000 where attempt_no = $1 returning id, order_id)
     insert into refunds (request_no, order_id, attempt_id, amount_fen, status, reason, requested_by, requested_at, finished_at)
     select 'BY-HAND', order_id, id, 2000, 'succeeded', '', 'shop', now(), now() from paid`,
    [orderNo],
  )
  await request.getByTestId('ask-send').click()
  await request.getByText('What can be refunded has changed').waitFor()
  await request.getByText('¥68.00 would go back').waitFor()
  await request.getByTestId('ask-send').click()
  await request.waitFor({ state: 'detached' })
  await buyer.locator('[data-refund=requested]').getByText('¥68.00').waitFor()
  await buyer.getByTestId('refund-withdraw').click()
  await buyer.locator('[data-refund=withdrawn]').waitFor()
  visit.problems.length = 0 // an honest refusal, as Chromium prints it
  await visit.close()
})

test('a request can be withdrawn, and another is declined with an answer', async () => {
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
  await page.locator('dialog[open]').getByText('请填写').waitFor() // a buyer is owed a word
  await page.getByTestId('decide-words').fill('课程已学完大半')
  await page.getByTestId('decide-yes').click()
  await page.locator('[data-refund][data-status=declined]').waitFor()
  await buyer.getByText('The shop’s answer: 课程已学完大半').waitFor()
  expect(await client.ownedIds()).toEqual([1])
  expect(await refundedThere(orderNo)).toBe('0.00')
  expect([...visit.problems, ...staff.problems]).toEqual([])
  await visit.close()
})

test('an unpaid order: the gateway is asked now, and another is cancelled with a reason', async () => {
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

test('access is taken away and given back from the order, each with a reason, and no money moves', async () => {
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
  expect(await refundedThere(orderNo)).toBe('0.00')
  const entries = await harness.system.sql(
    "select action, note from audit_log where action like 'access.%' order by id desc limit 2",
  )
  expect(entries).toEqual([
    { action: 'access.grant', note: '误操作，还给买家' },
    { action: 'access.revoke', note: '与买家商定' },
  ])
  await visit.close()
})

test('a notification that was refused is replayed, and its order is paid', async () => {
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
  // The money was listed as nobody's meanwhile: settled, it is off the list.
  await staff.open('/admin/unmatched-payments?state=resolved')
  const [trade] = await harness.system.sandbox.trades(bought.orderNo)
  const row = page.locator('tbody tr').filter({ hasText: trade?.tradeNo ?? '' })
  await row.getByText('已用于付清订单').waitFor()
  await staff.open('/admin/unmatched-payments')
  await page.locator('h1').waitFor()
  await settled(page)
  expect(await row.count()).toBe(0)
  expect(staff.problems).toEqual([])
})

test('money health leads to the row’s order and its repair, and is green again afterwards', async () => {
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

test('access is taken away and given back on the order’s page, which tells of it, and of what the gateway answered', async () => {
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
  // Given by the payment, and given back by staff.
  expect(await line.locator('[data-event=access_grant]').count()).toBe(2)
  await line.locator('[data-event=notification_accept]').getByRole('link').first().click()
  await page.getByTestId('verdict').waitFor()

  // Its log, by action.
  await staff.open(`/admin/orders/${orderNo}`)
  await page.getByRole('link', { name: '操作日志', exact: true }).last().click()
  await page.locator('tbody tr').filter({ hasText: '查询' }).first().waitFor()
  expect(staff.problems).toEqual([])
})

test('the navigation says where one is, on pages of one thing as well', async () => {
  for (const [path, way] of [
    ['/admin/courses/1', '课程'],
    ['/admin/courses/new', '课程'],
    ['/admin/categories', '课程'],
    ['/admin/teachers', '课程'],
    ['/admin/imports', '买家'],
  ] as const) {
    await staff.open(path)
    // A page has tabs of its own as well, which say the same of themselves.
    const ways = page.getByRole('navigation', { name: '后台导航' })
    await eventually(() => ways.locator('[aria-current=page]').innerText()).toBe(way)
  }
})

test('a course on sale is looked at as a buyer sees it: its lessons are locked, and it cannot be bought', async () => {
  await staff.open('/admin/courses/1')
  expect(await page.getByTestId('course-preview').getAttribute('href')).toBe('/courses/1?as=buyer')
  await staff.open('/courses/1?as=buyer')
  await page.getByTestId('as-buyer').waitFor()
  expect(await page.getByTestId('buy-shown').isDisabled()).toBe(true)
  expect(await page.getByTestId('buy-now').count()).toBe(0)
  const [locked] = await harness.system.sql<{ id: number }>(
    'select id from lessons where course_id = 1 and not preview order by position limit 1',
  )
  await staff.open(`/learn/1/${locked?.id}?as=buyer`)
  await page.getByTestId('lesson-locked').waitFor()
  // It goes along to the course, and ends when asked to.
  await page.locator('.side .course a').click()
  await page.waitForURL('**/courses/1?as=buyer')
  await page.getByTestId('as-buyer').getByRole('link').click()
  await page.getByTestId('buy-now').first().waitFor()
  expect(await page.getByTestId('as-buyer').count()).toBe(0)
  expect(staff.problems).toEqual([])
})

// From here on the gateway's clock stands a day later: nothing more can be paid.
test('a day is reconciled from the screen, its difference is repaired, and the day is clean', async () => {
  const unreported = await unreportedOrder(harness.system)
  const day = await endDay(harness.system)
  await staff.open('/admin/reconciliation')
  await page.getByTestId('reconcile-day').fill(day)
  await page.getByTestId('reconcile-run').click()
  const row = page.locator('tbody tr').filter({ hasText: day })
  await row.locator('[data-status=done]').waitFor() // followed while it runs
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

test('a dead job is run again', async () => {
  await deadJob(harness.system)
  await staff.open('/admin/jobs')
  await page.getByText('refundId is no number').waitFor()
  const answered = page.waitForResponse((response) => response.url().endsWith('/run-again') && response.ok())
  await page.getByTestId('run-again').click()
  await answered
  await page.getByText('没有失败的任务').waitFor()
  expect(staff.problems).toEqual([])
})

test('a buyer gets a clear no, and each role sees what it may', async () => {
  const buyer = await harness.newBuyer()
  const visit = await harness.visit(DESKTOP)
  await visit.open('/admin/refunds')
  await logIn(visit.page, buyer)
  await visit.page.getByTestId('not-staff').waitFor()
  expect(new URL(visit.page.url()).pathname).toBe('/admin/login')
  expect(visit.problems.filter((problem) => !/403/.test(problem))).toEqual([])
  await visit.close()

  const roles = [
    {
      role: 'support',
      sees: ['订单', '退款', '支付通知'],
      never: ['资金健康', '无主款项', '对账', '后台任务', '操作日志'],
    },
    { role: 'editor', sees: [], never: ['订单', '退款', '资金健康', '无主款项', '对账', '支付通知', '操作日志'] },
  ] as const
  for (const { role, sees, never } of roles) {
    const person = await harness.newBuyer()
    await harness.system.sql('update users set role = $2 where username = $1', [person.username, role])
    const visit = await harness.visit(DESKTOP)
    await visit.open('/admin/login')
    await logIn(visit.page, person)
    await visit.page.getByTestId('logout').waitFor()
    const ways = await visit.page.getByRole('navigation', { name: '后台导航' }).getByRole('link').allInnerTexts()
    expect(ways).toEqual(expect.arrayContaining([...sees]))
    expect(ways.filter((way) => never.some((closed) => closed === way))).toEqual([])
    await visit.open('/admin/money-health')
    await visit.page.getByRole('heading', { name: '您的角色没有这项权限' }).waitFor()
    expect(visit.problems).toEqual([])
    await visit.close()
  }
})

test('what cannot be loaded says so, and is asked for again', async () => {
  await page.route('**/api/admin/orders*', (route) => route.fulfill({ status: 502, body: 'Bad gateway' }))
  await staff.open('/admin/orders')
  await page.getByRole('alert').getByText('商店暂时没有回应').waitFor()
  await page.unroute('**/api/admin/orders*')
  await page.getByRole('button', { name: '再试一次' }).click()
  await page.locator('tbody tr').first().waitFor()
  staff.problems.length = 0 // the failure, as Chromium prints it
})

test('filters stand in the address, and going back undoes one', async () => {
  await staff.open('/admin/orders')
  await page.locator('tbody tr').first().waitFor()
  await page.getByLabel('状态').selectOption('refunded')
  await page.waitForURL('**/admin/orders?status=refunded')
  await page.getByTestId('search-words').fill('nobody')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/admin/orders?q=nobody&status=refunded')
  await page.getByText('没有符合条件的订单').waitFor()
  await page.goBack()
  await page.waitForURL('**/admin/orders?status=refunded')
  expect(await page.getByTestId('search-words').inputValue()).toBe('')
  await page.getByRole('button', { name: '清除筛选' }).click()
  await page.waitForURL('**/admin/orders')
  await page.locator('tbody tr').first().waitFor()
  expect(staff.problems).toEqual([])
})

test('on a phone the ways are behind one button, and the language is switched there', async () => {
  const visit = await harness.visitAs(OWNER, PHONE)
  await visit.open('/admin')
  await visit.page.waitForURL('**/admin/orders')
  await visit.page.getByTestId('menu').click()
  await visit.page.getByRole('link', { name: 'Money health' }).click()
  await visit.page.getByTestId('health-verdict').waitFor()
  expect(await visit.page.getByTestId('menu').getAttribute('aria-expanded')).toBe('false')
  await visit.page.getByTestId('language-switch').click()
  await eventually(() => visit.page.title()).toBe('资金健康 · 学城后台')
  expect(visit.problems).toEqual([])
  await visit.close()
})

test('a buyer’s browser loads nothing of the back office', async () => {
  const visit = await harness.visit(DESKTOP)
  const loaded: string[] = []
  visit.page.on('request', (request) => loaded.push(new URL(request.url()).pathname))
  for (const path of ['/', '/courses/3', '/search?q=SQL', '/login']) {
    await visit.open(path)
    await settled(visit.page)
  }
  expect(loaded.filter((path) => /admin|desk/.test(path))).toEqual([])
  await visit.close()
})

async function owner() {
  const client = harness.system.client()
  await client.login(OWNER.username, OWNER.password)
  return client
}
