/** Host names that the sandbox answers to: its pages and interface only to its own, its gateways to any. */
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox } from '@xuecheng/sandbox'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signed } from './hand.ts'
import { call, type TestMerchant } from './rig.ts'

const data = mkdtempSync(join(tmpdir(), 'sandbox-'))
let sandbox: Awaited<ReturnType<typeof startSandbox>>
beforeAll(async () => {
  sandbox = await startSandbox({ data })
})
afterAll(async () => {
  await sandbox.close()
  rmSync(data, { recursive: true })
})

/** `fetch` does not allow setting the Host header. */
function ask(method: string, path: string, host: string, headers: Record<string, string> = {}, base = sandbox.url) {
  const { hostname, port } = new URL(base)
  return new Promise<{ status: number; text: string }>((done, failed) => {
    const sent = request({ hostname, port, method, path, headers: { ...headers, host } }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('end', () => done({ status: response.statusCode ?? 0, text }))
    })
    sent.once('error', failed)
    sent.end()
  })
}

const OWN = [
  ['GET', '/sandbox/api/merchants'],
  ['GET', '/sandbox/api/trades'],
  ['POST', '/sandbox/api/reset'],
  ['PUT', '/sandbox/api/wechat/merchants/1900000001'],
  ['GET', '/sandbox/api/openapi.json'],
  ['GET', '/console'],
  ['GET', '/console/deliveries'],
  ['POST', '/console/reset'],
  ['GET', '/cashier/x'],
  ['GET', '/wechat/scan?code=x'],
  ['GET', '/'],
] as const

test.each(OWN)('%s %s is refused to a page whose name was pointed here', async (method, path) => {
  const { status, text } = await ask(method, path, 'evil.example:8100', { origin: 'http://evil.example:8100' })
  expect(status).toBe(421)
  expect(text).toContain('SANDBOX_ALLOWED_HOSTS')
  expect((await ask(method, path, 'localhost:8100')).status).not.toBe(421)
})

test('an interface call from a page of another site is refused by the sandbox’s own name too', async () => {
  for (const headers of [{ origin: 'http://evil.example' }, { 'sec-fetch-site': 'same-site' }]) {
    for (const [method, path] of OWN) {
      if (method !== 'GET') expect((await ask(method, path, 'localhost', headers)).status).toBe(403)
    }
  }
})

test('the gateways answer to any name that an SDK uses', async () => {
  const merchant = await call<TestMerchant>(sandbox.url, 'POST', '/merchants', {})
  const query = signed(merchant, { method: 'alipay.trade.query', content: { out_trade_no: 'NONE' } })
  const alipay = await ask('GET', `/gateway.do?${query}`, 'sandbox:8100')
  expect([alipay.status, alipay.text]).toEqual([200, expect.stringContaining('ACQ.TRADE_NOT_EXIST')])
  const wechat = await ask('GET', '/v3/certificates', 'sandbox:8100')
  expect(wechat).toEqual({ status: 400, text: expect.stringContaining('User-Agent') })
  expect((await ask('GET', '/healthz', 'sandbox:8100')).status).toBe(200)
})

test('asked for by name: on every address, and by a name that is allowed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-'))
  const open = await startSandbox({ data: folder, host: '0.0.0.0', allowedHosts: ['sandbox.internal'] })
  try {
    const statuses = ['192.168.1.5:8100', 'sandbox.internal:8100', 'evil.example'].map(
      async (host) => (await ask('GET', '/console', host, {}, open.url)).status,
    )
    expect(await Promise.all(statuses)).toEqual([200, 200, 421])
  } finally {
    await open.close()
    rmSync(folder, { recursive: true })
  }
})
