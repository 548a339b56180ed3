/** Calls over real HTTP: what is sent, and what is known about the outcome after a failure. */
import type { ServerResponse } from 'node:http'
import { AlipaySdk } from 'alipay-sdk'
import { describe, expect, test } from 'vitest'
import { signedAnswer } from '../test/alipay-side.ts'
import { alipay, answering, clientAt, failure, merchant, paid, QUERY } from '../test/answering-gateway.ts'
import { closedPort, startGateway } from '../test/gateway.ts'
import { encodeGbk } from '../test/gbk.ts'
import { AlipayError, NotSentError, UnknownOutcomeError } from './errors.ts'

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
