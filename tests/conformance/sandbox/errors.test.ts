/** Every error a merchant can provoke, provoked; and input that no merchant should send, answered as Alipay would. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox } from '@xuecheng/sandbox'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask, type HandCall, signed, takeApart } from './hand.ts'
import { call, type Json, type TestMerchant } from './rig.ts'

const data = mkdtempSync(join(tmpdir(), 'sandbox-'))
let sandbox: Awaited<ReturnType<typeof startSandbox>>
let merchant: TestMerchant
let other: TestMerchant

beforeAll(async () => {
  sandbox = await startSandbox({ data })
  merchant = await call<TestMerchant>(sandbox.url, 'POST', '/merchants', {})
  other = await call<TestMerchant>(sandbox.url, 'POST', '/merchants', {})
})
afterAll(async () => {
  await sandbox.close()
  rmSync(data, { recursive: true })
})

const send = (hand: HandCall, who = merchant) => ask(sandbox.url, signed(who, hand))
const query = { method: 'alipay.trade.query', content: { out_trade_no: 'NONE' } }

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

describe('the gateway’s own checks, in their order', () => {
  const unknownApp = { app_id: '9021000000000000' }
  test.each<[string, string, boolean, HandCall]>([
    ['40001', 'isv.missing-app-id', false, { ...query, change: { app_id: undefined } }],
    ['40002', 'isv.invalid-app-id', false, { ...query, change: unknownApp }],
    ['40002', 'isv.invalid-app-id', false, { ...query, change: unknownApp, afterwards: { sign: undefined } }],
    ['40002', 'isv.invalid-charset', true, { ...query, change: { charset: 'latin-9' } }],
    ['40001', 'isv.missing-signature', true, { ...query, afterwards: { sign: undefined } }],
    ['40001', 'isv.missing-signature-type', true, { ...query, change: { sign_type: undefined } }],
    ['40002', 'isv.invalid-signature-type', true, { ...query, change: { sign_type: 'MD5' } }],
    ['40002', 'isv.invalid-signature', true, { ...query, afterwards: { sign: 'AAAA' } }],
    ['40002', 'isv.invalid-signature', true, { ...query, afterwards: { sign: '不是base64' } }],
    ['40002', 'isv.invalid-signature', true, { ...query, afterwards: { notify_url: 'http://added.example' } }],
    ['40002', 'isv.invalid-signature', true, { ...query, digest: 'sha1' }],
    ['40001', 'isv.missing-version', true, { ...query, change: { version: undefined } }],
    ['40002', 'isv.invalid-parameter', true, { ...query, change: { version: '2.0' } }],
    ['40001', 'isv.missing-timestamp', true, { ...query, change: { timestamp: undefined } }],
    ['40002', 'isv.invalid-timestamp', true, { ...query, change: { timestamp: '2026-02-30 10:00:00' } }],
    ['40002', 'isv.invalid-format', true, { ...query, change: { format: 'XML' } }],
    ['20001', 'aop.invalid-app-auth-token', true, { ...query, change: { app_auth_token: '201501BBAA' } }],
    ['20001', 'aop.invalid-auth-token', true, { ...query, change: { auth_token: 'x' } }],
    ['40002', 'isv.illegal-json', true, { ...query, content: '{"out_trade_no":' }],
    ['40002', 'isv.illegal-json', true, { ...query, content: '["NONE"]' }],
    ['40002', 'isv.invalid-method', true, { method: 'alipay.no.such.method', content: {} }],
    ['40002', 'isv.invalid-method', true, { method: '__proto__', content: {} }],
    ['40002', 'isv.invalid-encrypt-type', true, { ...query, change: { encrypt_type: 'DES' } }],
    [
      '40002',
      'isv.decryption-error-unknown',
      true,
      { ...query, content: 'AAAAAAAAAAAAAAAAAAAAAA==', change: { encrypt_type: 'AES' } },
    ],
    ['40001', 'isv.decryption-error-missing-encrypt-type', true, { ...query, content: 'AAAAAAAAAAAAAAAAAAAAAA==' }],
  ])('%s %s (signed: %s)', async (code, subCode, isSigned, hand) => {
    const answer = await send(hand)
    expect(answer).toMatchObject({
      status: 200,
      type: 'text/html;charset=utf-8',
      signed: isSigned,
      node: { code, sub_code: subCode },
    })
    expect(Object.keys(answer.node).slice(0, 4)).toEqual(['code', 'msg', 'sub_code', 'sub_msg'])
  })

  test('RSA with SHA-1 is a signature too, where the call says so', async () => {
    expect((await send({ ...query, digest: 'sha1', change: { sign_type: 'RSA' } })).node).toMatchObject({
      sub_code: 'ACQ.TRADE_NOT_EXIST',
    })
  })

  test('a refused signature quotes the string the gateway built', async () => {
    const { node } = await send({ ...query, afterwards: { sign: 'AAAA' } })
    expect(node['sub_msg']).toBe(
      `验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配，网关生成的验签字符串为：app_id=${merchant.appId}&amp;biz_content={"out_trade_no":"NONE"}&amp;charset=utf-8&amp;method=alipay.trade.query&amp;sign_type=RSA2&amp;timestamp=2026-11-23 10:00:00&amp;version=1.0`,
    )
  })

  test('an application without its key uploaded', async () => {
    await call(sandbox.url, 'PUT', '/merchants/9021000100000077', {})
    const answer = await send({ ...query, change: { app_id: '9021000100000077' } })
    expect(answer).toMatchObject({ signed: true, node: { code: '40003', sub_code: 'isv.missing-signature-config' } })
  })

  test('without a charset in the address the body is read as GBK, and the refusal says what helps', async () => {
    const parameters = signed(merchant, { ...query, content: { out_trade_no: '中文' } })
    const response = await fetch(`${sandbox.url}/gateway.do`, { method: 'POST', body: parameters })
    const text = new TextDecoder('gbk').decode(await response.arrayBuffer())
    expect(text).toContain('isv.invalid-signature')
    expect(text).toContain('charset参数放到请求URL')
    const inQuery = await fetch(`${sandbox.url}/gateway.do?charset=utf-8`, { method: 'POST', body: parameters })
    expect((await takeApart(inQuery)).node).toMatchObject({ sub_code: 'ACQ.TRADE_NOT_EXIST', out_trade_no: '中文' })
  })
})

describe('certificate mode', () => {
  let certified: TestMerchant & {
    certificates: { appCertSn: string; rootCertSn: string; alipayCert: string; alipayCertSn: string }
  }
  beforeAll(async () => {
    certified = await call(sandbox.url, 'POST', '/merchants', { keyMode: 'cert' })
  })
  const withSns = (change: HandCall['change'], content: unknown = query.content, method = query.method) =>
    send(
      {
        method,
        content,
        change: {
          app_cert_sn: certified.certificates.appCertSn,
          alipay_root_cert_sn: certified.certificates.rootCertSn,
          ...change,
        },
      },
      certified,
    )

  test.each([
    ['isv.missing-app-cert-sn', { app_cert_sn: undefined }],
    ['isv.missing-alipay-root-cert-sn', { alipay_root_cert_sn: undefined }],
    [
      'isv.invalid-alipay-root-cert-sn',
      { alipay_root_cert_sn: '687b59193f3f462dd5336e5abf83c5d8_02941eef3187dddf3d3b83462e1dfcf6' },
    ],
    ['isv.app-cert-not-exist', { app_cert_sn: '866efef280dec9137a87d047ac446315' }],
    ['ACQ.TRADE_NOT_EXIST', {}],
  ])('%s', async (subCode, change) => {
    const answer = await withSns(change)
    expect(answer.node).toMatchObject({ sub_code: subCode })
    expect(answer.text).toContain(`},"alipay_cert_sn":"${certified.certificates.alipayCertSn}","sign":"`)
  })

  test('Alipay’s certificate can be fetched by its number', async () => {
    const { node } = await withSns(
      {},
      { alipay_cert_sn: certified.certificates.alipayCertSn },
      'alipay.open.app.alipaycert.download',
    )
    expect(Buffer.from(node['alipay_cert_content'] ?? '', 'base64').toString()).toBe(certified.certificates.alipayCert)
    const wrong = await withSns({}, { alipay_cert_sn: '0' }, 'alipay.open.app.alipaycert.download')
    expect(wrong.node).toMatchObject({ sub_code: 'isv.alipay-cert-not-exist' })
  })
})

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
    // Less than three seconds after the other one; a moment later the same request is taken.
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
    // Alipay's bills are there from nine o'clock on.
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

const GOODS = { goods_id: '1', goods_name: 'n', quantity: 1, price: '1.00' }

describe('the payment page refuses in GBK, in words', () => {
  const order = { out_trade_no: 'P-1', total_amount: '1.00', subject: 's', product_code: 'FAST_INSTANT_TRADE_PAY' }
  test.each<[string, string, Json, HandCall['afterwards']?]>([
    ['invalid-signature', 'app_id=', order, { sign: 'AAAA' }],
    ['invalid-app-id', '无效的AppID', order, { app_id: '1' }],
    ['INVALID_PARAMETER', 'total_amount', { ...order, total_amount: '0' }],
    ['INVALID_PARAMETER', 'total_amount', { ...order, total_amount: '1.001' }],
    ['INVALID_PARAMETER', 'total_amount', { ...order, total_amount: '100000000.01' }],
    ['INVALID_PARAMETER', 'total_amount', { ...order, total_amount: '-1' }],
    ['INVALID_PARAMETER', 'out_trade_no', { ...order, out_trade_no: 'x'.repeat(65) }],
    ['INVALID_PARAMETER', 'out_trade_no', { ...order, out_trade_no: '' }],
    ['INVALID_PARAMETER', 'subject', { ...order, subject: '' }],
    ['INVALID_PARAMETER', 'subject', { ...order, subject: '字'.repeat(257) }],
    ['INVALID_PARAMETER', 'subject', { ...order, subject: 'TCP/IP' }],
    ['INVALID_PARAMETER', 'subject', { ...order, subject: 'a=b' }],
    ['INVALID_PARAMETER', 'subject', { ...order, subject: 'Vue & React' }],
    ['INVALID_PARAMETER', 'product_code', { ...order, product_code: 'QUICK_WAP_WAY' }],
    ['INVALID_PARAMETER', 'timeout_express', { ...order, timeout_express: '1.5h' }],
    ['INVALID_PARAMETER', 'timeout_express', { ...order, timeout_express: '16d' }],
    ['INVALID_PARAMETER', 'time_expire', { ...order, time_expire: '2026/12/01' }],
    // The link says that it was made at 10:00:00.
    ['INVALID_PARAMETER', 'time_expire', { ...order, time_expire: '2026-11-23 10:00:59' }],
    ['INVALID_PARAMETER', 'body', { ...order, body: '字'.repeat(129) }],
    ['INVALID_PARAMETER', 'goods_type', { ...order, goods_type: '2' }],
    ['INVALID_PARAMETER', 'qr_pay_mode', { ...order, qr_pay_mode: '5' }],
    ['INVALID_PARAMETER', 'integration_type', { ...order, integration_type: 'APP' }],
    ['INVALID_PARAMETER', 'store_id', { ...order, store_id: 'x'.repeat(33) }],
    [
      'INVALID_PARAMETER',
      'goods_detail',
      { ...order, goods_detail: [{ goods_id: '1', goods_name: 'n', quantity: 1 }] },
    ],
    [
      'INVALID_PARAMETER',
      'disable_pay_channels',
      { ...order, enable_pay_channels: 'pcredit', disable_pay_channels: 'moneyFund' },
    ],
  ])('%s: %s', async (code, reason, content, afterwards) => {
    const response = await fetch(
      `${sandbox.url}/gateway.do?${signed(merchant, { method: 'alipay.trade.page.pay', content, ...(afterwards && { afterwards }) })}`,
    )
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/html;charset=GBK')
    const text = new TextDecoder('gbk').decode(await response.arrayBuffer())
    expect(text).toContain('调试错误，请回到请求来源地，重新发起请求。')
    expect(text).toContain(`<dd>${code}</dd>`)
    expect(text).toContain(reason)
  })
  test('more goods than an order may have', async () => {
    const posted = async (goods: number) => {
      const content = { ...order, out_trade_no: `G-${goods}`, goods_detail: Array(goods).fill(GOODS) }
      const body = signed(merchant, { method: 'alipay.trade.page.pay', content })
      return fetch(`${sandbox.url}/gateway.do?charset=utf-8`, { method: 'POST', redirect: 'manual', body })
    }
    expect((await posted(150)).status).toBe(302)
    expect(new TextDecoder('gbk').decode(await (await posted(151)).arrayBuffer())).toContain('SUB_GOODS_SIZE_MAX_COUNT')
  })
})
