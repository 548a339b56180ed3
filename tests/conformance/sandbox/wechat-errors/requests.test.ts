/** Refusals of the caller and of the request, by WeChat Pay’s tables. */
import { request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { call, type Json } from '../rig.ts'
import { type HandCall, orderOf, sendByHand, wechatMerchant } from '../wechat-rig.ts'
import { merchant, NATIVE, NOTIFY, order, query, REFUNDS, sandbox, send } from './rig.ts'

describe('caller: 401 SIGN_ERROR without a signature', () => {
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

describe('request: 400 PARAM_ERROR, signed', () => {
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
