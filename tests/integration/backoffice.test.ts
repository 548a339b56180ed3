/** The back office's numbers and people: the dashboard adds up, orders are found by any of their details, buyers are supported. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ShopApi } from '../harness/shop-api.ts'
import { type System, startSystem, until } from '../harness/system.ts'

let system: System
let staff: ShopApi

beforeAll(async () => {
  system = await startSystem()
  staff = system.client()
  await staff.login('admin', 'admin123456')
})

afterAll(() => system.stop())

async function paidOrder(courseIds = [1], total = '39.00') {
  const buyer = await system.buyer()
  const { body } = await buyer.buy(courseIds, total)
  const { trade } = await system.sandbox.pay(body.payUrl)
  await until(
    () => buyer.order(body.orderNo),
    ({ status }) => status === 'paid',
  )
  const me = await buyer.call<{ id: number; username: string }>('GET', '/api/me')
  return { buyer, orderNo: body.orderNo, tradeNo: trade.tradeNo, ...me.body }
}

interface Row {
  readonly orderNo: string
  readonly status: string
}

const search = async (query: string) =>
  (await staff.call<{ items: Row[]; next: string | null }>('GET', `/api/admin/orders?${query}`)).body

interface Dashboard {
  readonly refunds: string
  readonly countedAt: string
  readonly placedOrders: number
  readonly convertedOrders: number
  readonly paidOrders: number
  readonly access: { readonly orders: number; readonly median: number; readonly p95: number }
  readonly days: readonly { readonly day: string }[]
}

const count = (query = '') => staff.call<Dashboard>('POST', `/api/admin/dashboard/count${query}`)

test('the dashboard adds up: sales net of refunds, by day, course and method, and the funnel from order to payment', async () => {
  await paidOrder()
  const { orderNo } = await paidOrder()
  await (await system.buyer()).buy([1], '39.00')
  const body = { lines: [{ courseId: 1, amount: '9.00' }], amount: '9.00', reason: 'part' }
  await staff.call('POST', `/api/admin/orders/${orderNo}/refunds`, body)
  await until(
    () => system.sandbox.trades(orderNo),
    ([trade]) => trade?.refundedAmount === '9.00',
  )
  const dashboard = await until(count, (answer) => answer.body.refunds === '9.00')
  const sums = { sales: '78.00', refunds: '9.00', net: '69.00' }
  expect(dashboard.body).toMatchObject({
    ...sums,
    placedOrders: 3,
    convertedOrders: 2,
    paidOrders: 2,
    methods: [{ payType: 'alipay', ...sums, paidOrders: 2 }],
    courses: [{ courseId: 1, ...sums, sold: 2 }],
    otherCourses: null,
  })
  expect(dashboard.body.days).toHaveLength(30)
  expect(dashboard.body.days.at(-1)).toMatchObject({ ...sums, placedOrders: 3, convertedOrders: 2, paidOrders: 2 })
  expect(dashboard.body.access.orders).toBe(2)
  expect(dashboard.body.access.p95).toBeLessThan(60)
  expect(Date.now() - Date.parse(dashboard.body.countedAt)).toBeLessThan(60_000)
  // A second count adds nothing twice.
  expect({ ...(await count()).body, countedAt: '' }).toEqual({ ...dashboard.body, countedAt: '' })
})

test('a payment counts for the day its order was placed on, and waits of many days are added up', async () => {
  const before = (await count('?days=7')).body
  const { orderNo } = await paidOrder()
  const day = new Date(Date.now() + 8 * 3_600_000 - 5 * 86_400_000).toISOString().slice(0, 10)
  const placedThen = () =>
    system.sql("update orders set created_at = created_at - interval '5 days' where order_no = $1", [orderNo])
  // The day was counted without orders; an order placed on it is paid today.
  await count('?days=7')
  await placedThen()
  const { body } = await count('?days=7')
  const then = body.days.find((row) => row.day === day)
  expect(then).toMatchObject({ placedOrders: 1, convertedOrders: 1, paidOrders: 0, sales: '0.00' })
  expect(body).toMatchObject({
    placedOrders: before.placedOrders + 1,
    convertedOrders: before.convertedOrders + 1,
    paidOrders: before.paidOrders + 1,
  })

  // The median of eight waits is the fourth, across days; not the median of the days' medians.
  await system.sql('delete from access_waits')
  await system.sql(`insert into access_waits (day, seconds, orders) values ($1, 2, 1), ($1, 9, 5), ($1, 600, 2)`, [day])
  const waits = (await staff.call<Dashboard>('GET', '/api/admin/dashboard?days=7')).body
  expect(waits.access).toEqual({ orders: 8, median: 9, p95: 600 })
  await count()
})

test('the waits for access are counted to the second, later to the minute, later to the hour', async () => {
  const made = []
  for (const seconds of [3, 59, 61, 3599, 3601]) {
    const { orderNo } = await paidOrder()
    made.push(orderNo)
    await system.sql(
      `update order_payments p set paid_at = o.paid_at - $2 * interval '1 second' from orders o where o.id = p.order_id and o.order_no = $1`,
      [orderNo, seconds],
    )
  }
  await system.sql(
    `update orders set paid_at = paid_at - interval '2 days', created_at = created_at - interval '2 days' where order_no = any($1)`,
    [made],
  )
  await system.sql(
    `update order_payments p set paid_at = p.paid_at - interval '2 days' from orders o where o.id = p.order_id and o.order_no = any($1)`,
    [made],
  )
  await count()
  const day = new Date(Date.now() + 8 * 3_600_000 - 2 * 86_400_000).toISOString().slice(0, 10)
  expect(await system.sql('select seconds, orders from access_waits where day = $1 order by 1', [day])).toEqual(
    [3, 59, 120, 3600, 7200].map((seconds) => ({ seconds, orders: 1 })),
  )
})

test('an order is found by its number, its payment, its buyer, its course, its amount, its day, status and method', async () => {
  const { orderNo, tradeNo, username } = await paidOrder()
  const today = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10)
  const title = (await system.sql<{ title: string }>('select title from courses where id = 1'))[0]?.title ?? ''
  const found = async (query: string) => (await search(query)).items.some((row) => row.orderNo === orderNo)
  for (const q of [orderNo, tradeNo, username, username.slice(0, 6), title.slice(1, 6), '39.00', '39']) {
    expect([q, await found(`q=${encodeURIComponent(q)}`)]).toEqual([q, true])
  }
  expect(await found(`q=${username}&status=paid&payType=alipay&from=${today}&to=${today}`)).toBe(true)
  expect(await found(`q=${username}&status=cancelled`)).toBe(false)
  expect(await found(`q=${username}&to=2020-01-01`)).toBe(false)
  expect((await search('q=nobody-has-this-name')).items).toEqual([])
  expect((await search(`q=${encodeURIComponent('%')}`)).items).toEqual([])
  expect((await staff.call('GET', '/api/admin/orders?from=2026-13-01')).status).toBe(422)
})

test('pages follow one another without a gap or a repeat', async () => {
  await Promise.all(Array.from({ length: 35 }, async () => (await system.buyer()).buy([1], '39.00')))
  const seen: string[] = []
  for (let cursor = ''; ; ) {
    const page = await search(cursor ? `cursor=${cursor}` : '')
    seen.push(...page.items.map((row) => row.orderNo))
    if (page.next === null) break
    cursor = page.next
  }
  const all = await system.sql<{ order_no: string }>('select order_no from orders order by id desc')
  expect(seen).toEqual(all.map((row) => row.order_no))
})

test('a buyer: found, what they own and from which order, granted, revoked, disabled, a new password', async () => {
  const { buyer, id, username, orderNo } = await paidOrder()
  const list = await staff.call<{ items: { id: number }[] }>('GET', `/api/admin/buyers?q=${username}`)
  expect(list.body.items.map((row) => row.id)).toEqual([id])
  const path = `/api/admin/buyers/${id}`
  expect((await staff.call('GET', path)).body).toMatchObject({
    paid: '39.00',
    orders: 1,
    access: [{ courseId: 1, orderNo }],
  })

  const grant = (courseId: number) => staff.call('POST', `${path}/access`, { courseId, reason: 'for a review' })
  expect((await grant(2)).status).toBe(201)
  expect((await grant(2)).status).toBe(409)
  expect(await buyer.ownedIds()).toEqual([1, 2])
  expect((await staff.call('POST', `${path}/access/revoke`, { courseId: 1, reason: 'shared it' })).status).toBe(200)
  expect((await staff.call('POST', `${path}/access/revoke`, { courseId: 1, reason: 'twice' })).status).toBe(403)
  expect(await buyer.ownedIds()).toEqual([2])
  // No money has moved, and the history of the order names who revoked the course.
  const order = await staff.call<{ status: string; history: { event: string; actor: string; reason: string }[] }>(
    'GET',
    `/api/admin/orders/${orderNo}`,
  )
  expect(order.body.status).toBe('paid')
  expect(order.body.history.at(-1)).toMatchObject({ event: 'revoke', actor: 'staff', reason: 'shared it' })

  expect((await staff.call('POST', `${path}/disable`, { disabled: true, reason: 'asked to' })).status).toBe(200)
  expect((await buyer.call('GET', '/api/me')).status).toBe(401)
  await staff.call('POST', `${path}/disable`, { disabled: false, reason: 'asked back' })
  const { password } = (await staff.call<{ password: string }>('POST', `${path}/password`, { reason: 'forgot it' }))
    .body
  await system.client().login(username, password)
  const log = await system.sql<{ action: string; after: unknown }>(
    'select action, after from audit_log where subject = $1 order by id',
    [`buyers/${id}`],
  )
  expect(log.map(({ action }) => action)).toEqual([
    'access.grant',
    'access.revoke',
    'buyer.disable',
    'buyer.enable',
    'buyer.password',
  ])
  expect(JSON.stringify(log)).not.toContain(password)
})

interface Lines {
  readonly lines: { courseId: number; access: { state: string }; actions: string[] }[]
  readonly history: { subject: string; event: string; number: string; actor: string; reason: string }[]
}

test('access that is revoked and granted again belongs to its order: a full refund ends it', async () => {
  const { buyer, id, orderNo } = await paidOrder()
  const access = `/api/admin/buyers/${id}/access`
  const page = async () => (await staff.call<Lines>('GET', `/api/admin/orders/${orderNo}`)).body
  expect((await page()).lines[0]).toMatchObject({ access: { state: 'active' }, actions: ['revoke'] })
  await staff.call('POST', `${access}/revoke`, { courseId: 1, reason: 'shared it' })
  expect((await page()).lines[0]).toMatchObject({ access: { state: 'revoked' }, actions: ['grant'] })

  const grant = () => staff.call('POST', access, { courseId: 1, orderNo, reason: 'a mistake' })
  const answers = await Promise.all([grant(), grant(), grant()])
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409])
  const granted = await page()
  expect(granted.lines[0]).toMatchObject({ access: { state: 'active' }, actions: ['revoke'] })
  expect(granted.history.at(-1)).toMatchObject({ subject: 'access', event: 'grant', number: '1', reason: 'a mistake' })
  expect(await buyer.ownedIds()).toEqual([1])

  const refund = { lines: [{ courseId: 1, amount: '39.00' }], amount: '39.00', reason: 'all of it' }
  expect((await staff.call('POST', `/api/admin/orders/${orderNo}/refunds`, refund)).status).toBe(201)
  await until(
    () => buyer.order(orderNo),
    ({ status }) => status === 'refunded',
  )
  expect(await buyer.ownedIds()).toEqual([])
  expect((await page()).lines[0]).toMatchObject({ access: { state: 'revoked' }, actions: [] })
  expect((await grant()).status).toBe(409)
})

test('a paid course that is granted again on the buyer’s page belongs to its order, and is no separate gift', async () => {
  const { buyer, id, orderNo } = await paidOrder()
  const access = `/api/admin/buyers/${id}/access`
  await staff.call('POST', `${access}/revoke`, { courseId: 1, reason: 'shared it' })
  await staff.call('POST', access, { courseId: 1, reason: 'a mistake' })
  const refund = { lines: [{ courseId: 1, amount: '39.00' }], amount: '39.00', reason: 'all of it' }
  await staff.call('POST', `/api/admin/orders/${orderNo}/refunds`, refund)
  await until(
    () => buyer.order(orderNo),
    ({ status }) => status === 'refunded',
  )
  expect(await buyer.ownedIds()).toEqual([])
})

test('nothing is granted from an unpaid order or from another buyer’s order', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  const me = await buyer.call<{ id: number }>('GET', '/api/me')
  const page = async () => (await staff.call<Lines>('GET', `/api/admin/orders/${body.orderNo}`)).body
  expect((await page()).lines[0]?.actions).toEqual([])
  const grant = (userId: number, courseId: number) =>
    staff.call<{ code: string }>('POST', `/api/admin/buyers/${userId}/access`, {
      courseId,
      orderNo: body.orderNo,
      reason: 'x',
    })
  expect((await grant(me.body.id, 1)).body.code).toBe('LINE_NOT_PAID')
  expect((await grant(me.body.id, 2)).body.code).toBe('COURSE_NOT_FOUND')
  const other = await paidOrder()
  expect((await grant(other.id, 1)).body.code).toBe('ORDER_NOT_FOUND')
  expect(await buyer.ownedIds()).toEqual([])
})

test('a grant sent twice with one idempotency key is one grant', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.call<{ id: number }>('GET', '/api/me')
  const grant = () =>
    staff.call(
      'POST',
      `/api/admin/buyers/${body.id}/access`,
      { courseId: 2, reason: 'a gift' },
      {
        'idempotency-key': `grant-${body.id}`,
      },
    )
  expect((await grant()).status).toBe(201)
  expect((await grant()).status).toBe(201)
  const lines = await system.sql('select id from audit_log where subject = $1', [`buyers/${body.id}`])
  expect(lines).toHaveLength(1)
})
