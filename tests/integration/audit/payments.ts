/** Orders, refunds, the inbox, jobs and reconciliation. */
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { deadJob, endDay, order, paidOrder, unreportedOrder } from '../../browser/back-office.ts'
import { until } from '../../harness/system.ts'
import { at, did, reason, system } from './rig.ts'

test('orders, refunds and access', async () => {
  const unpaid = await order(system, [1], '39.00')
  const asked = await did(at('POST', 'orders/{orderNo}/ask'), `orders/${unpaid.orderNo}/ask`)
  expect(asked.line.after).toEqual({ [unpaid.orderNo]: 'none' })
  const cancelled = await did(at('POST', 'orders/{orderNo}/cancel'), `orders/${unpaid.orderNo}/cancel`, { reason })
  expect(cancelled.line).toMatchObject({ before: { status: 'unpaid' }, after: { status: 'cancelled' } })

  const paid = await paidOrder(system, [1, 2, 3], '138.00')
  const path = `orders/${paid.orderNo}/refunds`
  await system.sandbox.send('POST', '/faults', {
    ...{ kind: 'business-error', scope: { outTradeNo: paid.orderNo }, method: 'alipay.trade.refund' },
    subCode: 'ACQ.TRADE_NOT_ALLOW_REFUND',
  })
  const part = { lines: [{ courseId: 1, amount: '39.00' }], amount: '39.00', reason }
  const sent = await did<{ requestNo: string }>(at('POST', 'orders/{orderNo}/refunds'), path, part)
  expect(sent.line.before).toMatchObject({ status: 'paid' })
  await system.sql('update refunds set tries = 3 where request_no = $1', [sent.requestNo])
  const refused = await until(
    () => system.sql<{ status: string }>('select status from refunds where request_no = $1', [sent.requestNo]),
    ([refund]) => refund?.status === 'refused',
  )
  expect(refused).toHaveLength(1)
  await system.sandbox.send('DELETE', '/faults')
  await did(at('POST', 'refunds/{requestNo}/send-again'), `refunds/${sent.requestNo}/send-again`, {})

  for (const [verb, body] of [
    ['approve', {}],
    ['decline', { answer: 'no' }],
  ] as const) {
    const bought = await paidOrder(system, [1], '39.00')
    await bought.buyer.call('POST', `/api/orders/${bought.orderNo}/refunds`, { courseIds: [1], reason })
    const [refund] = await system.sql<{ request_no: string }>(
      "select request_no from refunds where status = 'requested' order by id desc limit 1",
    )
    const { line } = await did(at('POST', `refunds/{requestNo}/${verb}`), `refunds/${refund?.request_no}/${verb}`, body)
    expect(line.before).toEqual({ status: 'requested' })
  }

  const bought = await paidOrder(system, [1], '39.00')
  const { id } = (await bought.buyer.call<{ id: number }>('GET', '/api/me')).body
  const revoked = await did(at('POST', 'buyers/{id}/access/revoke'), `buyers/${id}/access/revoke`, {
    courseId: 1,
    reason,
  })
  const { orderNo } = bought
  expect(revoked.line).toMatchObject({ before: { courseId: 1, access: 'active', orderNo } })
  expect(revoked.line.after).toEqual({ courseId: 1, access: 'revoked' })
  const granted = await did(at('POST', 'buyers/{id}/access'), `buyers/${id}/access`, { courseId: 1, orderNo, reason })
  expect(granted.line.before).toEqual({ courseId: 1, access: 'revoked' })
  expect(granted.line.after).toEqual({ courseId: 1, access: 'active', orderNo })
  const { line: off } = await did(at('POST', 'buyers/{id}/disable'), `buyers/${id}/disable`, { disabled: true, reason })
  expect(off).toMatchObject({ before: { disabled: false }, after: { disabled: true } })
  const { line: secret } = await did(at('POST', 'buyers/{id}/password'), `buyers/${id}/password`, { reason })
  expect(secret).toMatchObject({ before: { passwordDue: false }, after: { passwordDue: true } })
})

test('a refund that the gateway keeps refusing is stopped', async () => {
  const stuck = await paidOrder(system, [1], '39.00')
  await system.sandbox.send('POST', '/faults', {
    ...{ kind: 'business-error', scope: { outTradeNo: stuck.orderNo }, method: 'alipay.trade.refund' },
    subCode: 'ACQ.SELLER_BALANCE_NOT_ENOUGH',
  })
  const part = { lines: [{ courseId: 1, amount: '39.00' }], amount: '39.00', reason }
  const kept = await did<{ requestNo: string }>(
    at('POST', 'orders/{orderNo}/refunds'),
    `orders/${stuck.orderNo}/refunds`,
    part,
  )
  await until(
    () => system.sql<{ refusal: string | null }>('select refusal from refunds where request_no = $1', [kept.requestNo]),
    ([refund]) => refund?.refusal !== null,
  )
  await system.sandbox.send('DELETE', '/faults')
  const stopped = await did(at('POST', 'refunds/{requestNo}/stop'), `refunds/${kept.requestNo}/stop`, { answer: 'no' })
  expect(stopped.line.after).toMatchObject({ status: 'refused' })
})

test('inbox, unmatched payments, jobs, and a day with its difference', async () => {
  const [settled] = await system.sql<{ id: number }>('select id::int from notifications order by id desc limit 1')
  const { line } = await did(at('POST', 'notifications/{id}/replay'), `notifications/${settled?.id}/replay`)
  expect(line.before).toMatchObject({ accepted: true })

  for (const verb of ['refund', 'seen']) {
    const bought = await order(system, [1], '39.00')
    await system.sql('update payment_attempts set attempt_no = $2 where attempt_no = $1', [
      bought.orderNo,
      randomBytes(16).toString('hex'),
    ])
    await system.sandbox.pay(bought.payUrl)
    const [row] = await until(
      () =>
        system.sql<{ id: number }>('select id::int from unmatched_payments where attempt_no = $1', [bought.orderNo]),
      (rows) => rows.length > 0,
    )
    await did(at('POST', `unmatched-payments/{id}/${verb}`), `unmatched-payments/${row?.id}/${verb}`, { note: reason })
    if (verb === 'seen')
      await did(at('POST', 'unmatched-payments/{id}/reopen'), `unmatched-payments/${row?.id}/reopen`, { note: reason })
  }

  await deadJob(system)
  const [dead] = await system.sql<{ id: string }>(
    "select id::text from graphile_worker._private_jobs where payload::text like '%none%'",
  )
  const again = await did(at('POST', 'jobs/{id}/run-again'), `jobs/${dead?.id}/run-again`)
  expect(again.line.before).toMatchObject({ task: 'send-refund', attempts: 3, lastError: 'refundId is no number' })

  const trial = { payType: 'alipay' }
  await did(at('POST', 'trial-payments'), 'trial-payments', trial)

  await unreportedOrder(system)
  const day = await endDay(system)
  await did(at('POST', 'reconciliations'), 'reconciliations', { provider: 'alipay', day })
  const differences = await until(
    () =>
      system.sql<{ id: number }>(
        "select id::int from reconciliation_differences where kind = 'PAID_THERE_UNPAID_HERE'",
      ),
    (rows) => rows.length > 0,
  )
  const repair = { repair: 'seen', note: reason }
  await did(at('POST', 'differences/{id}/repair'), `differences/${differences[0]?.id}/repair`, repair)
})
