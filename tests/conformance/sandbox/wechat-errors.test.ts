/** Every refusal of the protocol's tables that the sandbox gives: who asks, what is asked, and what has become of it. */
import { createPublicKey } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox } from '@xuecheng/sandbox'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { morningAfter } from '../../harness/sandbox-api.ts'
import { call, type Json } from './rig.ts'
import { type HandCall, orderOf, sendByHand, type WechatMerchant, wechatMerchant } from './wechat-rig.ts'

const data = mkdtempSync(join(tmpdir(), 'sandbox-wechat-'))
const NOTIFY = 'http://127.0.0.1:99/notify'
let sandbox: Awaited<ReturnType<typeof startSandbox>>
let merchant: WechatMerchant

beforeAll(async () => {
  sandbox = await startSandbox({ data })
  await call(sandbox.url, 'PUT', '/notifications', { enabled: false })
  merchant = await wechatMerchant(sandbox.url)
})
afterAll(async () => {
  await sandbox.close()
  rmSync(data, { recursive: true })
})

const NATIVE = '/v3/pay/transactions/native'
const REFUNDS = '/v3/refund/domestic/refunds'
const send = (hand: HandCall) => sendByHand(sandbox.url, merchant, hand)
const query = (no: string) => `/v3/pay/transactions/out-trade-no/${no}?mchid=${merchant.mchId}`
const order = (no: string, change: Json = {}) =>
  send({ method: 'POST', path: NATIVE, body: orderOf(merchant, no, NOTIFY, change) })
const refund = (no: string, change: Json = {}, amount: Json = {}) =>
  send({
    method: 'POST',
    path: REFUNDS,
    body: {
      out_trade_no: no,
      out_refund_no: `${no}-R`,
      amount: { refund: 100, total: 3900, currency: 'CNY', ...amount },
      ...change,
    },
  })
async function paid(no: string): Promise<void> {
  const { json } = await order(no)
  await call(sandbox.url, 'POST', '/wechat/pay', { codeUrl: json['code_url'] })
}

describe('who asks: 401 SIGN_ERROR without a signature', () => {
  const asked: HandCall = { method: 'GET', path: '/v3/bill/tradebill?bill_date=2026-01-01' }
  const old = String(Math.floor(Date.now() / 1000) - 301)
  test.each<[string, string, Partial<HandCall>]>([
    ['no Authorization', 'Authorization值格式错误', { headers: { authorization: undefined } }],
    ['another scheme', 'Authorization值格式错误', { headers: { authorization: 'Bearer x' } }],
    ['a part missing', 'Authorization值格式错误', { authorization: { serial_no: '' } }],
    ['five minutes old', 'timestamp与发起请求的时间不得超过5分钟', { authorization: { timestamp: old } }],
    ['a time that is none', 'timestamp与发起请求的时间不得超过5分钟', { authorization: { timestamp: 'now' } }],
    ['an unknown merchant', '商户证书序列号有误', { authorization: { mchid: '1999999999' } }],
    ['an unknown serial', '商户证书序列号有误', { authorization: { serial_no: 'AB'.repeat(20) } }],
    ['a wrong signature', '签名错误', { authorization: { signature: 'AAAA' } }],
    ['a probe as signature', '签名错误', { authorization: { signature: 'WECHATPAY/SIGNTEST/AAAA' } }],
    [
      'no Authorization, of a transaction',
      '签名信息错误',
      { method: 'POST', path: NATIVE, headers: { authorization: undefined } },
    ],
  ])('%s', async (_what, words, change) => {
    const answer = await send({ ...asked, ...change })
    expect(answer).toMatchObject({ status: 401, signed: false, json: { code: 'SIGN_ERROR' } })
    expect(answer.json.message).toContain(words)
  })

  test('the transactions’ answer to no Authorization has no Request-ID; the others have one', async () => {
    const bare = { headers: { authorization: undefined } }
    const answers = [await send({ method: 'POST', path: NATIVE, ...bare }), await send({ ...asked, ...bare })]
    expect(answers.map(({ requestId }) => requestId)).toEqual([
      undefined,
      expect.stringMatching(/^[0-9A-F]{32}-268443699$/),
    ])
  })

  test('a signature over other bytes than those sent is refused with what the signed text began with', async () => {
    const body = JSON.stringify(orderOf(merchant, 'BYTES-1', NOTIFY))
    const sent = await send({ method: 'POST', path: NATIVE, body: `${body}\n` })
    expect(sent.status).toBe(200)
    const other = await wechatMerchant(sandbox.url)
    const { json } = await sendByHand(
      sandbox.url,
      { ...merchant, privateKey: other.privateKey },
      { method: 'POST', path: NATIVE, body },
    )
    expect(json).toMatchObject({
      code: 'SIGN_ERROR',
      detail: { field: 'signature', location: 'authorization', sign_information: { method: 'POST', url: NATIVE } },
    })
  })

  test('no Accept: 400 of refunds and certificates, without a signature', async () => {
    const path = '/v3/certificates'
    const response = await rawRequest(path)
    expect(response).toMatchObject({ status: 400, signed: false })
    expect(response.text).toContain('Http头缺少Accept或User-Agent')
  })

  test('Accept has to take JSON', async () => {
    const asked = (accept: string) => send({ method: 'GET', path: `${REFUNDS}/NEVER`, headers: { accept } })
    expect(await asked('text/html')).toMatchObject({ status: 400, signed: false, json: { code: 'INVALID_REQUEST' } })
    for (const accept of ['*/*', 'text/html, application/json;q=0.9']) expect((await asked(accept)).status).toBe(404)
  })

  test('nothing there: 404; there by another method: 405; both without a word', async () => {
    expect(await send({ method: 'GET', path: '/v3/nothing' })).toMatchObject({ status: 404, signed: false, text: '' })
    expect(await send({ method: 'GET', path: NATIVE })).toMatchObject({ status: 405, signed: false, text: '' })
    expect(await send({ method: 'DELETE', path: query('A-12345') })).toMatchObject({ status: 405, text: '' })
  })
})

const GOODS = { merchant_goods_id: '1', goods_name: '课'.repeat(30), quantity: 1, unit_price: 1 }

describe('what is asked: 400 PARAM_ERROR, signed', () => {
  test.each<[string, Json]>([
    ['an unknown field', { surprise: 1 }],
    ['a total with a fraction', { amount: { total: 39.5 } }],
    ['a total of nothing', { amount: { total: 0 } }],
    ['a total as text', { amount: { total: '3900' } }],
    ['another currency', { amount: { total: 1, currency: 'USD' } }],
    ['a number too short', { out_trade_no: 'ABC12' }],
    ['a number too long', { out_trade_no: 'A'.repeat(33) }],
    ['a number with other characters', { out_trade_no: 'ABC 123' }],
    ['no description', { description: '' }],
    ['a description too long', { description: '字'.repeat(128) }],
    ['an address with a query string', { notify_url: `${NOTIFY}?a=1` }],
    ['an address of another protocol', { notify_url: 'ftp://shop.example/notify' }],
    ['an address with a user name', { notify_url: 'https://me@shop.example/notify' }],
    ['an address with a port of one digit', { notify_url: 'https://shop.example:8/notify' }],
    ['a time that is none', { time_expire: 'tomorrow' }],
    ['a day in place of a time', { time_expire: new Date(Date.now() + 86_400_000).toISOString().slice(0, 10) }],
    ['a time in words', { time_expire: new Date(Date.now() + 3_600_000).toUTCString() }],
    ['an attachment too long', { attach: '字'.repeat(129) }],
    ['a coupon tag too long', { goods_tag: 'x'.repeat(33) }],
    ['a limit on payment that is none', { limit_pay: ['no_cash'] }],
    ['details of more than 6144 bytes', { detail: { goods_detail: Array(60).fill(GOODS) } }],
    ['a time more than seven days ahead', { time_expire: '2099-01-01T00:00:00+08:00' }],
    ['null', { attach: null }],
    ['another mchid', { mchid: '1999999999' }],
  ])('%s', async (_what, change) => {
    expect(await order('PARAM-1', change)).toMatchObject({ status: 400, signed: true, json: { code: 'PARAM_ERROR' } })
  })

  test.each<[string, Json, Json]>([
    ['a value', { amount: { total: 0 } }, { field: '/amount/total', value: 0 }],
    ['what is missing', { description: undefined }, { field: '/description', issue: 'missing' }],
    ['what is not known', { surprise: 1 }, { field: '/surprise', value: 1, issue: 'not known' }],
    ['a time', { time_expire: 'tomorrow' }, { field: '/time_expire', value: 'tomorrow', issue: 'not RFC 3339' }],
    ['another mchid', { mchid: '1999999999' }, { field: '/mchid', value: '1999999999' }],
  ])('detail names the field, what it says and where: %s', async (_what, change, detail) => {
    const { json } = await order('PARAM-2', change)
    expect(json).toMatchObject({
      code: 'PARAM_ERROR',
      detail: { location: 'body', issue: expect.any(String), ...detail },
    })
    expect(json.message).toContain(detail['field'] === '/mchid' ? 'Authorization' : `/body${detail['field']}`)
  })

  test('no JSON; not said to be JSON; no mchid in a query; H5 without its scene', async () => {
    const broken = { method: 'POST', path: NATIVE, body: '{"appid":' } as const
    expect(await send(broken)).toMatchObject({ status: 400, json: { code: 'PARAM_ERROR' } })
    const text = { ...broken, body: '{}', headers: { 'content-type': 'text/plain' } }
    expect(await send(text)).toMatchObject({ status: 400, json: { code: 'INVALID_REQUEST' } })
    const bare = query('NONE-1').split('?')[0] ?? ''
    expect(await send({ method: 'GET', path: bare })).toMatchObject({ status: 400, json: { code: 'PARAM_ERROR' } })
    const h5 = { method: 'POST', path: '/v3/pay/transactions/h5', body: orderOf(merchant, 'H5-0001', NOTIFY) } as const
    expect(await send(h5)).toMatchObject({ status: 400, json: { code: 'PARAM_ERROR' } })
  })

  test('less than a minute ahead is no refusal: the order ends a minute from now', async () => {
    const soon = new Date(Date.now() + 5000).toISOString()
    expect((await order('SOON-1', { time_expire: soon })).status).toBe(200)
    const made = await call<{ createdAt: string; expiresAt: string }>(sandbox.url, 'GET', '/wechat/trades/SOON-1')
    expect(Date.parse(made.expiresAt) - Date.parse(made.createdAt)).toBeGreaterThanOrEqual(59_900)
  })

  test('an appid of someone else', async () => {
    expect(await order('APPID-1', { appid: 'wxffffffffffffffff' })).toMatchObject({
      status: 400,
      signed: true,
      json: { code: 'APPID_MCHID_NOT_MATCH' },
    })
  })
})

describe('what has become of it', () => {
  test('a number that never was; one of other terms; one that is paid', async () => {
    expect(await send({ method: 'GET', path: query('NONE-1') })).toMatchObject({
      status: 404,
      signed: true,
      json: { code: 'ORDER_NOT_EXIST', message: '订单不存在' },
    })
    const id = `/v3/pay/transactions/id/4200000000000000000000000000?mchid=${merchant.mchId}`
    expect(await send({ method: 'GET', path: id })).toMatchObject({ status: 404, json: { code: 'ORDER_NOT_EXIST' } })
    expect((await order('AGAIN-1')).status).toBe(200)
    const other = { amount: { total: 3901, currency: 'CNY' } }
    expect(await order('AGAIN-1', other)).toMatchObject({ status: 403, json: { code: 'OUT_TRADE_NO_USED' } })
    const scene_info = { payer_client_ip: '203.0.113.7', h5_info: { type: 'Wap' } }
    const body = orderOf(merchant, 'AGAIN-1', NOTIFY, { scene_info })
    expect(await send({ method: 'POST', path: '/v3/pay/transactions/h5', body })).toMatchObject({ status: 403 })
    for (const payer_client_ip of ['203.0.113.7:51234', 'unknown', '[2001:db8::1]']) {
      const wrong = { scene_info: { ...scene_info, payer_client_ip } }
      const refused = orderOf(merchant, 'AGAIN-3', NOTIFY, wrong)
      expect(await send({ method: 'POST', path: '/v3/pay/transactions/h5', body: refused })).toMatchObject({
        status: 400,
        json: { code: 'PARAM_ERROR', detail: { field: '/scene_info/payer_client_ip' } },
      })
    }
    await paid('AGAIN-2')
    expect(await order('AGAIN-2')).toMatchObject({ status: 400, json: { code: 'ORDERPAID' } })
  })

  test('another merchant sees nothing of it', async () => {
    await paid('OTHER-1')
    const other = await wechatMerchant(sandbox.url)
    const path = `/v3/pay/transactions/out-trade-no/OTHER-1?mchid=${other.mchId}`
    expect(await sendByHand(sandbox.url, other, { method: 'GET', path })).toMatchObject({ status: 404 })
    const body = { out_trade_no: 'OTHER-1', out_refund_no: 'X1', amount: { refund: 1, total: 3900, currency: 'CNY' } }
    const stolen = await sendByHand(sandbox.url, other, { method: 'POST', path: REFUNDS, body })
    expect(stolen).toMatchObject({ status: 404, json: { code: 'RESOURCE_NOT_EXISTS' } })
  })

  test('refunds: of nothing, of what is unpaid, too much, of another total, other terms, without currency, of no number', async () => {
    expect(await refund('NONE-1')).toMatchObject({ status: 404, json: { code: 'RESOURCE_NOT_EXISTS' } })
    await order('UNPAID-1')
    expect(await refund('UNPAID-1')).toMatchObject({ status: 404, json: { code: 'RESOURCE_NOT_EXISTS' } })
    await paid('BACK-1')
    expect(await refund('BACK-1', {}, { refund: 3901 })).toMatchObject({ json: { code: 'INVALID_REQUEST' } })
    expect(await refund('BACK-1', {}, { total: 3800 })).toMatchObject({ json: { code: 'INVALID_REQUEST' } })
    expect(await refund('BACK-1', {}, { currency: undefined })).toMatchObject({ json: { code: 'PARAM_ERROR' } })
    expect(await refund('BACK-1', { mchid: merchant.mchId })).toMatchObject({ json: { code: 'PARAM_ERROR' } })
    expect(await refund('BACK-1', { out_trade_no: undefined })).toMatchObject({
      status: 400,
      json: { code: 'PARAM_ERROR' },
    })
    expect(await refund('BACK-1')).toMatchObject({ status: 200, json: { status: 'PROCESSING' } })
    expect(await refund('BACK-1', {}, { refund: 200 })).toMatchObject({ json: { code: 'INVALID_REQUEST' } })
    expect(await refund('BACK-1', { reason: 'another' })).toMatchObject({ json: { code: 'INVALID_REQUEST' } })
    expect(await refund('BACK-1', { notify_url: NOTIFY })).toMatchObject({ json: { code: 'INVALID_REQUEST' } })
    expect(await refund('BACK-1')).toMatchObject({ status: 200 })
    const parts = { from: [{ account: 'AVAILABLE', amount: 99 }] }
    expect(await refund('BACK-1', { out_refund_no: 'BACK-1-R3' }, parts)).toMatchObject({
      json: { code: 'PARAM_ERROR' },
    })
    expect(await refund('BACK-1', { out_refund_no: 'BACK-1-R2' }, { refund: 3801 })).toMatchObject({ status: 400 })
    expect(await send({ method: 'GET', path: `${REFUNDS}/NEVER` })).toMatchObject({
      status: 404,
      signed: true,
      json: { code: 'RESOURCE_NOT_EXISTS' },
    })
  })

  test('refunds by rule: a minute apart, fifty at most, within a year', async () => {
    const { mchId, appId, serialNo } = merchant
    const publicKey = publicKeyOf(merchant)
    const rules = (gap: number) =>
      call(sandbox.url, 'PUT', `/wechat/merchants/${mchId}`, {
        ...{ appId, serialNo, publicKey, apiV3Key: 'sandbox-0123456789-ABCDEFGHIJKLM' },
        rules: { refundGapSeconds: gap },
      })
    await paid('RULE-1')
    const part = (index: number) => refund('RULE-1', { out_refund_no: `RULE-1-${index}` }, { refund: 1 })
    expect((await part(1)).status).toBe(200)
    expect(await part(2)).toMatchObject({ status: 429, json: { code: 'FREQUENCY_LIMITED' } })
    await call(sandbox.url, 'POST', '/clock', { advanceSeconds: 60 })
    expect((await part(2)).status).toBe(200)
    await rules(0)
    for (let index = 3; index <= 50; index++) expect((await part(index)).status).toBe(200)
    expect(await part(51)).toMatchObject({ status: 400, json: { code: 'INVALID_REQUEST' } })
    await paid('RULE-2')
    await call(sandbox.url, 'POST', '/clock', { advanceSeconds: 366 * 86_400 })
    expect(await refund('RULE-2')).toMatchObject({ status: 400, json: { code: 'INVALID_REQUEST' } })
  })

  test('bills: a day that is none, today, too long ago, a type that is none', async () => {
    const asked = await call<{ now: string }>(sandbox.url, 'GET', '/clock')
    const now = morningAfter(asked.now)
    await call(sandbox.url, 'POST', '/clock', { now })
    const bill = (search: string) => send({ method: 'GET', path: `/v3/bill/tradebill?${search}` })
    const today = new Date(Date.parse(now) + 8 * 3_600_000).toISOString().slice(0, 10)
    for (const day of ['2026-02-30', '20260101', today, '2020-01-01']) {
      expect(await bill(`bill_date=${day}`)).toMatchObject({ status: 400, json: { code: 'INVALID_REQUEST' } })
    }
    const yesterday = new Date(Date.parse(now) - 86_400_000 + 8 * 3_600_000).toISOString().slice(0, 10)
    expect(await bill(`bill_date=${yesterday}&tar_type=ZIP`)).toMatchObject({ json: { code: 'PARAM_ERROR' } })
    expect(await bill(`bill_date=${yesterday}&bill_type=NONE`)).toMatchObject({ json: { code: 'PARAM_ERROR' } })
    expect(await bill(`bill_date=${yesterday}`)).toMatchObject({ status: 400, json: { code: 'NO_STATEMENT_EXIST' } })
    // A bill is there from ten o'clock of the next day on; now it is half past ten.
    await call(sandbox.url, 'POST', '/clock', { advanceSeconds: 23.5 * 3600 - 60 })
    expect(await bill(`bill_date=${today}`)).toMatchObject({ status: 400, json: { code: 'STATEMENT_CREATING' } })
    await call(sandbox.url, 'POST', '/clock', { advanceSeconds: 60 })
    expect(await bill(`bill_date=${today}`)).toMatchObject({ status: 400, json: { code: 'NO_STATEMENT_EXIST' } })
  })
})

describe('by a fault', () => {
  test.each<[Json, number, string | undefined]>([
    [{ kind: 'business-error', subCode: 'NOT_ENOUGH' }, 403, 'NOT_ENOUGH'],
    [{ kind: 'business-error', subCode: 'RULE_LIMIT' }, 403, 'RULE_LIMIT'],
    [{ kind: 'business-error', subCode: 'USER_ACCOUNT_ABNORMAL' }, 403, 'USER_ACCOUNT_ABNORMAL'],
    [{ kind: 'business-error', subCode: 'TRADE_OVERDUE' }, 400, 'TRADE_OVERDUE'],
    [{ kind: 'business-error' }, 500, 'SYSTEM_ERROR'],
    [{ kind: 'system-error' }, 500, 'SYSTEM_ERROR'],
    [{ kind: 'unavailable' }, 429, 'FREQUENCY_LIMITED'],
    [{ kind: 'http-500' }, 500, undefined],
  ])('%o answers %d %s', async (fault, status, code) => {
    await call(sandbox.url, 'POST', '/faults', { ...fault, times: 1, scope: { outTradeNo: 'FAULT-1' } })
    const answer = await order('FAULT-1')
    expect([answer.status, answer.json.code, answer.signed]).toEqual([status, code, code !== undefined])
  })

  test('each strike is counted', async () => {
    const { strikes } = await call<{ strikes: Record<string, number> }>(sandbox.url, 'GET', '/faults')
    expect(strikes).toMatchObject({ 'business-error': 5, 'system-error': 1, unavailable: 1, 'http-500': 1 })
  })
})

function publicKeyOf({ privateKey }: WechatMerchant): string {
  return createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64')
}

/** A call without Accept and User-Agent, which fetch would add. */
function rawRequest(path: string): Promise<{ status: number | undefined; signed: boolean; text: string }> {
  return new Promise((resolve, reject) => {
    request(`${sandbox.url}${path}`, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      const signed = 'wechatpay-signature' in response.headers
      response.on('end', () => resolve({ status: response.statusCode, signed, text }))
    })
      .on('error', reject)
      .end()
  })
}
