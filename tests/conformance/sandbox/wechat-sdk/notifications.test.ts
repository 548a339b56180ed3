/** Notifications, probes and refunds, as another client of WeChat Pay sees them. */
import { expect, test } from 'vitest'
import { call, eventually, type Json } from '../rig.ts'
import { believes, opened } from '../wechat-rig.ts'
import { advance, get, merchant, number, order, post, query, refusal, sandbox, scan, shop } from './rig.ts'

test('notifications follow the schedule until a 2xx; only the status counts; each try is signed anew', async () => {
  shop.status = 500
  await scan((await order(number()))['code_url'])
  await eventually(() => shop.received.length).toBe(1)
  for (const [gap, count] of [
    [15, 2],
    [15, 3],
    [29, 3],
    [1, 4],
    [180, 5],
  ] as const) {
    await advance(gap)
    expect(shop.received.length).toBe(count)
  }
  await advance(86_400)
  expect(shop.received.length).toBe(16)
  expect(new Set(shop.received.map(({ headers }) => headers['wechatpay-signature'])).size).toBe(16)
  expect(new Set(shop.received.map(({ body }) => JSON.parse(body).id)).size).toBe(1)
})

test('a client that verifies refuses a probe, and the same call again is answered correctly', async () => {
  const no = number()
  const { code_url: codeUrl } = await order(no)
  const fault = { kind: 'sign-test', scope: { outTradeNo: no } }
  await call(sandbox.url, 'POST', '/faults', fault)
  expect(await refusal(query(no))).toMatchObject({ code: 'EV3_RES_HEADER_SIGNATURE_DIGEST' })
  expect(await query(no)).toMatchObject({ trade_state: 'NOTPAY' })
  shop.status = 401
  await scan(codeUrl)
  await eventually(() => shop.received.length).toBe(1)
  shop.status = 204
  await advance(15)
  const [probe, right] = shop.received
  if (!probe || !right) throw new Error('two were to come')
  expect(probe.headers['wechatpay-signature']).toMatch(/^WECHATPAY\/SIGNTEST\//)
  expect([believes(probe, merchant.keys), believes(right, merchant.keys)]).toEqual([false, true])
  await call(sandbox.url, 'DELETE', '/faults')
})

test('refunds end ABNORMAL or CLOSED by a fault; what is closed can be asked for again by another number', async () => {
  const no = number()
  await scan((await order(no))['code_url'])
  const refund = (outRefundNo: string) =>
    post('/v3/refund/domestic/refunds', {
      out_trade_no: no,
      out_refund_no: outRefundNo,
      notify_url: shop.url,
      amount: { refund: 3900, total: 3900, currency: 'CNY' },
    })
  await call(sandbox.url, 'POST', '/faults', { kind: 'refund-closed', times: 1 })
  await refund(`${no}_1`)
  await advance(3)
  expect(await get(`/v3/refund/domestic/refunds/${no}_1`)).toMatchObject({ status: 'CLOSED' })
  // Two refunds of one order must be a minute apart.
  await advance(60)
  await call(sandbox.url, 'POST', '/faults', { kind: 'refund-abnormal', times: 1 })
  await refund(`${no}_2`)
  await advance(3)
  expect(await get(`/v3/refund/domestic/refunds/${no}_2`)).toMatchObject({ status: 'ABNORMAL' })
  const body = { mchId: merchant.mchId, status: 'SUCCESS' }
  await call(sandbox.url, 'POST', `/wechat/refunds/${no}_2/end`, body)
  await eventually(() => shop.received.map((each) => opened(each).event)).toEqual([
    'TRANSACTION.SUCCESS',
    'REFUND.CLOSED',
    'REFUND.ABNORMAL',
    'REFUND.SUCCESS',
  ])
  const { items } = await call<{ items: Json[] }>(sandbox.url, 'GET', `/wechat/trades?outTradeNo=${no}`)
  expect(items).toMatchObject([{ refundedAmount: '39.00', state: 'REFUND' }])
})
