/** Settling through the real sandbox: with notifications and without, many at once, late, and by the job alone. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Order } from '../harness/shop-api.ts'
import { type System, startSystem, until } from '../harness/system.ts'

let system: System
beforeAll(async () => {
  system = await startSystem()
})
afterAll(() => system.stop())

const returnParameters = (returnUrl: string) => Object.fromEntries(new URL(returnUrl).searchParams)

test('200 buyers at once: 200 orders paid, 200 accesses, and the takings are the sum of the paid orders', async () => {
  const buyers = await Promise.all(Array.from({ length: 200 }, () => system.buyer()))
  const courses = [
    { ids: [1], price: '39.00' },
    { ids: [2], price: '49.00' },
    { ids: [3], price: '50.00' },
  ]
  const orders = await Promise.all(
    buyers.map(async (buyer, index) => {
      const { ids, price } = courses[index % 3] ?? { ids: [1], price: '39.00' }
      const { status, body } = await buyer.buy(ids, price)
      expect(status).toBe(201)
      await system.sandbox.pay(body.payUrl)
      return { buyer, orderNo: body.orderNo }
    }),
  )
  const count = async () =>
    (await system.sql<{ n: number }>(`select count(*)::int as n from orders where status = 'paid'`))[0]?.n
  await until(count, (n) => n === 200)
  expect(orders).toHaveLength(200)
  const [books] = await system.sql(`select
    (select count(*)::int from orders where status = 'paid') as paid,
    (select count(*)::int from enrolments) as accesses,
    (select count(distinct (user_id, course_id))::int from enrolments) as distinct_accesses,
    (select count(*)::int from order_payments) as payments,
    (select sum(total_fen)::bigint::text from orders where status = 'paid') as fen`)
  expect(books).toMatchObject({ paid: 200, accesses: 200, distinct_accesses: 200, payments: 200 })
  const summary = await system.sandbox.get<{ items: { appId: string; paidCount: number; paidAmount: string }[] }>(
    '/summary',
  )
  const takings = summary.items.find(({ appId }) => appId === '9021000100000001')
  expect(takings?.paidCount).toBe(200)
  expect(takings?.paidAmount.replace('.', '')).toBe(books?.['fen'])
})

test('with notifications off, the return settles: the browser is not believed, the gateway is asked', async () => {
  const buyer = await system.buyer()
  await system.sandbox.notifications(false)
  try {
    const { body } = await buyer.buy([1], '39.00')
    const { returnUrl } = await system.sandbox.pay(body.payUrl)
    expect((await buyer.order(body.orderNo)).status).toBe('unpaid')
    const returned = await buyer.call<Order>('POST', '/api/payments/alipay/return', returnParameters(returnUrl))
    expect(returned.status).toBe(200)
    expect(returned.body).toMatchObject({ orderNo: body.orderNo, status: 'paid' })
    expect(await buyer.ownedIds()).toEqual([1])
  } finally {
    await system.sandbox.notifications(true)
  }
})

test('a return that was changed, or is another buyer’s, or comes before paying, settles nothing', async () => {
  const buyer = await system.buyer()
  await system.sandbox.notifications(false)
  try {
    const { body } = await buyer.buy([1], '39.00')
    const { returnUrl } = await system.sandbox.pay(body.payUrl)
    const parameters = returnParameters(returnUrl)
    const changed = await buyer.call('POST', '/api/payments/alipay/return', { ...parameters, total_amount: '0.01' })
    expect([changed.status, changed.body]).toMatchObject([400, { code: 'RETURN_NOT_VERIFIED' }])
    const stranger = await system.buyer()
    const stolen = await stranger.call('POST', '/api/payments/alipay/return', parameters)
    expect([stolen.status, stolen.body]).toMatchObject([404, { code: 'ORDER_NOT_FOUND' }])
    expect((await buyer.order(body.orderNo)).status).toBe('unpaid')
    expect(await buyer.ownedIds()).toEqual([])
  } finally {
    await system.sandbox.notifications(true)
  }
})

test('with neither notification nor return, the job asks and settles', async () => {
  const buyer = await system.buyer()
  await system.sandbox.notifications(false)
  try {
    const { body } = await buyer.buy([1], '39.00')
    await system.sandbox.pay(body.payUrl)
    await system.sql(`update payment_attempts set ask_at = now() where attempt_no = $1`, [body.orderNo])
    await runJob('ask-open-attempts')
    await until(
      () => buyer.order(body.orderNo),
      (order) => order.status === 'paid',
    )
    expect(await buyer.ownedIds()).toEqual([1])
  } finally {
    await system.sandbox.notifications(true)
  }
})

test('an unpaid order expires after its link did; one that was paid meanwhile is paid', async () => {
  const [idle, paying] = [await system.buyer(), await system.buyer()]
  await system.sandbox.notifications(false)
  try {
    const abandoned = (await idle.buy([1], '39.00')).body
    const paid = (await paying.buy([1], '39.00')).body
    await system.sandbox.pay(paid.payUrl)
    await system.sql(`update orders set expires_at = now() - interval '2 minutes' where order_no = any($1)`, [
      [abandoned.orderNo, paid.orderNo],
    ])
    await runJob('expire-orders')
    await until(
      () => idle.order(abandoned.orderNo),
      (order) => order.status === 'expired',
    )
    await until(
      () => paying.order(paid.orderNo),
      (order) => order.status === 'paid',
    )
  } finally {
    await system.sandbox.notifications(true)
  }
})

test('an order just past its end is not expired yet: clocks differ', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  await system.sql(`update orders set expires_at = now() - interval '20 seconds' where order_no = $1`, [body.orderNo])
  await runJob('expire-orders')
  await until(jobsLeft, (left) => left === 0)
  expect((await buyer.order(body.orderNo)).status).toBe('unpaid')
})

test('the event stream says the state at once and again when it changes, whichever process settles', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([2], '49.00')
  const stream = await fetch(`${system.shopUrl}/api/orders/${body.orderNo}/events`, {
    headers: { authorization: `Bearer ${buyer.token}` },
  })
  expect(stream.headers.get('content-type')).toMatch(/^text\/event-stream/)
  const seen: string[] = []
  const reading = (async () => {
    let text = ''
    for await (const chunk of stream.body ?? []) {
      text += Buffer.from(chunk).toString()
      for (const [, data] of text.matchAll(/event: status\ndata: (.*)\n\n/g)) {
        const { status } = JSON.parse(data ?? '{}') as Order
        if (seen.at(-1) !== status) seen.push(status)
      }
      if (seen.includes('paid')) return
    }
  })()
  await until(
    async () => seen.length,
    (length) => length > 0,
  )
  await system.sandbox.pay(body.payUrl)
  await reading
  expect(seen).toEqual(['unpaid', 'paid'])
})

const booksOf = async (orderNo: string) =>
  system.sql<{ reason: string; fen: number; course_id: number | null; resolved: boolean; refund: string }>(
    `select u.reason, u.amount_fen::int as fen, u.course_id, u.resolved_at is not null as resolved, r.status as refund
     from unmatched_payments u join refunds r on r.id = u.refund_id where u.attempt_no = $1`,
    [orderNo],
  )

const refundedAtGateway = async (orderNo: string) =>
  (await system.sandbox.trades(orderNo)).map(({ refundedAmount, status }) => ({ refundedAmount, status }))

test('two orders that share a course, both paid: the course is granted once and its second price goes back by itself', async () => {
  const buyer = await system.buyer()
  const first = (await buyer.buy([1], '39.00')).body
  const second = (await buyer.buy([1, 2], '88.00')).body
  await system.sandbox.pay(first.payUrl)
  await until(
    () => buyer.order(first.orderNo),
    (order) => order.status === 'paid',
  )
  await system.sandbox.pay(second.payUrl)
  await until(
    () => buyer.order(second.orderNo),
    (order) => order.status === 'partially_refunded',
  )
  expect(await buyer.ownedIds()).toEqual([1, 2])
  expect(await booksOf(second.orderNo)).toEqual([
    { reason: 'COURSE_ALREADY_OWNED', fen: 3900, course_id: 1, resolved: true, refund: 'succeeded' },
  ])
  expect(await refundedAtGateway(second.orderNo)).toEqual([{ refundedAmount: '39.00', status: 'TRADE_SUCCESS' }])
})

test('a payment that still arrives on a cancelled order goes back by itself, whole, and opens nothing', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([3], '50.00')
  await buyer.call('POST', `/api/orders/${body.orderNo}/cancel`)
  await system.sandbox.pay(body.payUrl) // the link was open in another window; nothing existed to be closed
  await until(
    () => booksOf(body.orderNo),
    ([row]) => row?.resolved === true,
  )
  expect(await booksOf(body.orderNo)).toEqual([
    { reason: 'ORDER_CLOSED', fen: 5000, course_id: null, resolved: true, refund: 'succeeded' },
  ])
  expect(await refundedAtGateway(body.orderNo)).toEqual([{ refundedAmount: '50.00', status: 'TRADE_CLOSED' }])
  expect((await buyer.order(body.orderNo)).status).toBe('cancelled')
  expect(await buyer.ownedIds()).toEqual([])
  const staff = system.client()
  await staff.login('admin', 'admin123456')
  const seen = await staff.call<{ unmatched: object[] }>('GET', `/api/admin/orders/${body.orderNo}`)
  expect(seen.body.unmatched).toMatchObject([{ amount: '50.00', reason: 'ORDER_CLOSED', resolution: 'refunded' }])
})

test('a refund whose answers are lost is sent again with the same number, and pays back once', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([3], '50.00')
  await buyer.call('POST', `/api/orders/${body.orderNo}/cancel`)
  await system.sandbox.send('POST', '/faults', {
    kind: 'timeout-after',
    scope: { outTradeNo: body.orderNo },
    method: 'alipay.trade.refund',
    times: 1,
  })
  await system.sandbox.pay(body.payUrl)
  await until(
    () => booksOf(body.orderNo),
    ([row]) => row?.refund === 'sent' || row?.refund === 'succeeded',
  )
  await until(
    () => booksOf(body.orderNo),
    ([row]) => row?.resolved === true,
  )
  expect(await refundedAtGateway(body.orderNo)).toEqual([{ refundedAmount: '50.00', status: 'TRADE_CLOSED' }])
  const [row] = await system.sql<{ fen: number }>(
    'select refunded_fen::int as fen from payment_attempts where attempt_no = $1',
    [body.orderNo],
  )
  expect(row?.fen).toBe(5000)
})

const runJob = (task: string) => system.sql(`select graphile_worker.add_job($1)`, [task])

async function jobsLeft(): Promise<number> {
  const [row] = await system.sql<{ n: number }>('select count(*)::int as n from graphile_worker.jobs')
  return row?.n ?? 0
}

test('paid on a cancelled order with every notification lost: the return asks, and so does the last look', async () => {
  await system.sandbox.notifications(false)
  try {
    for (const way of ['return', 'job'] as const) {
      const buyer = await system.buyer()
      const { body } = await buyer.buy([3], '50.00')
      await buyer.call('POST', `/api/orders/${body.orderNo}/cancel`)
      const { returnUrl } = await system.sandbox.pay(body.payUrl)
      if (way === 'return') {
        const returned = await buyer.call<Order>('POST', '/api/payments/alipay/return', returnParameters(returnUrl))
        expect(returned.body).toMatchObject({ status: 'cancelled' })
      } else {
        const [attempt] = await system.sql<{ later: boolean }>(
          `select a.ask_at > o.expires_at as later from payment_attempts a join orders o on o.id = a.order_id where attempt_no = $1`,
          [body.orderNo],
        )
        expect(attempt?.later).toBe(true)
        await system.sql('update payment_attempts set ask_at = now() where attempt_no = $1', [body.orderNo])
        await runJob('ask-open-attempts')
      }
      await until(
        () => booksOf(body.orderNo),
        ([row]) => row?.resolved === true,
      )
      expect(await refundedAtGateway(body.orderNo)).toEqual([{ refundedAmount: '50.00', status: 'TRADE_CLOSED' }])
      expect(await buyer.ownedIds()).toEqual([])
    }
  } finally {
    await system.sandbox.notifications(true)
  }
})

test('a refund that was made though its answers said otherwise is booked as made', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([3], '50.00')
  await buyer.call('POST', `/api/orders/${body.orderNo}/cancel`)
  const scope = { outTradeNo: body.orderNo }
  const method = 'alipay.trade.refund'
  await system.sandbox.send('POST', '/faults', { kind: 'system-error', scope, method, times: 1 })
  await system.sandbox.send('POST', '/faults', {
    kind: 'business-error',
    subCode: 'ACQ.BUYER_ERROR',
    scope,
    method,
    times: 1,
  })
  await system.sandbox.pay(body.payUrl)
  await until(
    () => booksOf(body.orderNo),
    ([row]) => row?.resolved === true,
  )
  expect(await booksOf(body.orderNo)).toMatchObject([{ refund: 'succeeded' }])
  const [row] = await system.sql<{ fen: number }>(
    'select refunded_fen::int as fen from payment_attempts where attempt_no = $1',
    [body.orderNo],
  )
  expect(row?.fen).toBe(5000)
})

test('a link that another tab opened while the order is being cancelled is asked about before the order closes', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  await Promise.all([
    buyer.call('POST', `/api/orders/${body.orderNo}/cancel`),
    ...Array.from({ length: 4 }, () => buyer.call('POST', `/api/orders/${body.orderNo}/payment`, {})),
  ])
  const rows = await system.sql<{ status: string }>(
    `select a.status from payment_attempts a join orders o on o.id = a.order_id where o.order_no = $1`,
    [body.orderNo],
  )
  expect((await buyer.order(body.orderNo)).status).toBe('cancelled')
  expect(rows.every(({ status }) => status === 'closed')).toBe(true)
})

test('a second sender of the same refund waits while the first one has the gateway on the line', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([3], '50.00')
  await buyer.call('POST', `/api/orders/${body.orderNo}/cancel`)
  const fault = { kind: 'timeout-after', scope: { outTradeNo: body.orderNo }, method: 'alipay.trade.refund', times: 1 }
  await system.sandbox.send('POST', '/faults', fault)
  await system.sandbox.pay(body.payUrl)
  const refund = async () =>
    (
      await system.sql<{ id: number; status: string; tries: number }>(
        `select r.id::int, r.status, r.tries from refunds r join orders o on o.id = r.order_id where o.order_no = $1`,
        [body.orderNo],
      )
    )[0]
  const first = await until(refund, (row) => row?.status === 'sent')
  await system.sql('select graphile_worker.add_job($1, $2)', ['send-refund', JSON.stringify({ refundId: first?.id })])
  const attempted = async () =>
    (
      await system.sql<{ n: number }>(
        `select count(*)::int as n from graphile_worker.jobs where task_identifier = 'send-refund' and last_error like '%GATEWAY_UNAVAILABLE%'`,
      )
    )[0]?.n
  await until(attempted, (n) => n === 1, 5000) // the second sender was turned away …
  expect(await refund()).toMatchObject({ status: 'sent', tries: 1 }) // … and sent nothing
  await until(
    () => booksOf(body.orderNo),
    ([row]) => row?.resolved === true,
  )
  expect(await refundedAtGateway(body.orderNo)).toEqual([{ refundedAmount: '50.00', status: 'TRADE_CLOSED' }])
})

test('one stream brings several orders of a buyer, and none of anybody else', async () => {
  const [buyer, stranger] = await Promise.all([system.buyer(), system.buyer()])
  const orders = [(await buyer.buy([1], '39.00')).body, (await buyer.buy([2], '49.00')).body]
  const numbers = orders.map(({ orderNo }) => orderNo)
  const open = (orderNos: readonly string[], token = buyer.token) =>
    fetch(`${system.shopUrl}/api/orders/events?orderNos=${orderNos.join(',')}`, {
      headers: { authorization: `Bearer ${token}` },
    })
  const stream = await open([...numbers, ...numbers])
  const seen: string[] = []
  const reading = (async () => {
    let text = ''
    for await (const chunk of stream.body ?? []) {
      text += Buffer.from(chunk).toString()
      const events = [...text.matchAll(/event: status\ndata: (.*)\n\n/g)].map(
        ([, data]) => JSON.parse(data ?? '{}') as Order,
      )
      seen.splice(0, seen.length, ...events.map(({ orderNo, status }) => `${numbers.indexOf(orderNo)} ${status}`))
      if (seen.includes('0 paid') && seen.includes('1 paid')) return
    }
  })()
  await until(
    async () => seen.length,
    (length) => length === 2,
  )
  expect([...seen].sort()).toEqual(['0 unpaid', '1 unpaid'])
  for (const { payUrl } of orders) await system.sandbox.pay(payUrl)
  await reading
  expect(seen.slice(2).sort()).toEqual(['0 paid', '1 paid'])

  const refused = async (answer: Promise<Response>) => {
    const { status, headers } = await answer
    return [status, headers.get('content-type')?.split(';')[0]]
  }
  const problem = 'application/problem+json'
  expect(await refused(open(numbers, stranger.token))).toEqual([404, problem])
  expect(await refused(open(['none', ...numbers]))).toEqual([404, problem])
  expect(await refused(open(numbers, 'nobody'))).toEqual([401, problem])
  expect(await refused(open(Array.from({ length: 17 }, (_, index) => `${index}`)))).toEqual([422, problem])
  expect(await refused(open(['']))).toEqual([422, problem])
})
