/** Outcomes of calls: whether anything may have happened, whatever the network and WeChat do. */

import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import {
  API_V3_KEY,
  merchant,
  NOW,
  newClient,
  newPair,
  payment,
  refundAnswer,
  refused,
  type SignOptions,
  signatureOf,
  signed,
  startServer,
  thrown,
  wechat,
} from '../test/wechat-side.ts'
import { createWechatPay } from './client.ts'
import { GatewayRefusedError, KeyError, NotSentError, UnknownOutcomeError, WechatPayError } from './errors.ts'
import type { LogEntry } from './execute.ts'

const OUT_TRADE_NO = 'ORD20260101000001'
const query = { outTradeNo: OUT_TRADE_NO }
const once = { retries: 0 }

describe('a 2XX is not trusted without its signature:', () => {
  const body = JSON.stringify(payment())
  const good = signatureOf(body)
  const cases: Readonly<Record<string, readonly [headers: Record<string, string>, body: string]>> = {
    'no signature at all': [{}, body],
    'no serial': [Object.fromEntries(Object.entries(good).filter(([name]) => name !== 'wechatpay-serial')), body],
    'a changed body': [good, body.replace('19900', '19901')],
    'another key': [signatureOf(body, { key: newPair().privateKey }), body],
    "the merchant's own serial": [signatureOf(body, { serial: '5A'.repeat(20) }), body],
    'ten minutes old': [signatureOf(body, { at: new Date(NOW.getTime() - 600_000) }), body],
    "a signature test of WeChat's": [{ ...good, 'wechatpay-signature': 'WECHATPAY/SIGNTEST/c2lnbmVk' }, body],
  }
  for (const [what, [headers, text]] of Object.entries(cases)) {
    test(what, async () => {
      const server = await startServer((response) => response.writeHead(200, headers).end(text))
      const error = await thrown(() => newClient(server.url, once).query(query))
      expect(error).toBeInstanceOf(UnknownOutcomeError)
      expect(error).toMatchObject({ code: 'ANSWER_NOT_VERIFIED' })
      expect(`${error.message}${(error as UnknownOutcomeError).signed}`).not.toContain('oSimUser')
    })
  }

  test('an empty 204 too', async () => {
    const server = await startServer((response) => response.writeHead(204).end())
    expect(await thrown(() => newClient(server.url, once).close(query))).toMatchObject({ code: 'ANSWER_NOT_VERIFIED' })
  })

  test('a signed answer that is not JSON', async () => {
    const server = await startServer((response) => response.writeHead(200, signatureOf('hello')).end('hello'))
    expect(await thrown(() => newClient(server.url, once).query(query))).toMatchObject({
      name: 'UnknownOutcomeError',
      code: 'ANSWER_NOT_UNDERSTOOD',
    })
  })
})

test('an answer that WeChat signs wrongly as a test is retried, and the second one accepted', async () => {
  const server = await startServer((response, { target }) => {
    if (server.received.length > 1) return signed(response, 200, payment())
    expect(target).toContain('?mchid=1900000001')
    const headers = { ...signatureOf(''), 'wechatpay-signature': 'WECHATPAY/SIGNTEST/c2lnbmVk' }
    return response.writeHead(200, headers).end(JSON.stringify(payment()))
  })
  expect(await newClient(server.url).query(query)).toMatchObject({ exists: true })
  expect(server.received).toHaveLength(2)
})

describe('the outcome is unknown:', () => {
  const cases: Readonly<Record<string, readonly [status: number, body: string, code: string]>> = {
    'a system error': [500, '{"code":"SYSTEM_ERROR","message":"系统错误"}', 'SYSTEM_ERROR'],
    'a proxy that cannot reach WeChat': [502, '<html>', 'HTTP_STATUS'],
    'too many requests': [429, '{"code":"FREQUENCY_LIMITED"}', 'FREQUENCY_LIMITED'],
    'still working': [202, '{"code":"USERPAYING"}', 'USERPAYING'],
    'a redirect': [302, '', 'HTTP_STATUS'],
    "a 403 that is not WeChat's": [403, '<html>captive portal</html>', 'ANSWER_NOT_UNDERSTOOD'],
  }
  for (const [what, [status, body, code]] of Object.entries(cases)) {
    test(what, async () => {
      const server = await startServer((response) => response.writeHead(status, { location: '/' }).end(body))
      const error = await thrown(() => newClient(server.url, once).query(query))
      expect(error).toMatchObject({ name: 'UnknownOutcomeError', code })
      expect(server.received).toHaveLength(1)
    })
  }

  test('the connection breaks', async () => {
    const server = await startServer((response) => response.destroy())
    expect(await thrown(() => newClient(server.url, once).query(query))).toMatchObject({
      name: 'UnknownOutcomeError',
      code: 'CONNECTION_LOST',
    })
  })

  test('no answer in time', async () => {
    const server = await startServer(() => undefined)
    const client = newClient(server.url, { timeoutMs: 80 })
    expect(await thrown(() => client.query(query))).toMatchObject({ name: 'UnknownOutcomeError', code: 'TIMED_OUT' })
  })

  test('and it stays unknown when the retry cannot even be sent', async () => {
    let attempts = 0
    const client = newClient('http://127.0.0.1:9', {
      async fetch() {
        attempts += 1
        if (attempts === 1) throw new TypeError('broken', { cause: Object.assign(new Error(), { code: 'ECONNRESET' }) })
        throw new TypeError('refused', { cause: Object.assign(new Error(), { syscall: 'connect' }) })
      },
    })
    const refund = { outTradeNo: OUT_TRADE_NO, outRefundNo: 'R1', refund: 1, total: 1 }
    expect(await thrown(() => client.refund(refund))).toBeInstanceOf(UnknownOutcomeError)
    expect(attempts).toBe(3)
  })
})

test('nothing is sent when no server listens', async () => {
  const holder = createServer()
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
  const { port } = holder.address() as AddressInfo
  await new Promise<void>((resolve) => holder.close(() => resolve()))
  const error = await thrown(() => newClient(`http://127.0.0.1:${port}`, once).query(query))
  expect(error).toBeInstanceOf(NotSentError)
  expect(error).toMatchObject({ code: 'NOT_CONNECTED' })
})

describe('WeChat refuses the request itself:', () => {
  test("its signature, in a message without a buyer's data", async () => {
    const server = await startServer((response) => refused(response, 401, 'SIGN_ERROR', '签名错误'))
    const order = {
      outTradeNo: OUT_TRADE_NO,
      total: 1,
      description: 'x',
      timeExpire: new Date(NOW.getTime() + 60_000),
      notifyUrl: 'https://shop.example/n',
      openid: 'oSimUser000000000000000000001',
    }
    const error = await thrown(() => newClient(server.url).jsapi(order))
    expect(error).toBeInstanceOf(GatewayRefusedError)
    expect(error).toMatchObject({ code: 'SIGN_ERROR', status: 401, requestId: '08ABC-268435461' })
    const { signed: text = '' } = error as GatewayRefusedError
    expect(text).toMatch(/^POST\n\/v3\/pay\/transactions\/jsapi\n/)
    expect(`${error.message}${text}`).not.toContain('oSimUser')
    expect(server.received).toHaveLength(1)
  })

  test('its path: an empty 404 does not mean a missing trade', async () => {
    const server = await startServer((response) => response.writeHead(404).end())
    expect(await thrown(() => newClient(server.url).query(query))).toMatchObject({
      name: 'GatewayRefusedError',
      code: 'HTTP_404',
    })
  })

  test('and any other refusal of a query is thrown', async () => {
    const server = await startServer((response) => refused(response, 403, 'RULE_LIMIT', '业务规则限制'))
    expect(await thrown(() => newClient(server.url).query(query))).toMatchObject({
      name: 'GatewayRefusedError',
      code: 'RULE_LIMIT',
      status: 403,
    })
  })
})

describe('a refusal need not be signed, and one that is must be WeChat’s:', () => {
  const none = { code: 'ORDER_NOT_EXIST', message: '订单不存在' }

  test('unsigned or correctly signed, it is read', async () => {
    const server = await startServer((response) =>
      server.received.length === 1 ? refused(response, 404, 'ORDER_NOT_EXIST') : signed(response, 404, none),
    )
    const client = newClient(server.url, once)
    expect(await client.query(query)).toEqual({ exists: false })
    expect(await client.query(query)).toEqual({ exists: false })
  })

  test('signed with another or an unknown key, it is not trusted', async () => {
    const strangers: SignOptions[] = [{ key: newPair().privateKey }, { serial: 'PUB_KEY_ID_09' }]
    for (const options of strangers) {
      const server = await startServer((response) => signed(response, 404, none, options))
      const error = await thrown(() => newClient(server.url, once).query(query))
      expect(error).toMatchObject({ name: 'UnknownOutcomeError', code: 'ANSWER_NOT_VERIFIED' })
    }
  })

  test('a test signature on it is retried', async () => {
    const server = await startServer((response) =>
      signed(response, 404, none, server.received.length === 1 ? { key: newPair().privateKey } : {}),
    )
    expect(await newClient(server.url).query(query)).toEqual({ exists: false })
    expect(server.received).toHaveLength(2)
  })
})

test('what is retried, and what is not', async () => {
  const server = await startServer((response) => refused(response, 500, 'SYSTEM_ERROR'))
  const client = newClient(server.url, { retries: 1 })
  const count = async (act: () => Promise<unknown>) => {
    const before = server.received.length
    expect(await thrown(act)).toMatchObject({ code: 'SYSTEM_ERROR' })
    return server.received.length - before
  }
  expect(await count(() => client.query(query))).toBe(2)
  expect(await count(() => client.close(query))).toBe(2)
  expect(await count(() => client.refund({ ...query, outRefundNo: 'R1', refund: 1, total: 1 }))).toBe(2)
  expect(await count(() => client.execute('GET', '/v3/marketing/x'))).toBe(2)
  expect(await count(() => client.execute('POST', '/v3/marketing/x', {}))).toBe(1)
  expect(await count(() => client.execute('POST', '/v3/marketing/x', {}, { repeatAfterUnknown: true }))).toBe(2)
})

test('a path before /v3 is signed too, and each attempt has a fresh signature', async () => {
  const server = await startServer((response) =>
    server.received.length === 1 ? response.destroy() : signed(response, 200, refundAnswer()),
  )
  const client = newClient(`${server.url}/wechat/`)
  await client.refundQuery({ outRefundNo: 'RFD20260102000001' })
  expect(server.received.map(({ target }) => target)).toEqual(
    Array(2).fill('/wechat/v3/refund/domestic/refunds/RFD20260102000001'),
  )
  const [first, second] = server.received.map(({ headers }) => headers.authorization)
  expect(first).not.toBe(second)
})

test('the headers of a request', async () => {
  const server = await startServer((response) => signed(response, 200, payment()))
  await newClient(server.url).query(query)
  expect(server.received[0]?.headers).toMatchObject({
    accept: 'application/json',
    'accept-encoding': 'identity',
    'user-agent': expect.stringMatching(/^xuecheng-wechatpay\//),
    'wechatpay-serial': 'PUB_KEY_ID_0119000000012026010100000000000001',
  })
  expect(server.received[0]?.headers['content-type']).toBeUndefined()
})

test('the log gets every attempt and no secret; a log that throws changes nothing', async () => {
  const entries: LogEntry[] = []
  const server = await startServer((response) =>
    server.received.length === 1 ? refused(response, 500, 'SYSTEM_ERROR') : signed(response, 200, payment()),
  )
  const log = (entry: LogEntry) => {
    entries.push(entry)
    throw new Error('disk full')
  }
  await newClient(server.url, { log }).query(query)
  const path = `/v3/pay/transactions/out-trade-no/${OUT_TRADE_NO}`
  expect(entries).toMatchObject([
    { method: 'GET', path, attempt: 1, outcome: 'unknown', code: 'SYSTEM_ERROR' },
    { method: 'GET', path, attempt: 2, outcome: 'answered', requestId: '08ABC-0' },
  ])
  expect(JSON.stringify(entries)).not.toMatch(/oSimUser|signature/)
})

describe('options that cannot work are refused at once:', () => {
  const options = {
    mchId: '1900000001',
    appId: 'wx0000000000000001',
    serialNo: '5A'.repeat(20),
    privateKey: merchant.privateKey,
    apiV3Key: API_V3_KEY,
    publicKey: wechat.publicKey,
    publicKeyId: 'PUB_KEY_ID_01',
  }
  const cases: Readonly<Record<string, readonly [code: string, changes: object]>> = {
    "the merchant's own public key": ['OWN_PUBLIC_KEY_GIVEN', { publicKey: merchant.publicKey }],
    'public and private swapped': ['WRONG_KEY_TYPE', { privateKey: wechat.publicKey }],
    'too short a key': ['KEY_TOO_SHORT', { privateKey: newPair(1024).privateKey }],
    'an APIv3 key of 31 characters': ['UNREADABLE_API_V3_KEY', { apiV3Key: API_V3_KEY.slice(1) }],
    'a public key without its id': ['INVALID_FIELD', { publicKeyId: undefined }],
    'a serial number that is not hexadecimal': ['INVALID_FIELD', { serialNo: 'my certificate' }],
    'a merchant number with a quotation mark': ['INVALID_FIELD', { mchId: '19"' }],
    'a base address with a query': ['INVALID_FIELD', { baseUrl: 'https://x.example/?a=1' }],
  }
  for (const [what, [code, changes]] of Object.entries(cases)) {
    test(what, async () => {
      const error = await thrown(() => createWechatPay({ ...options, ...changes }))
      expect(error).toBeInstanceOf(WechatPayError)
      expect(error).toMatchObject({ code })
      expect(error.message).not.toContain(API_V3_KEY.slice(1))
    })
  }

  test('options that can work are accepted', () => {
    expect(createWechatPay(options).baseUrl).toBe('https://api.mch.weixin.qq.com')
    expect(new KeyError('X', 'x')).toBeInstanceOf(WechatPayError)
  })
})
