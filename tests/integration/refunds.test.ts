/** Refunds end to end: by staff and on a buyer's request, whole and in part, compared with the sandbox's own books. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { borrowShop } from '../harness/shared/borrow.ts'
import type { ShopApi } from '../harness/shop-api.ts'
import { type RunningSystem, until } from '../harness/system.ts'

let system: RunningSystem
let staff: ShopApi

interface Refund {
  readonly requestNo: string
  readonly status: string
  readonly amount: string
  readonly actions: string[]
}

interface Order {
  readonly status: string
  readonly lines: { courseId: number; refunded: string; refundable: string }[]
  readonly refunds: { requestNo: string; status: string; amount: string; answer: string }[]
}

beforeAll(async () => {
  system = await borrowShop()
  staff = system.client()
  await staff.login('admin', 'admin123456')
})

afterAll(() => system.stop())

/** A buyer with a paid order of the courses 1 (39.00), 2 (50.00) and 3 (49.00). */
async function paidOrder(): Promise<{ buyer: ShopApi; orderNo: string }> {
  const buyer = await system.buyer()
  const rows = await system.sql<{ total: string }>(
    "select to_char(sum(price_fen) / 100.0, 'FM999990.00') as total from courses where id in (1, 2, 3)",
  )
  const { body } = await buyer.buy([1, 2, 3], rows[0]?.total ?? '')
  await system.sandbox.pay(body.payUrl)
  await until(
    () => read(buyer, body.orderNo),
    (order) => order.status === 'paid',
  )
  return { buyer, orderNo: body.orderNo }
}

const read = async (buyer: ShopApi, orderNo: string) => (await buyer.call<Order>('GET', `/api/orders/${orderNo}`)).body
const gone = async (orderNo: string) => (await system.sandbox.trades(orderNo)).map((trade) => trade.refundedAmount)
const priceOf = async (courseId: number) =>
  (
    await system.sql<{ p: string }>(
      "select to_char(price_fen / 100.0, 'FM999990.00') as p from courses where id = $1",
      [courseId],
    )
  )[0]?.p ?? ''
const send = (orderNo: string, body: unknown, headers?: Record<string, string>) =>
  staff.call<Refund & { code?: string }>('POST', `/api/admin/orders/${orderNo}/refunds`, body, headers)
const preview = (orderNo: string, lines: unknown) =>
  staff.call<{ amount: string; orderAfter: string; lines: { takesAccess: boolean }[]; code?: string }>(
    'POST',
    `/api/admin/orders/${orderNo}/refunds/preview`,
    { lines },
  )

test('a line is refunded after a preview: its money and its access go, and nothing else', async () => {
  const { buyer, orderNo } = await paidOrder()
  const shown = await preview(orderNo, [{ courseId: 1 }])
  expect(shown.body).toMatchObject({
    amount: await priceOf(1),
    orderAfter: 'partially_refunded',
    lines: [{ courseId: 1, takesAccess: true }],
  })
  expect(await gone(orderNo)).toEqual(['0.00'])

  const sent = await send(orderNo, { lines: [{ courseId: 1 }], amount: shown.body.amount, reason: '买错了' })
  expect(sent.status).toBe(201)
  const after = await until(
    () => read(buyer, orderNo),
    (order) => order.status === 'partially_refunded',
  )
  expect(after.refunds).toMatchObject([{ status: 'succeeded', amount: shown.body.amount }])
  expect(after.lines[0]).toMatchObject({ refunded: shown.body.amount, refundable: '0.00' })
  expect(await gone(orderNo)).toEqual([shown.body.amount])
  expect(await buyer.ownedIds()).toEqual([2, 3])
})

test('partial refunds: access stays until the line is fully refunded', async () => {
  const { buyer, orderNo } = await paidOrder()
  const part = await send(orderNo, { lines: [{ courseId: 1, amount: '10.00' }], amount: '10.00', reason: 'goodwill' })
  expect(part.status).toBe(201)
  await until(
    () => read(buyer, orderNo),
    (order) => order.refunds[0]?.status === 'succeeded',
  )
  expect(await buyer.ownedIds()).toEqual([1, 2, 3])
  const rest = await preview(orderNo, [{ courseId: 1 }, { courseId: 2 }, { courseId: 3 }])
  expect(rest.body.orderAfter).toBe('refunded')
  await send(orderNo, {
    lines: [{ courseId: 1 }, { courseId: 2 }, { courseId: 3 }],
    amount: rest.body.amount,
    reason: 'all of it',
  })
  await until(
    () => read(buyer, orderNo),
    (order) => order.status === 'refunded',
  )
  expect(await buyer.ownedIds()).toEqual([])
  const [trade] = await system.sandbox.trades(orderNo)
  expect(trade?.refundedAmount).toBe(trade?.totalAmount)
})

test('more than the remainder is refused, in sequence and concurrently; the amount sent must be the amount shown', async () => {
  const { buyer, orderNo } = await paidOrder()
  const price = await priceOf(1)
  expect((await preview(orderNo, [{ courseId: 1, amount: '999.00' }])).body.code).toBe('REFUND_TOO_MUCH')
  expect((await preview(orderNo, [{ courseId: 1 }, { courseId: 1 }])).body.code).toBe('REFUND_TOO_MUCH')
  expect((await preview(orderNo, [{ courseId: 4 }])).body.code).toBe('REFUND_TOO_MUCH')
  const wrong = await send(orderNo, { lines: [{ courseId: 1 }], amount: '0.01', reason: 'x' })
  expect(wrong.body.code).toBe('REFUND_CHANGED')
  const body = { lines: [{ courseId: 1 }], amount: price, reason: 'x' }
  const answers = await Promise.all(Array.from({ length: 10 }, () => send(orderNo, body)))
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
  expect(answers.filter((answer) => answer.body.code === 'REFUND_TOO_MUCH')).toHaveLength(9)
  await until(
    () => read(buyer, orderNo),
    (order) => order.status === 'partially_refunded',
  )
  expect(await gone(orderNo)).toEqual([price])
})

test('one idempotency key sends one refund; another body with it is refused', async () => {
  const { orderNo } = await paidOrder()
  const price = await priceOf(2)
  const key = { 'idempotency-key': `refund-${orderNo}` }
  const body = { lines: [{ courseId: 2 }], amount: price, reason: 'once' }
  const answers = await Promise.all([send(orderNo, body, key), send(orderNo, body, key), send(orderNo, body, key)])
  expect(new Set(answers.map((answer) => answer.body.requestNo)).size).toBe(1)
  expect(answers.every(({ status }) => status === 201)).toBe(true)
  const other = await send(orderNo, { ...body, reason: 'another' }, key)
  expect([other.status, other.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED'])
  await until(
    () => gone(orderNo),
    ([refunded]) => refunded === price,
  )
})

test('a buyer’s request is declined with an answer, a second one withdrawn, a third one approved', async () => {
  const { buyer, orderNo } = await paidOrder()
  const amount = await priceOf(3)
  const ask = (shown?: string) =>
    buyer.call<Order & { code?: string }>('POST', `/api/orders/${orderNo}/refunds`, {
      courseIds: [3],
      amount: shown,
      reason: '学不会',
    })
  expect((await ask('0.01')).body.code).toBe('REFUND_CHANGED')
  const first = await ask(amount)
  expect(first.status).toBe(201)
  expect(first.body.refunds).toMatchObject([{ status: 'requested' }])
  expect(first.body.lines[2]).toMatchObject({ refundable: '0.00' })
  // An undecided request refunds nothing.
  const inBackOffice = async () =>
    (await staff.call<Record<string, unknown>>('GET', `/api/admin/orders/${orderNo}`)).body
  const nothing = { refundedAmount: '0.00', refundingAmount: '0.00', attempts: [{ refunded: '0.00' }] }
  const none = { refunded: '0.00' }
  expect(await inBackOffice()).toMatchObject({ ...nothing, lines: [none, none, { ...none, refundable: '0.00' }] })
  expect((await ask()).status).toBe(422) // already requested
  const decide = (no: string | undefined, what: string, body = {}) =>
    staff.call<Refund & { code?: string }>('POST', `/api/admin/refunds/${no}/${what}`, body)

  const no = first.body.refunds[0]?.requestNo
  expect((await decide(no, 'decline')).status).toBe(422) // without an answer to the buyer
  expect((await decide(no, 'decline', { answer: '已学完 80%' })).body.status).toBe('declined')
  expect((await decide(no, 'approve')).body.code).toBe('REFUND_DECIDED')
  expect((await read(buyer, orderNo)).refunds).toMatchObject([{ status: 'declined', answer: '已学完 80%' }])

  const second = (await ask()).body.refunds[1]?.requestNo
  const back = await buyer.call<Order>('POST', `/api/orders/${orderNo}/refunds/${second}/withdraw`)
  expect(back.body.refunds[1]).toMatchObject({ status: 'withdrawn' })
  expect(await gone(orderNo)).toEqual(['0.00'])

  const third = (await ask()).body.refunds[2]?.requestNo
  const queue = await staff.call<{ items: Refund[] }>('GET', '/api/admin/refunds?status=requested')
  expect(queue.body.items).toContainEqual(
    expect.objectContaining({ requestNo: third, actions: ['approve', 'decline'] }),
  )
  await Promise.all([decide(third, 'approve'), decide(third, 'approve')])
  await until(
    () => read(buyer, orderNo),
    (order) => order.status === 'partially_refunded',
  )
  expect(await gone(orderNo)).toEqual([amount])
  expect(await buyer.ownedIds()).toEqual([1, 2])
  const paidBack = { refundedAmount: amount, refundingAmount: '0.00', attempts: [{ refunded: amount }] }
  expect(await inBackOffice()).toMatchObject({
    ...paidBack,
    lines: [none, none, { refunded: amount, refundable: '0.00' }],
  })
})

test('requesting and withdrawing refunds of an order is limited', async () => {
  const { buyer, orderNo } = await paidOrder()
  const ask = () => buyer.call<Order>('POST', `/api/orders/${orderNo}/refunds`, { courseIds: [3], reason: '学不会' })
  for (let time = 0; time < 20; time += 1) {
    const no = (await ask()).body.refunds.at(-1)?.requestNo
    expect((await buyer.call('POST', `/api/orders/${orderNo}/refunds/${no}/withdraw`)).status).toBe(200)
  }
  expect(await ask()).toMatchObject({ status: 409, body: { code: 'REFUND_ASKED_TOO_OFTEN' } })
  expect(await gone(orderNo)).toEqual(['0.00'])
})

test("another buyer's refunds cannot be reached, and buyers have no back office", async () => {
  const { orderNo } = await paidOrder()
  const stranger = await system.buyer()
  const asked = await stranger.call('POST', `/api/orders/${orderNo}/refunds`, { courseIds: [1], reason: 'mine' })
  expect(asked.status).toBe(404)
  expect((await stranger.call('GET', '/api/admin/refunds')).status).toBe(403)
  expect((await system.client().call('GET', '/api/admin/refunds')).status).toBe(401)
})

test('staff actions are in the audit log, which nobody can edit, and in the history of the order', async () => {
  const { buyer, orderNo } = await paidOrder()
  const price = await priceOf(1)
  await send(orderNo, { lines: [{ courseId: 1 }], amount: price, reason: 'audited' })
  await until(
    () => read(buyer, orderNo),
    (order) => order.status === 'partially_refunded',
  )
  const log = await system.sql<{ username: string; action: string; note: string }>(
    'select username, action, note from audit_log where subject = $1',
    [`orders/${orderNo}`],
  )
  expect(log).toEqual([{ username: 'admin', action: 'refund.send', note: 'audited' }])
  for (const change of ["update audit_log set note = ''", 'delete from audit_log', 'truncate audit_log']) {
    await expect(system.sql(change)).rejects.toThrow('never changed')
  }
  const { body } = await staff.call<{ history: { subject: string; event: string; to: string; user: string | null }[] }>(
    'GET',
    `/api/admin/orders/${orderNo}`,
  )
  expect(body.history.map(({ subject, event, to, user }) => [subject, event, to, user])).toEqual([
    ['order', 'place', 'unpaid', null],
    ['attempt', 'open', 'open', null],
    ['attempt', 'pay', 'paid', null],
    ['order', 'pay', 'paid', null],
    ['refund', 'request', 'approved', 'admin'],
    ['refund', 'send', 'sent', null],
    ['refund', 'succeed', 'succeeded', null],
    ['order', 'refundPart', 'partially_refunded', null],
    ['access', 'revoke', 'revoked', null],
  ])
})

test('a refund that the gateway refuses becomes refused, frees its amount, and is sent again by staff with the same number', async () => {
  const { buyer, orderNo } = await paidOrder()
  const price = await priceOf(1)
  const method = 'alipay.trade.refund'
  const subCode = 'ACQ.TRADE_NOT_ALLOW_REFUND'
  const fault = { kind: 'business-error', scope: { outTradeNo: orderNo }, method, subCode }
  await system.sandbox.send('POST', '/faults', fault)
  const { body } = await send(orderNo, { lines: [{ courseId: 1 }], amount: price, reason: 'not allowed there' })
  await system.sql('update refunds set tries = 3 where request_no = $1', [body.requestNo])
  const refused = await until(
    () => read(buyer, orderNo),
    (order) => order.refunds[0]?.status === 'refused' || order.refunds[0]?.status === 'succeeded',
  )
  expect(refused.refunds[0]?.status).toBe('refused')
  expect(refused.lines[0]).toMatchObject({ refunded: '0.00', refundable: price })
  expect(await buyer.ownedIds()).toEqual([1, 2, 3])

  await system.sandbox.send('DELETE', '/faults')
  const again = await staff.call<Refund>('POST', `/api/admin/refunds/${body.requestNo}/send-again`, {})
  expect(again.body).toMatchObject({ status: 'approved', requestNo: body.requestNo })
  await until(
    () => read(buyer, orderNo),
    (order) => order.status === 'partially_refunded',
  )
  expect(await gone(orderNo)).toEqual([price])
})
