/** Closing and refunding, over HTTP. */
import { describe, expect, test } from 'vitest'
import { answering, query, refusing } from '../test/answers.ts'
import { refundAnswer, thrown } from '../test/wechat-side.ts'

const refund = { ...query, outRefundNo: 'RFD20260102000001', refund: 5000, total: 19900 }

describe('closing', () => {
  test('succeeds with an empty answer', async () => {
    const { client, server } = await answering(undefined, 204)
    expect(await client.close(query)).toEqual({ ok: true })
    expect(server.received[0]).toMatchObject({
      method: 'POST',
      target: '/v3/pay/transactions/out-trade-no/ORD20260101000001/close',
      body: '{"mchid":"1900000001"}',
    })
  })

  test('is refused when the order was paid', async () => {
    for (const code of ['ORDERPAID', 'ORDER_PAID'])
      expect(await (await refusing(400, code)).close(query)).toMatchObject({
        ok: false,
        code: 'ORDER_PAID',
        repeat: 'ask',
      })
  })
})

describe('paying back', () => {
  test('a part', async () => {
    const { client, server } = await answering(refundAnswer())
    const notifyUrl = 'https://shop.example.com/pay/wechat/notify'
    expect(await client.refund({ ...refund, reason: 'course swap', notifyUrl })).toMatchObject({
      ok: true,
      exists: true,
      refunded: false,
      status: 'PROCESSING',
      refundId: '50303400132026010212345678901',
      refund: 5000,
      total: 19900,
      payerRefund: 5000,
      createTime: new Date('2026-01-02T01:00:00Z'),
      successTime: undefined,
      receivedBy: '支付用户零钱',
    })
    expect(server.received[0]).toMatchObject({ method: 'POST', target: '/v3/refund/domestic/refunds' })
    expect(JSON.parse(server.received[0]?.body ?? '')).toEqual({
      out_trade_no: 'ORD20260101000001',
      out_refund_no: 'RFD20260102000001',
      reason: 'course swap',
      notify_url: notifyUrl,
      amount: { refund: 5000, total: 19900, currency: 'CNY' },
    })
  })

  test("by WeChat's number", async () => {
    const { client, server } = await answering(refundAnswer())
    const transactionId = '4200002300202601011234567890'
    expect(await client.refund({ ...refund, transactionId })).toMatchObject({ ok: true })
    expect(JSON.parse(server.received[0]?.body ?? '')).not.toHaveProperty('out_trade_no')
  })

  test('an answer about another refund, or of another amount', async () => {
    for (const changes of [
      { out_refund_no: 'R2' },
      { out_trade_no: 'ORD20260101000002' },
      { amount: { total: 19900, refund: 4999 } },
      { amount: { total: 19901, refund: 5000 } },
    ]) {
      const { client } = await answering(refundAnswer(changes))
      expect(await thrown(() => client.refund(refund))).toMatchObject({ code: 'ANSWER_ABOUT_ANOTHER' })
    }
  })

  test('refusals, with the possible next step', async () => {
    const of = async (status: number, code: string) => (await refusing(status, code)).refund(refund)
    expect(await of(403, 'NOTENOUGH')).toMatchObject({ ok: false, code: 'NOT_ENOUGH', repeat: 'same' })
    expect(await of(404, 'RESOURCE_NOT_EXISTS')).toMatchObject({ ok: false, repeat: 'changed' })
    expect(await of(403, 'USER_ACCOUNT_ABNORMAL')).toMatchObject({ ok: false, repeat: 'never' })
  })

  test('queries: refunded, abnormal, unknown', async () => {
    const ended = { status: 'SUCCESS', success_time: '2026-01-02T09:00:30+08:00' }
    const { client, server } = await answering(refundAnswer(ended))
    expect(await client.refundQuery(refund)).toMatchObject({
      ok: true,
      exists: true,
      refunded: true,
      successTime: new Date('2026-01-02T01:00:30Z'),
    })
    expect(server.received[0]).toMatchObject({
      method: 'GET',
      target: '/v3/refund/domestic/refunds/RFD20260102000001',
      body: '',
    })
    const abnormal = await answering(refundAnswer({ status: 'ABNORMAL' }))
    expect(await abnormal.client.refundQuery(refund)).toMatchObject({ ok: true, refunded: false, status: 'ABNORMAL' })
    expect(await (await refusing(404, 'RESOURCE_NOT_EXISTS')).refundQuery(refund)).toEqual({
      ok: true,
      refunded: false,
      exists: false,
    })
    expect(await (await refusing(403, 'NO_AUTH')).refundQuery(refund)).toMatchObject({ ok: false, code: 'NO_AUTH' })
    const other = await answering(refundAnswer({ out_refund_no: 'R2' }))
    expect(await thrown(() => other.client.refundQuery(refund))).toMatchObject({ code: 'ANSWER_ABOUT_ANOTHER' })
  })
})
