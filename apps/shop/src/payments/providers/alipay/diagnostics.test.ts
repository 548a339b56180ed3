/** Every common mix-up is named, in one line, with what to do. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Started, startSandbox } from '@xuecheng/sandbox'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../../clock.ts'
import type { DescribedResult } from '../../../diagnostics.ts'
import * as diagnostics from './diagnostics.ts'
import { ALIPAY_DIAGNOSTIC_TEXTS } from './diagnostics-texts.ts'
import type { AlipaySettings } from './settings.ts'

const pair = () => generateKeyPairSync('rsa', { modulusLength: 2048 })
const pkcs8 = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString()
const pkcs1 = (key: KeyObject) => key.export({ type: 'pkcs1', format: 'pem' }).toString()
const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString()
const bare = (key: KeyObject) =>
  key.export({ type: key.type === 'private' ? 'pkcs8' : 'spki', format: 'der' } as never).toString('base64')

const app = pair()
const alipay = pair()
const good = { privateKey: pkcs8(app.privateKey), alipayPublicKey: spki(alipay.publicKey) }

type Finding = DescribedResult
const inEnglish = (finding: diagnostics.AlipayCheckResult): DescribedResult | undefined =>
  diagnostics.describe([finding], 'en')[0]
const check = async (...of: Parameters<typeof diagnostics.checkAlipay>) =>
  diagnostics.describe(await diagnostics.checkAlipay(...of), 'en')
const checkKeys = (...of: Parameters<typeof diagnostics.checkKeys>) =>
  diagnostics.describe(diagnostics.checkKeys(...of), 'en')
const checkClock = async (...of: Parameters<typeof diagnostics.checkClock>) =>
  inEnglish(await diagnostics.checkClock(...of))
const checkNotifyAddress = async (...of: Parameters<typeof diagnostics.checkNotifyAddress>) =>
  inEnglish(await diagnostics.checkNotifyAddress(...of))

const servers: Server[] = []
const data = mkdtempSync(join(tmpdir(), 'xuecheng-diagnostics-'))
let sandbox: Started
let settings: AlipaySettings

beforeAll(async () => {
  sandbox = await startSandbox({ data })
  const response = await fetch(`${sandbox.url}/sandbox/api/merchants`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'doctor', appPublicKey: spki(app.publicKey) }),
  })
  const merchant = (await response.json()) as { appId: string; sellerId: string; alipayPublicKey: string }
  const { appId, sellerId, alipayPublicKey } = merchant
  const keys = { privateKey: good.privateKey, alipayPublicKey }
  const notifyUrl = await listen((_request, response_) => {
    response_.writeHead(400, { 'content-type': 'text/plain; charset=utf-8' }).end('fail')
  })
  settings = {
    gateway: `${sandbox.url}/gateway.do`,
    appId,
    sellerId,
    keys,
    notifyUrl,
    returnUrl: notifyUrl,
    shopUrl: notifyUrl,
    wap: true,
    feeRate: undefined,
    sandbox: true,
  }
})

afterAll(async () => {
  for (const server of servers) server.close()
  await sandbox.close()
  rmSync(data, { recursive: true, force: true })
})

function listen(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  servers.push(server)
  return new Promise((done) =>
    server.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${(server.address() as AddressInfo).port}/notify`)),
  )
}

const about = (findings: readonly Finding[], check: string) => findings.filter((finding) => finding.check === check)
const verdicts = (findings: readonly Finding[]) => findings.map(({ verdict }) => verdict)

test('all is well: keys, gateway, answers, clock, notify address', async () => {
  const findings = await check(settings, spki(app.publicKey), systemClock)
  expect(findings.map(({ check, verdict }) => `${check} ${verdict}`)).toEqual([
    'Alipay application key ok',
    "Alipay's key ok",
    'Alipay application public key ok',
    expect.stringMatching(/^Alipay's key ok/), // bare base64, as the console gives it, is fine
    'Alipay gateway ok',
    'Alipay answers ok',
    'Alipay seller ID unchecked', // only a payment can show it, so this is no error
    'Alipay clock ok',
    'Alipay notify address ok',
  ])
})

test("the application's public key pasted where Alipay's belongs", () => {
  const [, found] = checkKeys({ ...good, alipayPublicKey: spki(app.publicKey) })
  expect(found).toMatchObject({
    check: "Alipay's key",
    verdict: 'problem',
    message: expect.stringMatching(/own public key was pasted/),
    todo: expect.stringMatching(/支付宝公钥/),
  })
})

test('private and public key swapped between files', () => {
  const [found] = checkKeys({ privateKey: spki(alipay.publicKey), alipayPublicKey: pkcs8(app.privateKey) })
  expect(found).toMatchObject({ verdict: 'problem', message: expect.stringMatching(/swapped/) })
})

test('a public key where the private key belongs; a private key where the public one belongs', () => {
  expect(checkKeys({ ...good, privateKey: spki(app.publicKey) })[0]).toMatchObject({
    verdict: 'problem',
    message: expect.stringMatching(/public key .*not the application's private key/),
  })
  expect(checkKeys({ ...good, alipayPublicKey: pkcs8(alipay.privateKey) })[1]).toMatchObject({
    verdict: 'problem',
    message: expect.stringMatching(/private key is set where/),
  })
})

test.each([
  ['PKCS#1 given as PKCS#8', pkcs1(app.privateKey).replaceAll('RSA PRIVATE', 'PRIVATE'), /PKCS#1 given as PKCS#8/],
  ['PKCS#8 given as PKCS#1', pkcs8(app.privateKey).replaceAll('PRIVATE', 'RSA PRIVATE'), /PKCS#8 given as PKCS#1/],
  ['bare base64', bare(app.privateKey), /only base64/],
  ['line breaks lost', pkcs8(app.privateKey).replaceAll('\n', ''), /Line breaks were lost/],
  ['line breaks doubled', pkcs8(app.privateKey).replaceAll('\n', '\n\n'), /Line breaks are doubled/],
  ['line breaks written out', pkcs8(app.privateKey).replaceAll('\n', '\\n'), /written out/],
])('%s: read all the same, and said', (_name, privateKey, words) => {
  const findings = about(checkKeys({ ...good, privateKey }), 'Alipay application key')
  expect(findings[0]).toMatchObject({ verdict: 'ok' })
  expect(findings.slice(1).some(({ message }) => words.test(message))).toBe(true)
})

test('a key cut off, a key for another algorithm, a short key, a key with a password', () => {
  const cut = pkcs8(app.privateKey).slice(0, 800)
  expect(checkKeys({ ...good, privateKey: cut })[0]).toMatchObject({
    verdict: 'problem',
    message: expect.stringMatching(/cut off/),
  })
  const curve = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
  expect(checkKeys({ ...good, privateKey: pkcs8(curve) })[0]).toMatchObject({
    verdict: 'problem',
    message: 'This is an EC key; an RSA key of 2048 bits is needed.',
  })
  const sec1 = curve.export({ type: 'sec1', format: 'pem' }).toString()
  expect(checkKeys({ ...good, privateKey: sec1 })[0]?.message).toBe(
    'This is an EC key; an RSA key of 2048 bits is needed.',
  )
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
  expect(checkKeys({ ...good, privateKey: pkcs8(small) })[0]).toMatchObject({
    verdict: 'problem',
    message: expect.stringMatching(/1024 bits/),
  })
  const locked = app.privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
    .toString()
  expect(checkKeys({ ...good, privateKey: locked })[0]).toMatchObject({
    verdict: 'problem',
    message: expect.stringMatching(/password/),
  })
})

test('what cannot be read gets no remark on how it is written; an empty file is called empty', () => {
  for (const privateKey of [bare(app.privateKey).slice(0, 200), 'hello']) {
    const findings = about(checkKeys({ ...good, privateKey }), 'Alipay application key')
    expect(findings.map(({ code }) => code)).toEqual(['UNREADABLE'])
  }
  expect(checkKeys({ privateKey: ' \n', alipayPublicKey: '' }).map(({ code }) => code)).toEqual(['EMPTY', 'EMPTY'])
})

test('public keys that are no RSA keys or too short; the format of one that is right', () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
  const codeOf = (key: string) => checkKeys({ ...good, alipayPublicKey: key })[1]?.code
  expect([codeOf(spki(small)), codeOf(spki(curve))]).toEqual(['TOO_SHORT', 'NOT_RSA'])
  expect(checkKeys(good)[1]?.message).toMatch(/^public key \(SPKI\), RSA 2048 bits/)
  expect(checkKeys({ ...good, alipayPublicKey: pkcs1(alipay.publicKey) })[1]?.message).toMatch(/\(PKCS#1\)/)
})

test('a gateway address with another path: what answers there, and how the address ends', async () => {
  const other = { ...settings, gateway: settings.gateway.replace('/gateway.do', '/gateway') }
  const [found] = about(await check(other, undefined, systemClock), 'Alipay gateway')
  expect(found).toMatchObject({
    verdict: 'problem',
    code: 'WRONG_PATH',
    message: expect.stringMatching(/answers HTTP 404 at \/gateway; the address ends in \/gateway\.do/),
  })
})

test('the public key file is of another pair', () => {
  const found = about(checkKeys(good, spki(pair().publicKey)), 'Alipay application public key')
  expect(found[0]).toMatchObject({
    verdict: 'problem',
    message: expect.stringMatching(/does not belong to the private key/),
  })
})

test('the key of another application: the gateway refuses the signature', async () => {
  const keys = { ...settings.keys, privateKey: pkcs8(pair().privateKey) }
  const [found] = about(await check({ ...settings, keys }, undefined, systemClock), 'Alipay gateway')
  expect(found).toMatchObject({
    verdict: 'problem',
    message: expect.stringMatching(/refuses our signature.*another application/),
  })
})

test("another application's Alipay key: the signature is accepted, the answer is not believed", async () => {
  const keys = { privateKey: good.privateKey, alipayPublicKey: spki(pair().publicKey) }
  const [found] = about(await check({ ...settings, keys }, undefined, systemClock), 'Alipay answers')
  expect(found).toMatchObject({
    verdict: 'problem',
    message: expect.stringMatching(/answer is not signed with the key/),
  })
})

test("the sandbox's application at another gateway: it is not known there", async () => {
  const [found] = about(
    await check({ ...settings, appId: '9021000199999999' }, undefined, systemClock),
    'Alipay gateway',
  )
  expect(found).toMatchObject({
    verdict: 'problem',
    message: expect.stringMatching(/does not know the application/),
    todo: expect.stringMatching(/Sandbox applications belong to the sandbox gateway/),
  })
})

test('a clock that is off, either way', async () => {
  const shifted = (hours: number) => () => new Date(Date.now() + hours * 3_600_000)
  expect(await checkClock(settings, shifted(8))).toMatchObject({
    verdict: 'problem',
    message: expect.stringMatching(/480 minutes ahead/),
  })
  expect(await checkClock(settings, shifted(-1))).toMatchObject({
    verdict: 'problem',
    message: expect.stringMatching(/60 minutes behind/),
  })
})

const NOTIFY: [string, RequestListener, RegExp][] = [
  [
    'a redirect',
    (_, response) => void response.writeHead(301, { location: 'https://shop.example/notify/' }).end(),
    /redirects to https:\/\/shop\.example/,
  ],
  [
    '"success" in quotes',
    (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('"success"'),
    /in quotes/,
  ],
  ['success to anything', (_, response) => void response.writeHead(200).end('success'), /without a signature/],
  [
    'a login page',
    (_, response) =>
      void response.writeHead(200, { 'content-type': 'text/html' }).end('<form><input type="password"></form>'),
    /login page/,
  ],
  [
    'something else',
    (_, response) => void response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>'),
    /HTTP 502/,
  ],
]

test.each(NOTIFY)('the notify address answers %s', async (_name, answer, words) => {
  const notifyUrl = await listen(answer)
  expect(await checkNotifyAddress({ notifyUrl, sandbox: false })).toMatchObject({
    verdict: 'problem',
    message: expect.stringMatching(words),
  })
})

test('the notify address is not reachable, or only from this machine', async () => {
  const closed = await listen(() => {})
  await new Promise((done) => servers.pop()?.close(done))
  expect(await checkNotifyAddress({ notifyUrl: closed, sandbox: false })).toMatchObject({
    verdict: 'problem',
    message: expect.stringMatching(/not reachable: ECONNREFUSED/),
  })
  // A port that browsers and fetch block: the message must not be "TypeError".
  const blocked = await checkNotifyAddress({ notifyUrl: 'http://127.0.0.1:1/notify', sandbox: false })
  expect(blocked?.message).toMatch(/not reachable: bad port/)
  expect(await checkNotifyAddress({ ...settings, sandbox: false })).toMatchObject({
    verdict: 'warning',
    message: expect.stringMatching(/only on this machine/),
  })
})

test('no finding repeats a key', async () => {
  const keys = { privateKey: pkcs8(pair().privateKey), alipayPublicKey: bare(pair().publicKey) }
  const text = JSON.stringify(await check({ ...settings, keys }, spki(app.publicKey), systemClock))
  for (const key of [keys.privateKey.split('\n')[3], keys.alipayPublicKey.slice(60, 120)])
    expect(text).not.toContain(key)
  expect(verdicts(checkKeys(good))).toEqual(['ok', 'ok'])
})

test('every code is said in both languages, with the same values', () => {
  const holes = (text = '') => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort()
  for (const [code, words] of Object.entries(ALIPAY_DIAGNOSTIC_TEXTS.codes)) {
    expect(words['zh-CN'].message, code).toMatch(/[\u4e00-\u9fff]/)
    expect(words['zh-CN'].todo === undefined, code).toBe(words.en.todo === undefined)
    if (code !== 'WRONG_LABEL' && code !== 'ANSWER_NOT_VERIFIED')
      expect(holes(words['zh-CN'].message), code).toEqual(holes(words.en.message))
  }
})

test('in Chinese the mix-up is named in Chinese', () => {
  const found = diagnostics.checkKeys({ ...good, alipayPublicKey: spki(app.publicKey) })
  expect(diagnostics.describe(found, 'zh-CN')[1]).toMatchObject({
    check: '支付宝公钥',
    code: 'OWN_FOR_GATEWAY',
    message: expect.stringContaining('应用自己的公钥'),
    todo: expect.stringContaining('不是“应用公钥”'),
  })
})
