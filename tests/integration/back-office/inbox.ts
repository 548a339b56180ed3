/** The inbox of notifications, and its replay. */
import { expect, test } from 'vitest'
import { until } from '../../harness/system.ts'
import { cli, health, latest, type Notification, staff, system } from './rig.ts'

test('a notification is found by any of its numbers, and on the page of the order that its attempt was moved to', async () => {
  const [row] = await system.sql<{ attempt: string; trade: string; notify: string }>(
    `select attempt_no as attempt, trade_no as trade, notify_id as notify from notifications where effect = 'settled' limit 1`,
  )
  const { attempt = '', trade = '', notify = '' } = row ?? {}
  const seen = await latest(attempt)
  for (const number of [trade, notify]) expect(await latest(number)).toEqual(seen)
  const none = await staff.call<{ items: unknown[] }>('GET', '/api/admin/notifications?q=nobody')
  expect(none.body.items).toEqual([])
  // As after a late payment: the order is younger than its attempt and the notification.
  await system.sql(`update orders set created_at = created_at + interval '3 days' where order_no = $1`, [attempt])
  const order = await staff.call<{ notifications: unknown[]; history: unknown[] }>(
    'GET',
    `/api/admin/orders/${attempt}`,
  )
  expect(order.body.notifications).toHaveLength(1)
  const reason = { reason: '', reasonCode: 'PAID' }
  expect(order.body.history).toContainEqual(
    expect.objectContaining({ event: 'open', reasonCode: 'METHOD_CHOSEN', details: { provider: 'alipay' } }),
  )
  expect(order.body.history).toContainEqual(
    expect.objectContaining({
      ...{ subject: 'order', event: 'pay', ...reason },
      details: { provider: 'alipay', tradeNo: trade, source: 'notification' },
    }),
  )
  await system.sql(`update orders set created_at = created_at - interval '3 days' where order_no = $1`, [attempt])
})

test('a failed notification is replayed once its cause is gone, in the back office and on the command line', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  // The cause: for a moment the attempt is missing from the database.
  const hidden = 'f'.repeat(32)
  await system.sql('update payment_attempts set attempt_no = $2 where attempt_no = $1', [body.orderNo, hidden])
  await system.sandbox.pay(body.payUrl)
  const refused = await until(
    () => latest(body.orderNo),
    (seen) => seen.id !== undefined,
  )
  expect(refused).toMatchObject({ accepted: false, effect: 'unmatched', reason: 'UNKNOWN_ATTEMPT' })
  const unhandled = { effect: 'unmatched', reason: 'UNKNOWN_ATTEMPT' }
  expect((await health())['notification_not_handled']?.items).toContainEqual(
    expect.objectContaining({ thing: 'notification', subject: String(refused.id), details: unhandled }),
  )
  expect((await cli('notifications', 'replay', String(refused.id))).code).toBe(1)

  await system.sql('update payment_attempts set attempt_no = $1 where attempt_no = $2', [body.orderNo, hidden])
  const replayed = await staff.call<Notification>('POST', `/api/admin/notifications/${refused.id}/replay`)
  expect(replayed.body.accepted).toBe(false) // the stored notification is not changed
  expect(replayed.body.handlings.map(({ by, accepted, effect, reason }) => [by, accepted, effect, reason])).toEqual([
    ['command line', false, 'unmatched', 'UNKNOWN_ATTEMPT'],
    ['admin', true, 'settled', null],
  ])
  expect((await buyer.order(body.orderNo)).status).toBe('paid')
  expect(await buyer.ownedIds()).toEqual([1])
  const { history } = (await staff.call<{ history: unknown[] }>('GET', `/api/admin/orders/${body.orderNo}`)).body
  const details = expect.objectContaining({ source: 'replay', notificationId: refused.id, by: 'admin' })
  expect(history).toContainEqual(expect.objectContaining({ event: 'pay', reasonCode: 'PAID', details }))

  const again = await cli('notifications', 'replay', String(refused.id), '--json')
  expect([again.code, JSON.parse(again.output)]).toMatchObject([0, { accepted: true, effect: 'repeated' }])
  expect((await cli('notifications', 'replay', 'x')).code).toBe(2)
  expect((await cli('notifications', 'replay', '999999')).code).toBe(1)

  // Meanwhile the payment was listed as unmatched; now it is settled and cannot be refunded from the list.
  const list = await staff.call<{ items: { id: number; attemptNo: string; resolution: string; actions: string[] }[] }>(
    'GET',
    '/api/admin/unmatched-payments?state=resolved',
  )
  const row = list.body.items.find(({ attemptNo }) => attemptNo === body.orderNo)
  expect(row).toMatchObject({ resolution: 'settled', actions: [] })
  const path = `/api/admin/unmatched-payments/${row?.id}`
  expect(await staff.call('POST', `${path}/refund`, { note: 'it was unknown' })).toMatchObject({
    status: 409,
    body: { code: 'MONEY_OF_AN_ORDER' },
  })
  expect((await staff.call('POST', `${path}/seen`, { note: 'it was unknown' })).status).toBe(404)
})

test('a payment of an unknown trade is refunded from the list once', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([2], (await buyer.call<{ price: string }>('GET', '/api/courses/2')).body.price)
  await system.sql('update payment_attempts set attempt_no = $2 where attempt_no = $1', [body.orderNo, 'e'.repeat(32)])
  const { trade } = await system.sandbox.pay(body.payUrl)
  const list = await until(
    () =>
      staff.call<{ items: { id: number; tradeNo: string; amount: string }[] }>(
        'GET',
        '/api/admin/unmatched-payments?state=open',
      ),
    (answer) => answer.body.items.some(({ tradeNo }) => tradeNo === trade.tradeNo),
  )
  const row = list.body.items.find(({ tradeNo }) => tradeNo === trade.tradeNo)
  const refund = (note = 'nobody knows it', headers = {}) =>
    staff.call<{ code?: string; refund?: { requestNo: string } }>(
      'POST',
      `/api/admin/unmatched-payments/${row?.id}/refund`,
      { note },
      headers,
    )
  const key = { 'idempotency-key': `unmatched-${row?.id}` }
  const answers = await Promise.all([refund(undefined, key), refund(undefined, key)])
  expect(answers.map(({ status }) => status)).toEqual([200, 200])
  expect(answers[1]?.body).toEqual(answers[0]?.body)
  expect((await refund('another', key)).body.code).toBe('IDEMPOTENCY_KEY_REUSED')
  const others = await Promise.all([refund(), refund()])
  expect(others.map(({ body: { code } }) => code)).toEqual(['REFUND_TOO_MUCH', 'REFUND_TOO_MUCH'])
  await until(
    () => system.sandbox.trades(body.orderNo),
    ([there]) => there?.refundedAmount === row?.amount,
  )
  const done = await until(
    () =>
      staff.call<{ items: { id: number; resolution: string }[] }>(
        'GET',
        '/api/admin/unmatched-payments?state=resolved',
      ),
    (answer) => answer.body.items.some(({ id }) => id === row?.id),
  )
  expect(done.body.items.find(({ id }) => id === row?.id)?.resolution).toBe('refunded')
})
