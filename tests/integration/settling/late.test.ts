/** Settlement of late and repeated payments, and the event streams that report them. */
import { expect, test } from 'vitest'
import type { Order } from '../../harness/shop-api.ts'
import { until } from '../../harness/system.ts'
import { booksOf, refundedAtGateway, runJob, system } from './rig.ts'

test('an unpaid order expires after its link; one that was paid meanwhile is paid', async () => {
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

test('an order just past its time is not expired yet: clocks differ', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  await system.sql(`update orders set expires_at = now() - interval '20 seconds' where order_no = $1`, [body.orderNo])
  await runJob('expire-orders')
  await until(jobsLeft, (left) => left === 0)
  expect((await buyer.order(body.orderNo)).status).toBe('unpaid')
})

test('the event stream sends the state at once and again when it changes, no matter which process settles', async () => {
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

test('when two paid orders share a course, it is granted once and its second price is refunded by itself', async () => {
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

test('a payment that arrives on a cancelled order is refunded in full by itself and grants nothing', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([3], '50.00')
  await buyer.call('POST', `/api/orders/${body.orderNo}/cancel`)
  await system.sandbox.pay(body.payUrl) // the link was open in another window; there was no trade to close
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

async function jobsLeft(): Promise<number> {
  const [row] = await system.sql<{ n: number }>('select count(*)::int as n from graphile_worker.jobs')
  return row?.n ?? 0
}

test('a link opened in another tab while the order is being cancelled is queried before the order closes', async () => {
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

test('one stream covers several orders of a buyer, and no other buyer’s', async () => {
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
