/** Every business error that a merchant can provoke. */
import { describe, expect, test } from 'vitest'
import { signed } from '../hand.ts'
import { call, type Json } from '../rig.ts'
import { merchant, other, query, sandbox, send } from './rig.ts'

async function paid(outTradeNo: string, amount = '10.00', who = merchant): Promise<string> {
  const link = signed(who, {
    method: 'alipay.trade.page.pay',
    content: { out_trade_no: outTradeNo, total_amount: amount, subject: 's', product_code: 'FAST_INSTANT_TRADE_PAY' },
  })
  const { trade } = await call<{ trade: { tradeNo: string } }>(sandbox.url, 'POST', '/pay', {
    payUrl: `${sandbox.url}/gateway.do?${link}`,
  })
  return trade.tradeNo
}

async function waiting(outTradeNo: string): Promise<void> {
  const link = signed(merchant, {
    method: 'alipay.trade.page.pay',
    content: { out_trade_no: outTradeNo, total_amount: '10.00', subject: 's', product_code: 'FAST_INSTANT_TRADE_PAY' },
  })
  const opened = await fetch(`${sandbox.url}/gateway.do?${link}`, { redirect: 'manual' })
  await fetch(`${sandbox.url}${opened.headers.get('location')}/login`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ login: 'buyer@sandbox.example', password: '111111' }),
  })
}

describe('business errors', () => {
  const ofTrade = (method: string, content: Json) =>
    send({ method: `alipay.trade.${method}`, content }).then(({ node }) => node)

  test('query and close', async () => {
    expect(await ofTrade('query', {})).toMatchObject({ code: '40004', sub_code: 'ACQ.INVALID_PARAMETER' })
    expect((await send(query)).text).toContain(
      '{"code":"40004","msg":"Business Failed","sub_code":"ACQ.TRADE_NOT_EXIST","sub_msg":"交易不存在","buyer_pay_amount":"0.00","invoice_amount":"0.00","out_trade_no":"NONE","point_amount":"0.00","receipt_amount":"0.00"}',
    )
    const tradeNo = await paid('E-1')
    expect(await ofTrade('close', { trade_no: tradeNo })).toEqual({
      code: '40004',
      msg: 'Business Failed',
      sub_code: 'ACQ.TRADE_STATUS_ERROR',
      sub_msg: '交易状态不合法',
      out_trade_no: 'E-1',
    })
    expect(await ofTrade('close', {})).toMatchObject({ sub_code: 'ACQ.INVALID_PARAMETER' })
    expect(await ofTrade('close', { out_trade_no: 'NONE' })).toMatchObject({ sub_code: 'ACQ.TRADE_NOT_EXIST' })
    const others = await send({ method: 'alipay.trade.query', content: { trade_no: tradeNo } }, other)
    expect(others.node).toMatchObject({ sub_code: 'ACQ.TRADE_NOT_EXIST' })
  })

  test('refund', async () => {
    await paid('R-1')
    await waiting('R-2')
    const refund = (content: Json) => ofTrade('refund', content)
    expect(await refund({ out_trade_no: 'NONE', refund_amount: '1.00' })).toEqual({
      code: '40004',
      msg: 'Business Failed',
      sub_code: 'ACQ.TRADE_NOT_EXIST',
      sub_msg: '交易不存在',
      refund_fee: '0.00',
      send_back_fee: '0.00',
    })
    expect(await refund({ out_trade_no: 'R-1', refund_amount: '1.001' })).toMatchObject({
      sub_code: 'ACQ.INVALID_PARAMETER',
    })
    for (const [name, value] of [
      ['refund_ammount', '1.00'],
      ['notify_url', 'http://127.0.0.1:3000/notify'],
      ['operator_id', 'x'.repeat(31)],
      ['refund_reason', '字'.repeat(257)],
      ['out_request_no', 'x'.repeat(65)],
    ] as const) {
      expect(
        await refund({ out_trade_no: 'R-1', refund_amount: '1.00', out_request_no: 'a', [name]: value }),
      ).toMatchObject({
        sub_code: 'ACQ.INVALID_PARAMETER',
        sub_msg: expect.stringContaining(name),
      })
    }
    expect(await refund({ out_trade_no: 'R-1', refund_amount: '0.00' })).toMatchObject({
      sub_code: 'ACQ.REFUND_FEE_ERROR',
    })
    expect(await refund({ out_trade_no: 'R-2', refund_amount: '1.00', out_request_no: 'a' })).toMatchObject({
      sub_code: 'ACQ.TRADE_STATUS_ERROR',
    })
    expect(await refund({ out_trade_no: 'R-1', refund_amount: '1.00' })).toMatchObject({
      sub_code: 'ACQ.REFUND_AMT_NOT_EQUAL_TOTAL',
      sub_msg: '撤销或退款金额与订单金额不一致',
      out_trade_no: 'R-1',
    })
    expect(await refund({ out_trade_no: 'R-1', refund_amount: '10.01', out_request_no: 'a' })).toMatchObject({
      sub_code: 'ACQ.REFUND_AMT_NOT_EQUAL_TOTAL',
    })
    expect(await refund({ out_trade_no: 'R-1', refund_amount: '4.00', out_request_no: 'a' })).toMatchObject({
      fund_change: 'Y',
      refund_fee: '4.00',
    })
    expect(await refund({ out_trade_no: 'R-1', refund_amount: '4.00', out_request_no: 'a' })).toMatchObject({
      fund_change: 'N',
      refund_fee: '4.00',
    })
    expect(await refund({ out_trade_no: 'R-1', refund_amount: '4.01', out_request_no: 'a' })).toMatchObject({
      sub_code: 'ACQ.DISCORDANT_REPEAT_REQUEST',
    })
    expect(await refund({ out_trade_no: 'R-1', refund_amount: '6.01', out_request_no: 'b' })).toMatchObject({
      sub_code: 'ACQ.REASON_TRADE_REFUND_FEE_ERR',
    })
    // Less than three seconds after the other one; a moment later the same request is accepted.
    expect(await refund({ out_trade_no: 'R-1', refund_amount: '6.00', out_request_no: 'b' })).toMatchObject({
      sub_code: 'ACQ.SYSTEM_ERROR',
      sub_msg: expect.stringContaining('3秒'),
    })
    await call(sandbox.url, 'POST', '/clock', { advanceSeconds: 3 })
    expect(await refund({ out_trade_no: 'R-1', refund_amount: '6.00', out_request_no: 'b' })).toMatchObject({
      fund_change: 'Y',
      refund_fee: '10.00',
    })
    expect(await refund({ out_trade_no: 'R-1', refund_amount: '6.00', out_request_no: 'b' })).toMatchObject({
      fund_change: 'N',
      refund_fee: '10.00',
    })
    expect(await refund({ out_trade_no: 'R-1', refund_amount: '1.00', out_request_no: 'c' })).toMatchObject({
      sub_code: 'ACQ.TRADE_HAS_CLOSE',
    })
    expect(await ofTrade('query', { out_trade_no: 'R-1' })).toMatchObject({
      trade_status: 'TRADE_CLOSED',
      send_pay_date: expect.any(String),
    })
    const asked = (content: Json) => ofTrade('fastpay.refund.query', content)
    expect(await asked({ out_trade_no: 'R-1', out_request_no: 'b' })).toMatchObject({
      refund_amount: '6.00',
      refund_status: 'REFUND_SUCCESS',
      total_amount: '10.00',
    })
    expect(await asked({ out_trade_no: 'R-1', out_request_no: 'never' })).toEqual({ code: '10000', msg: 'Success' })
    expect(await asked({ out_trade_no: 'R-1' })).toMatchObject({ sub_code: 'ACQ.INVALID_PARAMETER' })
    expect(await asked({ out_trade_no: 'NONE', out_request_no: 'a' })).toMatchObject({
      sub_code: 'ACQ.TRADE_NOT_EXIST',
    })
  })

  test('contracts: no partial refunds, no refunds, the period over', async () => {
    await paid('C-1')
    await call(sandbox.url, 'PUT', `/merchants/${merchant.appId}`, { rules: { partialRefunds: false } })
    expect(await ofTrade('refund', { out_trade_no: 'C-1', refund_amount: '1.00', out_request_no: 'a' })).toMatchObject({
      sub_code: 'ACQ.NOT_ALLOW_PARTIAL_REFUND',
    })
    await call(sandbox.url, 'PUT', `/merchants/${merchant.appId}`, {
      rules: { partialRefunds: true, refundable: false },
    })
    await paid('C-2')
    expect(await ofTrade('query', { out_trade_no: 'C-2' })).toMatchObject({ trade_status: 'TRADE_FINISHED' })
    expect(await ofTrade('refund', { out_trade_no: 'C-2', refund_amount: '10.00' })).toMatchObject({
      sub_code: 'ACQ.TRADE_HAS_FINISHED',
    })
    await call(sandbox.url, 'PUT', `/merchants/${merchant.appId}`, { rules: { refundable: true } })
  })

  test('bills', async () => {
    const bill = (content: Json) =>
      send({ method: 'alipay.data.dataservice.bill.downloadurl.query', content }).then(({ node }) => node)
    const { now } = await call<{ now: string }>(sandbox.url, 'GET', '/clock')
    expect(await bill({ bill_type: 'trade', bill_date: now.slice(0, 10) })).toMatchObject({
      code: '40004',
      sub_code: 'isv.invalid_arguments',
      sub_msg: '入参不合法',
    })
    expect(await bill({ bill_type: 'trade', bill_date: now.slice(0, 7) })).toMatchObject({
      sub_code: 'isv.invalid_arguments',
    })
    expect(await bill({ bill_type: 'trade', bill_date: '2026-02-30' })).toMatchObject({
      sub_code: 'INVAILID_ARGUMENTS',
    })
    expect(await bill({ bill_type: 'constructor', bill_date: '2026-02-01' })).toMatchObject({
      sub_code: 'INVAILID_ARGUMENTS',
    })
    expect(await bill({ bill_type: 'merchant_act', bill_date: '2026-02-01' })).toMatchObject({
      sub_code: 'TYPE_NOT_SUPPORTED',
    })
    expect(await bill({ bill_type: 'trade', bill_date: '2015-12-31' })).toMatchObject({
      sub_code: 'BILL_DATE_BEFORE_REGISTRATION',
    })
    expect(await bill({ bill_type: 'trade', bill_date: '2026-02' })).toMatchObject({
      code: '10000',
      bill_file_code: 'EMPTY_DATA_WITH_BILL_FILE',
    })
    await call(sandbox.url, 'PUT', `/merchants/${merchant.appId}`, { rules: { emptyBills: 'error' } })
    expect(await bill({ bill_type: 'trade', bill_date: '2026-02' })).toMatchObject({ sub_code: 'NO_BILL_DATA' })
    const midnight = Date.parse(`${now.slice(0, 10)}T00:00:00+08:00`) + 24 * 3_600_000
    // Alipay's bills are available from nine o'clock on.
    await call(sandbox.url, 'POST', '/clock', { now: new Date(midnight + 9 * 3_600_000 - 60_000).toISOString() })
    expect(await bill({ bill_type: 'trade', bill_date: now.slice(0, 10) })).toMatchObject({
      sub_code: 'BILL_NOT_EXIST',
    })
    await call(sandbox.url, 'POST', '/clock', { advanceSeconds: 60 })
    expect(await bill({ bill_type: 'trade', bill_date: now.slice(0, 10) })).toMatchObject({ code: '10000' })
  })

  test.each([
    'ACQ.SELLER_BALANCE_NOT_ENOUGH',
    'ACQ.TRADE_NOT_ALLOW_REFUND',
    'ACQ.BUYER_NOT_EXIST',
    'ACQ.ACCESS_FORBIDDEN',
  ])('%s, by a fault', async (subCode) => {
    await call(sandbox.url, 'POST', '/faults', {
      kind: 'business-error',
      scope: { appId: merchant.appId },
      method: 'alipay.trade.refund',
      subCode,
      times: 1,
    })
    expect(await ofTrade('refund', { out_trade_no: 'C-1', refund_amount: '1.00', out_request_no: 'x' })).toMatchObject({
      code: '40004',
      sub_code: subCode,
    })
  })
})
