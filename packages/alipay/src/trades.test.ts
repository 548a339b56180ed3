/** Query, refund and close: what is sent, and how each answer is read. */
import { describe, expect, test } from 'vitest'
import { answering, failed, real } from '../test/answers.ts'
import { FieldError, GatewayRefusedError } from './errors.ts'
import { CLOSE_SUB_CODES, REFUND_QUERY_SUB_CODES, REFUND_SUB_CODES } from './sub-codes.ts'

describe('query', () => {
  test("Alipay's real answer", async () => {
    const { client, sent } = await answering(real('alipay.trade.query'))
    expect(await client.query({ outTradeNo: '1703141270' }, { queryOptions: ['fund_bill_list'] })).toMatchObject({
      exists: true,
      outTradeNo: '1703141270',
      tradeNo: '2023122122001499160501586202',
      tradeStatus: 'TRADE_SUCCESS',
      totalAmount: 1,
      sendPayDate: new Date('2023-12-21T06:48:36Z'),
      buyerLogonId: 'ifv***@sandbox.com',
      buyerUserId: '2088722003899169',
    })
    expect(sent()).toEqual({ out_trade_no: '1703141270', query_options: ['fund_bill_list'] })
  })

  test('a trade that does not exist, with the amounts that come with it', async () => {
    const { client } = await answering(failed('ACQ.TRADE_NOT_EXIST', { out_trade_no: 'N1', receipt_amount: '0.00' }))
    expect(await client.query({ outTradeNo: 'N1' })).toEqual({ exists: false })
  })

  test('how it was paid', async () => {
    const { client } = await answering({
      ...JSON.parse(real('alipay.trade.query')),
      fund_bill_list: [{ fund_channel: 'ALIPAYACCOUNT', amount: '0.01' }],
    })
    const trade = await client.query({ outTradeNo: '1703141270' })
    expect(trade).toMatchObject({ fundBillList: [{ fundChannel: 'ALIPAYACCOUNT', amount: 1 }] })
  })

  test('any other business refusal is thrown: it says nothing about the trade', async () => {
    const { client } = await answering(failed('ACQ.INVALID_PARAMETER'))
    await expect(client.query({ outTradeNo: 'N1' })).rejects.toThrow(GatewayRefusedError)
  })

  test('an invalid amount or state is not accepted', async () => {
    const good = JSON.parse(real('alipay.trade.query'))
    for (const bad of [{ total_amount: '1e2' }, { trade_status: 'PAID' }, { trade_no: undefined }]) {
      const { client } = await answering({ ...good, ...bad })
      await expect(client.query({ outTradeNo: '1703141270' })).rejects.toMatchObject({ name: 'UnknownOutcomeError' })
    }
  })

  test('neither number, or an invalid one', async () => {
    const { client } = await answering('{}')
    for (const trade of [{}, { outTradeNo: '' }, { outTradeNo: 'a b' }, { tradeNo: 'x'.repeat(65) }])
      await expect(client.query(trade)).rejects.toThrow(FieldError)
  })
})

describe('refund', () => {
  const refund = { outTradeNo: '1703141270', outRequestNo: 'R1', refundAmount: 1 }

  test("Alipay's real answer", async () => {
    const { client, sent } = await answering(real('alipay.trade.refund'))
    expect(await client.refund({ ...refund, refundReason: '不想学了' })).toMatchObject({
      ok: true,
      fundChange: true,
      refundFee: 1,
      sendBackFee: 0,
      gmtRefundPay: new Date('2023-12-22T06:19:12Z'),
      tradeNo: '2023122122001499160501586202',
    })
    expect(sent()).toEqual({
      out_trade_no: '1703141270',
      refund_amount: '0.01',
      out_request_no: 'R1',
      refund_reason: '不想学了',
    })
  })

  test('a repeat: success, without moving money', async () => {
    const { client } = await answering(real('alipay.trade.refund').replace('"fund_change":"Y"', '"fund_change":"N"'))
    expect(await client.refund(refund)).toMatchObject({ ok: true, fundChange: false, refundFee: 1 })
  })

  test('a success that does not say whether money moved is an unknown outcome', async () => {
    const { client } = await answering(real('alipay.trade.refund').replace('"fund_change":"Y",', ''))
    await expect(client.refund(refund)).rejects.toMatchObject({ name: 'UnknownOutcomeError' })
  })

  test('is refused before it is sent', async () => {
    const { client } = await answering('{}')
    for (const bad of [
      { refundAmount: 0 },
      { refundAmount: 0.5 },
      { outRequestNo: '' },
      { outRequestNo: 'x'.repeat(65) },
      { refundReason: 'x'.repeat(257) },
      { operatorId: 'x'.repeat(31) },
      { outTradeNo: undefined },
    ])
      await expect(client.refund({ ...refund, ...bad })).rejects.toThrow(FieldError)
  })

  for (const [subCode, { meaning, repeat }] of Object.entries(REFUND_SUB_CODES)) {
    if (subCode.endsWith('SYSTEM_ERROR')) continue
    test(`${subCode} is a value`, async () => {
      const { client } = await answering(failed(subCode, { refund_fee: '0.00', send_back_fee: '0.00' }))
      expect(await client.refund(refund)).toMatchObject({ ok: false, subCode, subMsg: '失败', meaning, repeat })
    })
  }

  test('an undocumented refusal must not be repeated unchanged', async () => {
    const { client } = await answering(failed('ACQ.BRAND_NEW'))
    expect(await client.refund(refund)).toMatchObject({ ok: false, subCode: 'ACQ.BRAND_NEW', repeat: 'changed' })
  })
})

describe('refund query', () => {
  const query = { outTradeNo: '1703141270', outRequestNo: '1703141270' }
  const made =
    '{"code":"10000","msg":"Success","out_request_no":"1703141270","out_trade_no":"1703141270","refund_amount":"0.01","refund_status":"REFUND_SUCCESS","total_amount":"0.01","trade_no":"2023122122001499160501586202"}'

  test('a refund that was made', async () => {
    const { client, sent } = await answering(made)
    expect(await client.refundQuery({ ...query, queryOptions: ['gmt_refund_pay'] })).toMatchObject({
      ok: true,
      refunded: true,
      refundAmount: 1,
      totalAmount: 1,
    })
    expect(sent()).toEqual({
      out_trade_no: '1703141270',
      out_request_no: '1703141270',
      query_options: ['gmt_refund_pay'],
    })
  })

  test('success without any field means that no refund was made', async () => {
    const { client } = await answering('{"code":"10000","msg":"Success"}')
    expect(await client.refundQuery(query)).toMatchObject({ ok: true, refunded: false })
  })

  test('an answer about another refund of the trade is not trusted', async () => {
    const { client } = await answering(made.replace('"out_request_no":"1703141270"', '"out_request_no":"R2"'))
    await expect(client.refundQuery(query)).rejects.toMatchObject({ name: 'UnknownOutcomeError' })
  })

  for (const subCode of Object.keys(REFUND_QUERY_SUB_CODES).filter((each) => !each.endsWith('SYSTEM_ERROR'))) {
    test(`${subCode} is a value`, async () => {
      const { client } = await answering(failed(subCode))
      expect(await client.refundQuery(query)).toMatchObject({ ok: false, subCode })
    })
  }
})

describe('close', () => {
  test("Alipay's real answer", async () => {
    const { client, sent } = await answering(
      '{"code":"10000","msg":"Success","out_trade_no":"1703226647","trade_no":"2023122222001499160501602106"}',
    )
    expect(await client.close({ outTradeNo: '1703226647', operatorId: 'staff' })).toMatchObject({ ok: true })
    expect(sent()).toEqual({ out_trade_no: '1703226647', operator_id: 'staff' })
  })

  for (const subCode of Object.keys(CLOSE_SUB_CODES).filter((each) => !each.endsWith('SYSTEM_ERROR'))) {
    test(`${subCode} is a value`, async () => {
      const { client } = await answering(failed(subCode, { out_trade_no: 'N1' }))
      expect(await client.close({ outTradeNo: 'N1' })).toMatchObject({ ok: false, subCode })
    })
  }
})
