/** Settlement when notifications, returns or answers of the gateway are lost. */
import { expect, test } from 'vitest'
import type { Order } from '../../harness/shop-api.ts'
import { until } from '../../harness/system.ts'
import { booksOf, refundedAtGateway, runJob, system } from './rig.ts'

const returnParameters = (returnUrl: string) => Object.fromEntries(new URL(returnUrl).searchParams)

test('with notifications off, the buyer’s return settles: the gateway is queried, the browser is not trusted', async () => {
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

test('a return that was altered, belongs to another buyer, or comes before paying settles nothing', async () => {
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

test('without notification or return, the job queries and settles', async () => {
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

test('a refund whose answers are lost is sent again with the same number, and made once', async () => {
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

test('a payment of a cancelled order whose notifications are lost is found by the return and by the last query', async () => {
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

test('a refund that was made although its answers denied it is recorded as made', async () => {
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

test('a second sender of the same refund waits while the first is calling the gateway', async () => {
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
