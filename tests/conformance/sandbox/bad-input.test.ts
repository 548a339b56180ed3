/** Input that no merchant should send is answered as Alipay would, never by a crash or a 5xx. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox } from '@xuecheng/sandbox'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signed, takeApart } from './hand.ts'
import { call, type Json, type TestMerchant } from './rig.ts'

const data = mkdtempSync(join(tmpdir(), 'sandbox-'))
let sandbox: Awaited<ReturnType<typeof startSandbox>>
let merchant: TestMerchant

beforeAll(async () => {
  sandbox = await startSandbox({ data })
  merchant = await call<TestMerchant>(sandbox.url, 'POST', '/merchants', {})
})
afterAll(async () => {
  await sandbox.close()
  rmSync(data, { recursive: true })
})

const json = (body: object) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

const query = { method: 'alipay.trade.query', content: { out_trade_no: 'NONE' } }

describe('input no merchant should send', () => {
  test('nothing at all', async () => {
    for (const method of ['GET', 'POST']) {
      const answer = await takeApart(await fetch(`${sandbox.url}/gateway.do`, { method }))
      expect(answer).toMatchObject({
        status: 200,
        signed: false,
        node: { code: '40001', sub_code: 'isv.missing-method' },
      })
    }
  })

  test('ten megabytes', async () => {
    const content = JSON.stringify({ out_trade_no: 'x'.repeat(10_000_000) })
    const response = await fetch(`${sandbox.url}/gateway.do?charset=utf-8`, {
      method: 'POST',
      body: signed(merchant, { ...query, content }),
    })
    expect((await takeApart(response)).node).toMatchObject({ code: '40002', sub_code: 'isv.invalid-parameter' })
  })

  test('multipart, as cURL’s -F sends it', async () => {
    const form = new FormData()
    for (const [name, value] of signed(merchant, { ...query, content: { out_trade_no: 'A-1' } })) form.set(name, value)
    form.set('file', new Blob(['not signed']), 'file.bin')
    const response = await fetch(`${sandbox.url}/gateway.do?charset=utf-8`, { method: 'POST', body: form })
    expect((await takeApart(response)).node).toMatchObject({ sub_code: 'ACQ.TRADE_NOT_EXIST', out_trade_no: 'A-1' })
  })

  test.each([
    '%',
    '%zz=%',
    '&&&=',
    'method=%FF%FE&app_id=%00',
    `method=${'a.'.repeat(5000)}`,
    'charset=%25&method=x',
    'method=constructor&app_id=__proto__',
  ])('the query %j', async (text) => {
    const answer = await fetch(`${sandbox.url}/gateway.do?${text.slice(0, 12_000)}`)
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('"code":"4000')
  })

  test('a clock that would go where no date can be written', async () => {
    const clock = (body: object) => fetch(`${sandbox.url}/sandbox/api/clock`, json(body))
    expect((await clock({ now: '+275760-09-12T23:59:59Z' })).status).toBe(400)
    expect((await clock({ now: '2200-01-01T00:00:00Z' })).status).toBe(400)
    const body = new URLSearchParams({ seconds: String(Number.MAX_SAFE_INTEGER) })
    await fetch(`${sandbox.url}/console/clock`, { method: 'POST', body, redirect: 'manual' })
    const { aheadSeconds } = await call<{ aheadSeconds: number }>(sandbox.url, 'GET', '/clock')
    expect(aheadSeconds).toBe(0)
  })

  test('a JSON body', async () => {
    const response = await fetch(`${sandbox.url}/gateway.do`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"method":"alipay.trade.query"}',
    })
    expect((await takeApart(response)).node).toMatchObject({ sub_code: 'isv.missing-method' })
  })
})

describe('/sandbox/api takes no field that it does not know', () => {
  interface Schema {
    readonly type?: string
    readonly additionalProperties?: unknown
    readonly properties?: Readonly<Record<string, Schema>>
    readonly anyOf?: readonly Schema[]
  }

  /** Places of a body where a field of any name would pass. */
  const open = (schema: Schema, place: string): string[] => [
    ...(schema.type === 'object' && schema.additionalProperties !== false ? [place] : []),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => open(inner, `${place}.${name}`)),
    ...(schema.anyOf ?? []).flatMap((inner) => open(inner, place)),
  ]

  test('by its own description, of every body', async () => {
    const document = await call<{ paths: Record<string, Record<string, Operation>> }>(
      sandbox.url,
      'GET',
      '/openapi.json',
    )
    interface Operation {
      readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } }
    }
    const bodies = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.values(operations).flatMap(({ requestBody }) =>
        requestBody ? [[path, requestBody.content['application/json'].schema] as const] : [],
      ),
    )
    expect(bodies.length).toBeGreaterThan(15)
    expect(bodies.flatMap(([path, schema]) => open(schema, path))).toEqual([])
  })

  test.each<[string, string, Json, string]>([
    ['POST', '/merchants', { publicKey: 'abc' }, 'publicKey'],
    ['PUT', '/merchants/9021000000000001', { rules: { feeRates: 60 } }, 'feeRates'],
    ['POST', '/buyers', { login: 'b@sandbox.example', password: '1' }, 'password'],
    ['POST', '/faults', { kind: 'drop', count: 1 }, 'count'],
    ['POST', '/reset', { merchant: true }, 'merchant'],
    ['POST', '/clock', { advance: 1 }, ''],
    ['POST', '/trades/1/abandon', { why: 'x' }, 'why'],
    ['POST', '/wechat/pay', { url: 'x' }, 'url'],
  ])('%s %s %o', async (method, path, body, name) => {
    const { code, message } = await call<{ code: string; message: string }>(sandbox.url, method, path, body, 400)
    expect(code).toBe('FST_ERR_VALIDATION')
    expect(message).toContain(name)
  })
})
