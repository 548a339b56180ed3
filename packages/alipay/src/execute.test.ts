/** Calls over real HTTP: what is sent, what is trusted, and what is known about the outcome after a failure. */
import type { ServerResponse } from 'node:http'
import { AlipaySdk } from 'alipay-sdk'
import { describe, expect, test } from 'vitest'
import { newPair, signedAnswer } from '../test/alipay-side.ts'
import { closedPort, type Received, startGateway } from '../test/gateway.ts'
import { encodeGbk } from '../test/gbk.ts'
import { type AlipayOptions, createAlipay } from './client.ts'
import { AlipayError, GatewayRefusedError, NotSentError, UnknownOutcomeError } from './errors.ts'
import type { LogEntry } from './execute.ts'

const merchant = newPair()
const alipay = newPair()
const QUERY = 'alipay.trade.query'
const paid =
  '{"code":"10000","msg":"Success","out_trade_no":"N1","send_pay_date":"2026-11-23 10:00:00","total_amount":"39.00","trade_no":"2026112322001","trade_status":"TRADE_SUCCESS"}'

const clientAt = (gateway: string, options: Partial<AlipayOptions> = {}) =>
  createAlipay({
    appId: '2021000120612450',
    privateKey: merchant.privateKey,
    alipayPublicKey: alipay.publicKey,
    gateway,
    timeoutMs: 5000,
    ...options,
  })

const answering =
  (node: string) =>
  (response: ServerResponse, { parameters }: Received) => {
    response.setHeader('content-type', 'text/html;charset=utf-8')
    response.end(signedAnswer(parameters['method'] ?? '', node, alipay.privateKey))
  }

async function failure(act: () => Promise<unknown>): Promise<AlipayError> {
  const error = await act().then(
    () => new Error('expected an error'),
    (thrown: unknown) => thrown,
  )
  if (error instanceof AlipayError) return error
  throw error
}

test('what is sent: POST, everything but the content in the address, and a signature that the SDK verifies', async () => {
  const gateway = await startGateway(answering(paid))
  const trade = await clientAt(gateway.url, { clock: () => new Date('2026-11-23T16:30:00Z') }).query({
    outTradeNo: 'N1',
  })
  expect(trade).toMatchObject({ exists: true, totalAmount: 3900, sendPayDate: new Date('2026-11-23T02:00:00Z') })
  const [sent] = gateway.received
  if (!sent) throw new Error('nothing came')
  expect(sent.method).toBe('POST')
  expect(sent.headers['content-type']).toMatch(/^application\/x-www-form-urlencoded;\s*charset=utf-8$/i)
  expect([...sent.form.keys()]).toEqual(['biz_content'])
  expect(Object.fromEntries(sent.query)).toMatchObject({
    method: QUERY,
    app_id: '2021000120612450',
    charset: 'utf-8',
    sign_type: 'RSA2',
    version: '1.0',
    timestamp: '2026-11-24 00:30:00',
  })
  const checker = new AlipaySdk({
    appId: '1',
    privateKey: alipay.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    alipayPublicKey: merchant.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  })
  expect(checker.checkNotifySignV2(sent.parameters)).toBe(true)
})

describe('an unknown outcome', () => {
  const outcomes: Readonly<Record<string, readonly [code: string, answer: (response: ServerResponse) => void]>> = {
    'a time-out after sending': ['TIMED_OUT', () => {}],
    'a time-out in the middle of the answer': [
      'TIMED_OUT',
      (response) => {
        response.writeHead(200)
        response.write('{"alipay_')
      },
    ],
    'a connection that breaks': ['CONNECTION_LOST', (response) => response.destroy()],
    'HTTP 500': ['HTTP_STATUS', (response) => response.writeHead(500).end('busy')],
    'HTTP 404': ['HTTP_STATUS', (response) => response.writeHead(404).end()],
    'a redirect': ['HTTP_STATUS', (response) => response.writeHead(302, { location: '/elsewhere' }).end()],
    'an answer of more than 1 MiB': [
      'ANSWER_TOO_LARGE',
      (response) => response.end(Buffer.alloc(1024 * 1024 + 1, 0x20)),
    ],
    'a page': ['ANSWER_NOT_VERIFIED', (response) => response.end('<html>')],
    'an empty answer': ['ANSWER_NOT_VERIFIED', (response) => response.end()],
    "another key's signature": [
      'ANSWER_NOT_VERIFIED',
      (response) => response.end(signedAnswer(QUERY, paid, merchant.privateKey)),
    ],
    'an answer to another method': [
      'ANSWER_NOT_VERIFIED',
      (response) => response.end(signedAnswer('alipay.trade.close', paid, alipay.privateKey)),
    ],
    'success without a signature': [
      'ANSWER_NOT_SIGNED',
      (response) => response.end(`{"alipay_trade_query_response":${paid}}`),
    ],
    'a business refusal without a signature': [
      'ANSWER_NOT_SIGNED',
      (response) =>
        response.end('{"alipay_trade_query_response":{"code":"40004","sub_code":"ACQ.TRADE_NOT_EXIST","sub_msg":"x"}}'),
    ],
    'a refusal without a signature, of a kind that Alipay signs': [
      'ANSWER_NOT_SIGNED',
      (response) => response.end('{"alipay_trade_query_response":{"code":"40002","sub_code":"isv.invalid-signature"}}'),
    ],
  }
  for (const [what, [code, answer]] of Object.entries(outcomes)) {
    test(what, async () => {
      const gateway = await startGateway(answer)
      const alipayClient = clientAt(gateway.url, { timeoutMs: code === 'TIMED_OUT' ? 1500 : 20_000, retries: 0 })
      const error = await failure(() => alipayClient.query({ outTradeNo: 'N1' }))
      expect(error).toBeInstanceOf(UnknownOutcomeError)
      expect(error.code).toBe(code)
      expect(gateway.received.length).toBe(1)
    })
  }

  const said: readonly [string, string][] = [
    ['40004', 'ACQ.SYSTEM_ERROR'],
    ['40004', 'AQC.SYSTEM_ERROR'],
    ['20000', 'isp.unknow-error'],
    ['20000', 'aop.unknow-error'],
    ['40004', 'UNKNOWN_ERROR'],
  ]
  for (const [code, subCode] of said) {
    test(`Alipay says ${code} ${subCode}`, async () => {
      const gateway = await startGateway(
        answering(`{"code":"${code}","msg":"x","sub_code":"${subCode}","sub_msg":"系统繁忙"}`),
      )
      const refund = { outTradeNo: 'N1', outRequestNo: 'R1', refundAmount: 1 }
      const error = await failure(() => clientAt(gateway.url, { retries: 0 }).refund(refund))
      expect(error).toBeInstanceOf(UnknownOutcomeError)
      expect(error).toMatchObject({ code: subCode, message: expect.stringContaining('系统繁忙') })
    })
  }

  test('a code that is in no list', async () => {
    const gateway = await startGateway(answering('{"code":"30001","msg":"x"}'))
    const error = await failure(() => clientAt(gateway.url, { retries: 0 }).close({ outTradeNo: 'N1' }))
    expect(error).toBeInstanceOf(UnknownOutcomeError)
  })

  test('busy, in GBK although the header says utf-8', async () => {
    const gateway = await startGateway((response) => {
      const node =
        '{"code":"20000","msg":"Service Currently Unavailable","sub_code":"aop.unknow-error","sub_msg":"系统繁忙"}'
      response.setHeader('content-type', 'text/html;charset=utf-8')
      response.end(signedAnswer(QUERY, node, alipay.privateKey, encodeGbk as typeof Buffer.from))
    })
    const error = await failure(() => clientAt(gateway.url, { retries: 0 }).query({ outTradeNo: 'N1' }))
    expect(error).toMatchObject({ name: 'UnknownOutcomeError', message: expect.stringContaining('系统繁忙') })
  })

  test('aborted after sending', async () => {
    const given = new AbortController()
    const gateway = await startGateway(() => given.abort())
    const error = await failure(() => clientAt(gateway.url).query({ outTradeNo: 'N1' }, { signal: given.signal }))
    expect(error).toMatchObject({ name: 'UnknownOutcomeError', code: 'ABORTED' })
    expect(gateway.received.length).toBe(1)
  })

  test('a replayed answer about another trade', async () => {
    const gateway = await startGateway(answering(paid))
    const error = await failure(() => clientAt(gateway.url).query({ outTradeNo: 'N2' }))
    expect(error).toBeInstanceOf(UnknownOutcomeError)
    const byTradeNo = await failure(() => clientAt(gateway.url).query({ tradeNo: '2026', outTradeNo: 'N1' }))
    expect(byTradeNo).toBeInstanceOf(UnknownOutcomeError)
  })

  test('an empty answer to a close or a refund', async () => {
    const gateway = await startGateway(answering('{"code":"10000","msg":"Success"}'))
    const client = clientAt(gateway.url, { retries: 0 })
    for (const act of [
      () => client.close({ outTradeNo: 'N1' }),
      () => client.refund({ outTradeNo: 'N1', outRequestNo: 'R1', refundAmount: 1 }),
      () => client.query({ outTradeNo: 'N1' }),
    ])
      expect(await failure(act)).toBeInstanceOf(UnknownOutcomeError)
  })
})

describe('certainly not sent', () => {
  test('a connection that is refused', async () => {
    const client = clientAt(`http://127.0.0.1:${await closedPort()}/gateway.do`, { retries: 0 })
    const error = await failure(() => client.refund({ outTradeNo: 'N1', outRequestNo: 'R1', refundAmount: 1 }))
    expect(error).toBeInstanceOf(NotSentError)
    expect(error.code).toBe('NOT_CONNECTED')
  })

  test('a host that does not exist', async () => {
    const client = clientAt('http://gateway.invalid/gateway.do', { retries: 0 })
    expect(await failure(() => client.query({ outTradeNo: 'N1' }))).toMatchObject({ code: 'NOT_CONNECTED' })
  })

  test('no time left to send it', async () => {
    const gateway = await startGateway(answering(paid))
    const signal = AbortSignal.abort(new DOMException('', 'TimeoutError'))
    const error = await failure(() => clientAt(gateway.url).query({ outTradeNo: 'N1' }, { signal }))
    expect(error).toMatchObject({ name: 'NotSentError', code: 'TIMED_OUT' })
    expect(gateway.received.length).toBe(0)
  })

  test('aborted before sending', async () => {
    const gateway = await startGateway(answering(paid))
    const signal = AbortSignal.abort()
    const error = await failure(() => clientAt(gateway.url).query({ outTradeNo: 'N1' }, { signal }))
    expect(error).toMatchObject({ name: 'NotSentError', code: 'ABORTED' })
    expect(gateway.received.length).toBe(0)
  })
})

describe('refused by the gateway', () => {
  test('a rejected signature: says what was signed, with which key and what to do, without showing a key', async () => {
    const refusal = '{"code":"40002","msg":"Invalid Arguments","sub_code":"isv.invalid-signature","sub_msg":"验签出错"}'
    const gateway = await startGateway(answering(refusal))
    const logged: LogEntry[] = []
    const client = clientAt(gateway.url, { log: (entry) => logged.push(entry) })
    const error = await failure(() =>
      client.execute(QUERY, { out_trade_no: 'N1' }, { parameters: { app_auth_token: 'very-secret' } }),
    )
    expect(error).toBeInstanceOf(GatewayRefusedError)
    expect(error).toMatchObject({ code: '40002', subCode: 'isv.invalid-signature', verified: true })
    expect(error.message).toContain('biz_content={"out_trade_no":"N1"}')
    expect(error.message).toContain('&charset=utf-8&method=alipay.trade.query&')
    expect(error.message).toMatch(/fingerprint [0-9a-f]{16}/)
    const everything = JSON.stringify([error, error.message, error.stack, logged])
    const der = merchant.privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64')
    for (const secret of [
      der.slice(50, 90),
      'very-secret',
      'BEGIN',
      gateway.received[0]?.parameters['sign']?.slice(0, 40) ?? '?',
    ])
      expect(everything).not.toContain(secret)
    expect(logged).toMatchObject([
      { method: QUERY, outcome: 'refused', code: '40002', subCode: 'isv.invalid-signature' },
    ])
  })

  test('an unknown application: unsigned, so only a hint', async () => {
    const gateway = await startGateway((response) =>
      response.end(
        '{"alipay_trade_query_response":{"code":"40002","msg":"Invalid Arguments","sub_code":"isv.invalid-app-id","sub_msg":"无效的AppID参数"}}',
      ),
    )
    const error = await failure(() => clientAt(gateway.url).query({ outTradeNo: 'N1' }))
    expect(error).toMatchObject({ name: 'GatewayRefusedError', subCode: 'isv.invalid-app-id', verified: false })
    expect(error.message).toMatch(/sandbox/)
    expect(gateway.received.length).toBe(1)
  })

  for (const code of ['20001', '40001', '40003', '40005', '40006']) {
    test(code, async () => {
      const gateway = await startGateway(answering(`{"code":"${code}","msg":"x","sub_code":"isv.something"}`))
      const error = await failure(() => clientAt(gateway.url).query({ outTradeNo: 'N1' }))
      expect(error).toMatchObject({ name: 'GatewayRefusedError', code, verified: true })
    })
  }
})

describe('repeats', () => {
  const failingFirst = (times: number, fail: (response: ServerResponse) => void, node: string) => {
    let count = 0
    return startGateway((response, request) => {
      count += 1
      if (count <= times) fail(response)
      else answering(node)(response, request)
    })
  }

  test('a query is retried after a broken connection, HTTP 502 and "busy"', async () => {
    for (const fail of [
      (response: ServerResponse) => response.destroy(),
      (response: ServerResponse) => response.writeHead(502).end(),
      (response: ServerResponse) =>
        response.end(signedAnswer(QUERY, '{"code":"20000","sub_code":"isp.unknow-error"}', alipay.privateKey)),
    ]) {
      const gateway = await failingFirst(1, fail, paid)
      const logged: LogEntry[] = []
      const client = clientAt(gateway.url, { log: (entry) => logged.push(entry) })
      expect(await client.query({ outTradeNo: 'N1' })).toMatchObject({ exists: true })
      expect(logged.map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
        [1, 'unknown'],
        [2, 'answered'],
      ])
    }
  })

  test('no more often than configured, and never past the time limit', async () => {
    const gateway = await startGateway((response) => response.writeHead(500).end())
    expect(await failure(() => clientAt(gateway.url, { retries: 1 }).query({ outTradeNo: 'N1' }))).toBeInstanceOf(
      UnknownOutcomeError,
    )
    expect(gateway.received.length).toBe(2)
    const started = performance.now()
    await failure(() => clientAt(gateway.url, { retries: 100, timeoutMs: 1000 }).query({ outTradeNo: 'N1' }))
    expect(performance.now() - started).toBeLessThan(5000)
  })

  test('a call that is not known to be repeatable is not retried', async () => {
    const gateway = await startGateway((response) => response.writeHead(500).end())
    expect(await failure(() => clientAt(gateway.url).execute('alipay.trade.pay', {}))).toBeInstanceOf(
      UnknownOutcomeError,
    )
    expect(gateway.received.length).toBe(1)
  })

  describe('an earlier attempt that may have acted keeps the outcome unknown', () => {
    const refund = { outTradeNo: 'N1', outRequestNo: 'R1', refundAmount: 1 }
    const refused = '{"code":"40005","msg":"Call Limited","sub_code":"isv.app-call-limited"}'

    test('when the next one is refused', async () => {
      const gateway = await failingFirst(1, (response) => response.destroy(), refused)
      const error = await failure(() => clientAt(gateway.url, { timeoutMs: 20_000 }).refund(refund))
      expect(error).toMatchObject({ name: 'UnknownOutcomeError', code: 'CONNECTION_LOST' })
      expect(gateway.received.length).toBe(2)
    })

    test('when the next one does not connect any more', async () => {
      const gateway = await startGateway(async (response) => {
        response.destroy()
        await gateway.close()
      })
      const logged: string[] = []
      const client = clientAt(gateway.url, { retries: 1, log: ({ outcome }) => logged.push(outcome) })
      const error = await failure(() => client.query({ outTradeNo: 'N1' }))
      expect(logged).toEqual(['unknown', 'not sent'])
      expect(error).toMatchObject({ name: 'UnknownOutcomeError', code: 'CONNECTION_LOST' })
    })
  })

  test('a wrong key is not retried', async () => {
    const gateway = await startGateway((response) => response.end(signedAnswer(QUERY, paid, merchant.privateKey)))
    await failure(() => clientAt(gateway.url).query({ outTradeNo: 'N1' }))
    expect(gateway.received.length).toBe(1)
  })

  test('every repeat of a refund has the same number and amount', async () => {
    const refunded =
      '{"code":"10000","msg":"Success","fund_change":"N","out_trade_no":"N1","refund_fee":"1.00","trade_no":"2026112322001"}'
    const gateway = await failingFirst(1, (response) => response.destroy(), refunded)
    const client = clientAt(gateway.url, { timeoutMs: 20_000 })
    const result = await client.refund({ outTradeNo: 'N1', outRequestNo: 'R1', refundAmount: 100 })
    expect(result).toMatchObject({ ok: true, fundChange: false, refundFee: 100 })
    expect(gateway.received.length).toBe(2)
    expect(new Set(gateway.received.map(({ form }) => form.get('biz_content'))).size).toBe(1)
  })
})

test('a log that throws changes nothing', async () => {
  const gateway = await startGateway(answering(paid))
  const client = clientAt(gateway.url, {
    log: () => {
      throw new Error('disk full')
    },
  })
  expect(await client.query({ outTradeNo: 'N1' })).toMatchObject({ exists: true })
})

test('a gateway that is not a valid address is refused at once', () => {
  for (const gateway of ['openapi.alipay.com', 'ftp://x/', 'https://openapi.alipay.com/gateway.do?charset=utf-8', ''])
    expect(() => clientAt(gateway)).toThrow(AlipayError)
})
