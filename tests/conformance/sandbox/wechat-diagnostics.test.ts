/** The diagnostics of WeChat Pay's settings against the sandbox: correct keys, and each mix-up. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox } from '@xuecheng/sandbox'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { describeResults } from '../../../apps/shop/src/diagnostics.ts'
import { checkWechat } from '../../../apps/shop/src/payments/providers/wechat/diagnostics.ts'
import { WECHAT_DIAGNOSTIC_TEXTS } from '../../../apps/shop/src/payments/providers/wechat/diagnostics-texts.ts'
import type { WechatSettings } from '../../../apps/shop/src/payments/providers/wechat/settings.ts'
import { call } from './rig.ts'
import { API_V3_KEY, type WechatMerchant, wechatMerchant } from './wechat-rig.ts'

const data = mkdtempSync(join(tmpdir(), 'sandbox-wechat-'))
let sandbox: Awaited<ReturnType<typeof startSandbox>>
let merchant: WechatMerchant
let certified: WechatMerchant
let shop: Awaited<ReturnType<typeof listen>>

beforeAll(async () => {
  sandbox = await startSandbox({ data })
  merchant = await wechatMerchant(sandbox.url)
  certified = await wechatMerchant(sandbox.url, { keyMode: 'certificate' })
  shop = await listen()
})
afterEach(() => call(sandbox.url, 'DELETE', '/faults'))
afterAll(async () => {
  await sandbox.close()
  shop.close()
  rmSync(data, { recursive: true })
})

/** A server at the notify address, and the answer that it gives. */
async function listen() {
  const answer = { status: 400, body: '{"code":"FAIL"}' }
  const server = createServer((_request, response) => response.writeHead(answer.status).end(answer.body))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/notify`
  return { url, answer, close: () => server.close().closeAllConnections() }
}

const settingsOf = (of: WechatMerchant, change: Partial<WechatSettings> = {}): WechatSettings => ({
  baseUrl: sandbox.url,
  mchId: of.mchId,
  appId: of.appId,
  serialNo: of.serialNo,
  privateKey: of.privateKey,
  apiV3Key: API_V3_KEY,
  publicKey: { id: of.publicKeyId, key: of.keys[of.publicKeyId] ?? '' },
  notifyUrl: shop.url,
  returnUrl: 'http://127.0.0.1/pay/success',
  h5: true,
  sandbox: true,
  ...change,
})

async function codesOf(settings: WechatSettings, now = () => new Date()) {
  const findings = await checkWechat(settings, now)
  for (const language of ['zh-CN', 'en'] as const) {
    const words = JSON.stringify(findings.map((each) => describeResults(each, WECHAT_DIAGNOSTIC_TEXTS, language)))
    expect(words).not.toMatch(/[{]\w+[}]/)
    expect(words).not.toContain(API_V3_KEY)
    expect(words).not.toMatch(/[A-Za-z0-9+/]{100}/)
  }
  return Object.fromEntries(findings.map(({ check, code }) => [check, code]))
}

test('correct keys: the gateway accepts them and its answers verify, with either kind of key', async () => {
  expect(await codesOf(settingsOf(merchant))).toEqual({
    private_key: 'PRIVATE_KEY_OK',
    gateway_key: 'GATEWAY_KEY_OK',
    gateway: 'GATEWAY_OK',
    answers: 'ANSWERS_OK',
    app_id: 'APP_ID_UNCHECKED',
    api_v3_key: 'API_V3_KEY_UNCHECKED',
    notify_address: 'NOTIFY_OK',
  })
  expect(await codesOf(settingsOf(certified, { publicKey: undefined }))).toMatchObject({
    gateway_key: 'CERTIFICATES',
    gateway: 'GATEWAY_OK',
    answers: 'ANSWERS_OK',
  })
})

const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 })
const strangersKey = stranger.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const strangersPublicKey = stranger.publicKey.export({ type: 'spki', format: 'pem' }).toString()

test.each<[string, Partial<WechatSettings>, string]>([
  ['a serial number that is not the merchant’s', { serialNo: 'AB'.repeat(20) }, 'SERIAL_UNKNOWN'],
  ['a private key that is not the merchant’s', { privateKey: strangersKey }, 'SIGNATURE_REFUSED'],
  ['a gateway that is not there', { baseUrl: 'http://127.0.0.1:9' }, 'AWAY'],
])('%s', async (_, change, code) => {
  const codes = await codesOf(settingsOf(merchant, change))
  expect(codes['gateway']).toBe(code)
  expect(codes).not.toHaveProperty('answers')
})

test('no public key for a merchant without certificates: the result names the settings to set', async () => {
  const findings = await checkWechat(settingsOf(merchant, { publicKey: undefined }), () => new Date())
  expect(findings.filter(({ check }) => check === 'gateway_key').map(({ code }) => code)).toEqual(['PUBLIC_KEY_NEEDED'])
})

test('a problem with an answer is reported once', async () => {
  const publicKey = { id: merchant.publicKeyId, key: strangersPublicKey }
  const findings = await checkWechat(settingsOf(merchant, { publicKey }), () => new Date())
  const said = findings.map((each) => describeResults(each, WECHAT_DIAGNOSTIC_TEXTS, 'en').message).join('\n')
  expect(said.match(/is not believed/g)).toHaveLength(1)
})

test('a clock that is ten minutes off', async () => {
  const codes = await codesOf(settingsOf(merchant), () => new Date(Date.now() - 600_000))
  expect(codes['gateway']).toBe('CLOCK')
})

test('a failing gateway reveals nothing about the keys', async () => {
  await call(sandbox.url, 'POST', '/faults', { kind: 'http-500', scope: { appId: merchant.mchId } })
  expect((await codesOf(settingsOf(merchant)))['gateway']).toBe('AWAY')
})

test('a wrong public key or APIv3 key affects only the answers', async () => {
  const publicKey = { id: merchant.publicKeyId, key: strangersPublicKey }
  expect(await codesOf(settingsOf(merchant, { publicKey }))).toMatchObject({
    gateway: 'GATEWAY_OK',
    answers: 'ANSWERS_REFUSED',
  })
  const apiV3Key = API_V3_KEY.split('').reverse().join('')
  expect(await codesOf(settingsOf(certified, { publicKey: undefined, apiV3Key }))).toMatchObject({
    gateway: 'GATEWAY_OK',
    answers: 'ANSWERS_REFUSED',
  })
})

test('the notify address: ours, another server’s, unused, unreachable for WeChat, or insecure', async () => {
  const at = async (change: Partial<WechatSettings>) => (await codesOf(settingsOf(merchant, change)))['notify_address']
  expect(await at({})).toBe('NOTIFY_OK')
  shop.answer.status = 200
  expect(await at({})).toBe('NOTIFY_OTHER')
  shop.answer.status = 400
  shop.answer.body = 'Bad Request'
  expect(await at({})).toBe('NOTIFY_OTHER')
  expect(await at({ notifyUrl: 'http://127.0.0.1:9/notify' })).toBe('NOTIFY_UNREACHABLE')
  expect(await at({ sandbox: false })).toBe('NOTIFY_LOCAL')
  for (const host of ['192.168.1.5:8000', 'shop:8000', 'nas.local']) {
    expect(await at({ sandbox: false, notifyUrl: `http://${host}/notify` })).toBe('NOTIFY_LOCAL')
  }
  expect(await at({ sandbox: false, notifyUrl: 'http://shop.example/notify' })).toBe('NOTIFY_INSECURE')
})
