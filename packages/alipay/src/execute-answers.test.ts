/** Calls over real HTTP: refusals by the gateway, and repeated calls. */
import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { signedAnswer } from '../test/alipay-side.ts'
import { alipay, answering, clientAt, failure, merchant, paid, QUERY } from '../test/answering-gateway.ts'
import { startGateway } from '../test/gateway.ts'
import { GatewayRefusedError, UnknownOutcomeError } from './errors.ts'
import type { LogEntry } from './execute.ts'

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
