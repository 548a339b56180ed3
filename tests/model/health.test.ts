/**
 * Money health on real books in which a forbidden state was planted: it is found, links to its own row, and nothing
 * else is found.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { HEALTH_CHECKS, runCheck } from '../../apps/shop/src/health/checks.ts'
import { type Harness, openHarness, type PlacedOrder, placeOrder, settleDown } from './harness.ts'

let harness: Harness

beforeAll(async () => {
  harness = await openHarness()
})

afterAll(() => harness.close())

const sql = (text: string, values: unknown[] = []) => harness.connection.pool.query(text, values)

/** Each row's subject, with its detail if there is one, and its link. */
async function found(): Promise<Record<string, { subject: string; link: string }[]>> {
  const ill: Record<string, { subject: string; link: string }[]> = {}
  for (const check of HEALTH_CHECKS) {
    const { rows } = await runCheck(harness.payments.db, check)
    if (rows.length > 0)
      ill[check.name] = rows.map(({ thing, subject, link }) => ({
        subject: thing ? `${thing} ${subject}` : subject,
        link,
      }))
  }
  return ill
}

async function paid(courseIds = [1, 2]): Promise<PlacedOrder> {
  const order = await placeOrder(harness, await harness.newBuyer(), courseIds)
  await order.do('pay')
  await order.do('notify')
  return order
}

// Each test repairs what it planted.
afterEach(async () => expect(await found()).toEqual({}))

test('access to a fully refunded line, in an order a year old', async () => {
  const order = await paid()
  await order.do('refund a line')
  await settleDown(harness, [])
  await sql("update orders set paid_at = now() - interval '300 days' where id = $1", [order.orderId])
  await sql("update enrolments set granted_at = now() - interval '300 days' where order_id = $1", [order.orderId])
  expect(await found()).toEqual({})
  await sql('update enrolments set revoked_at = null where order_id = $1', [order.orderId])
  expect(await found()).toEqual({
    access_without_payment: [{ subject: 'course 1', link: `/admin/orders/${order.orderNo}` }],
  })
  await sql('update enrolments set revoked_at = now() where order_id = $1 and course_id = 1', [order.orderId])
})

test('missing access although its line was not refunded, in an order a year old', async () => {
  const order = await paid()
  await order.do('refund a part')
  await settleDown(harness, [])
  await sql("update orders set paid_at = now() - interval '300 days' where id = $1", [order.orderId])
  const other = await harness.newBuyer()
  await sql('update enrolments set order_id = null, user_id = $2 where order_id = $1 and course_id = 2', [
    order.orderId,
    other,
  ])
  expect(await found()).toEqual({
    paid_without_access: [{ subject: 'course 2', link: `/admin/orders/${order.orderNo}` }],
  })
  await sql('update enrolments set order_id = $1, user_id = $2 where order_id is null', [order.orderId, order.userId])
})

test('a refund that its gateway has accepted is left alone, until the gateway names a problem', async () => {
  const order = await placeOrder(harness, await harness.newBuyer(), [1], 'wechat')
  await order.do('pay')
  await order.do('notify')
  await order.do('refund a line')
  harness.gateway.slow = true
  expect(await order.do('send refunds')).toBe('done')
  const earlier =
    "set requested_at = now() - interval '1 day', decided_at = null, accepted_at = now() - interval '1 day'"
  await sql(`update refunds ${earlier} where order_id = $1`, [order.orderId])
  expect(await found()).toEqual({})
  await sql("update refunds set refusal = 'ABNORMAL' where order_id = $1", [order.orderId])
  expect(Object.keys(await found())).toEqual(['refund_outcome_unknown'])
  // Pending again, to another account.
  harness.pass(60)
  expect(await order.do('send refunds')).toBe('done')
  expect(await found()).toEqual({})
  harness.gateway.slow = false
  await settleDown(harness, [])
})

test("counters of lines and of unmatched payments that are not their refunds' sums", async () => {
  const order = await paid()
  await order.do('refund a part')
  await settleDown(harness, [])
  await sql('update order_lines set reserved_fen = reserved_fen + 1 where order_id = $1 and course_id = 1', [
    order.orderId,
  ])
  const { rows } = await sql(
    `insert into unmatched_payments (provider, trade_no, attempt_no, amount_fen, reason, found_at, reserved_fen, resolved_at, resolution)
     values ('alipay', 'counted', 'counted', 100, 'UNKNOWN_ATTEMPT', now(), 7, now(), 'seen') returning id`,
  )
  const id = String((rows as { id: number }[])[0]?.id)
  expect(await found()).toEqual({
    refunds_over_the_total: expect.arrayContaining([
      { subject: 'course 1', link: `/admin/orders/${order.orderNo}` },
      { subject: 'counted', link: `/admin/unmatched-payments?state=resolved&id=${id}` },
    ]),
  })
  await sql('update order_lines set reserved_fen = reserved_fen - 1 where order_id = $1 and course_id = 1', [
    order.orderId,
  ])
  await sql('update unmatched_payments set reserved_fen = 0 where id = $1', [id])
})

test('a payment that is still open although its order is paid', async () => {
  const order = await placeOrder(harness, await harness.newBuyer(), [1])
  await order.do('pay again by the other method')
  await order.do('pay')
  await order.do('notify')
  await sql("update payment_attempts set status = 'open' where order_id = $1 and status = 'closed'", [order.orderId])
  expect(await found()).toEqual({})
  await sql("update orders set paid_at = now() - interval '1 hour' where id = $1", [order.orderId])
  expect(Object.keys(await found())).toEqual(['attempt_open_on_decided_order'])
  await sql("update payment_attempts set status = 'closed' where order_id = $1 and status = 'open'", [order.orderId])
})

test('a genuine notification without a payment needs no handling; one that failed otherwise does', async () => {
  const insert = (checks: object[]) =>
    sql(
      `insert into notifications (provider, received_at, address, content_type, headers, body, body_bytes, checks, effect, accepted)
       values ('alipay', now(), '', '', '{}', '', 0, $1, 'refused', false) returning id`,
      [JSON.stringify(checks)],
    )
  const signed = { check: 'signature', passed: true }
  await insert([signed, { check: 'status', passed: false, detail: 'WAIT_BUYER_PAY' }])
  expect(await found()).toEqual({})
  const { rows } = await insert([signed, { check: 'seller', passed: false }, { check: 'status', passed: false }])
  const id = String((rows as { id: number }[])[0]?.id)
  expect(await found()).toEqual({
    notification_not_handled: [{ subject: `notification ${id}`, link: `/admin/notifications/${id}` }],
  })
  await sql('delete from notifications where id = $1', [id])
})

test('a day that failed or was never compared is found; one that is only just due is not', async () => {
  const day = (days: number) => new Date(Date.now() + (8 * 3600 - days * 86_400) * 1000).toISOString().slice(0, 10)
  const insert = (days: number, status: string, problem: string | null) =>
    sql(
      `insert into reconciliations (provider, day, status, problem, requested_at) values ('alipay', $1, $2, $3, now() - interval '1 day')`,
      [day(days), status, problem],
    )
  await insert(9, 'failed', 'NEVER_RUN')
  await insert(8, 'failed', 'GATEWAY_UNAVAILABLE')
  await insert(7, 'done', null)
  await insert(0, 'waiting', 'BILL_NOT_READY')
  const link = (days: number) => `/admin/reconciliation/alipay/${day(days)}`
  expect(await found()).toEqual({
    day_not_reconciled: [9, 8].map((days) => ({ subject: `day ${day(days)}`, link: link(days) })),
  })
  await sql("update reconciliations set status = 'done'")
})
