/**
 * Certificate mode: downloaded on demand, verified with their own content, renewed; unknown serials cannot force
 * downloads.
 */
import { describe, expect, test } from 'vitest'
import { listed, makeCertificate } from '../test/certificate.ts'
import {
  API_V3_KEY,
  APP_ID,
  MCH_ID,
  merchant,
  NOW,
  notificationBody,
  PUBLIC_KEY_ID,
  payment,
  refused,
  SERIAL_NO,
  signatureOf,
  signed,
  startServer,
  thrown,
  wechat,
} from '../test/wechat-side.ts'
import { createWechatPay, type WechatPayOptions } from './client.ts'

const [old, next, stranger] = [makeCertificate(), makeCertificate(), makeCertificate()]
const by = ({ serialNo, privateKey }: typeof old) => ({ serial: serialNo, key: privateKey })
const query = { outTradeNo: 'ORD20260101000001' }
const HOUR = 3_600_000

/** A client without any of WeChat's keys, and with a clock that the test controls. */
function clientOf(baseUrl: string, options: Partial<WechatPayOptions> = {}) {
  const time = { now: NOW }
  const client = createWechatPay({
    mchId: MCH_ID,
    appId: APP_ID,
    serialNo: SERIAL_NO,
    privateKey: merchant.privateKey,
    apiV3Key: API_V3_KEY,
    baseUrl,
    clock: () => time.now,
    elapsed: () => time.now.getTime(),
    retries: 0,
    ...options,
  })
  return { client, time, pass: (ms: number) => (time.now = new Date(time.now.getTime() + ms)) }
}

/** WeChat in certificate mode: the test sets the certificates it lists and the key it signs with. */
async function startWechat() {
  const state = { list: [listed(old)], signer: old, at: () => NOW }
  const server = await startServer((response, { target }) => {
    const options = { ...by(state.signer), at: state.at() }
    return signed(response, 200, target === '/v3/certificates' ? { data: state.list } : payment(), options)
  })
  const downloads = () => server.received.filter(({ target }) => target === '/v3/certificates').length
  return { ...server, state, downloads }
}

test('the first answer triggers the download, later ones do not; requests then name the certificate', async () => {
  const server = await startWechat()
  const { client } = clientOf(server.url)
  expect(await client.query(query)).toMatchObject({ exists: true })
  expect(await client.query(query)).toMatchObject({ exists: true })
  expect(server.downloads()).toBe(1)
  expect(server.received.map(({ headers }) => headers['wechatpay-serial'])).toEqual([
    undefined,
    undefined,
    old.serialNo,
  ])
})

test('concurrent calls share one download', async () => {
  const server = await startWechat()
  const { client } = clientOf(server.url)
  await Promise.all(Array.from({ length: 5 }, () => client.query(query)))
  expect(server.downloads()).toBe(1)
})

test('a rotation: an unknown serial triggers one download, and is accepted if WeChat lists it', async () => {
  const server = await startWechat()
  const { client, pass } = clientOf(server.url)
  await client.query(query)
  server.state.list = [listed(old), listed(next, { from: '2025-12-31T00:00:00+08:00' })]
  server.state.signer = next
  pass(5_000)
  server.state.at = () => new Date(NOW.getTime() + 5_000)
  expect(await client.query(query)).toMatchObject({ exists: true })
  expect(server.downloads()).toBe(2)
  server.state.signer = old
  expect(await client.query(query)).toMatchObject({ exists: true })
  expect(server.received.at(-1)?.headers['wechatpay-serial']).toBe(next.serialNo)
})

test('a clock that was ahead and is put right does not keep the certificates from being downloaded', async () => {
  const server = await startWechat()
  server.state.list = []
  let passed = 0
  const { client, pass } = clientOf(server.url, { elapsed: () => passed })
  const ahead = pass(365 * 24 * HOUR)
  server.state.at = () => ahead
  expect(await thrown(() => client.query(query))).toMatchObject({ code: 'ANSWER_NOT_VERIFIED' })
  expect(server.downloads()).toBe(1)
  pass(-365 * 24 * HOUR)
  server.state.at = () => NOW
  server.state.list = [listed(old)]
  passed += 5_000
  expect(await client.query(query)).toMatchObject({ exists: true })
})

test('forged serials cannot trigger repeated downloads', async () => {
  const server = await startWechat()
  const { client } = clientOf(server.url)
  const body = notificationBody('TRANSACTION.SUCCESS', payment())
  const forged = signatureOf(body, by(stranger))
  for (let each = 0; each < 5; each += 1)
    expect(await client.verifyNotification(body, forged)).toMatchObject({ ok: false, code: 'UNKNOWN_SERIAL' })
  expect(server.downloads()).toBe(1)
  expect(await client.verifyNotification(body, signatureOf(body, by(old)))).toMatchObject({ ok: true })
  const named = signatureOf(body, { serial: PUBLIC_KEY_ID, key: old.privateKey })
  expect(await client.verifyNotification(body, named)).toMatchObject({ code: 'UNKNOWN_SERIAL' })
  expect(server.downloads()).toBe(1)
})

test('after twelve hours they are downloaded again in the background', async () => {
  const server = await startWechat()
  const { client, pass } = clientOf(server.url)
  await client.query(query)
  pass(12 * HOUR)
  server.state.at = () => new Date(NOW.getTime() + 12 * HOUR)
  expect(await client.query(query)).toMatchObject({ exists: true })
  await expect.poll(server.downloads).toBe(2)
  await client.query(query)
  expect(server.downloads()).toBe(2)
})

test('an expired one verifies nothing', async () => {
  const server = await startWechat()
  server.state.list = [listed(old, { until: '2026-01-01T13:00:00+08:00' })]
  const { client, pass } = clientOf(server.url)
  await client.query(query)
  pass(HOUR)
  server.state.at = () => new Date(NOW.getTime() + HOUR)
  expect(await thrown(() => client.query(query))).toMatchObject({ code: 'ANSWER_NOT_VERIFIED' })
})

test('both modes at once, while a merchant switches over', async () => {
  const server = await startWechat()
  const keys = { publicKey: wechat.publicKey, publicKeyId: PUBLIC_KEY_ID }
  const both = clientOf(server.url, { ...keys, platformCertificates: true }).client
  const body = notificationBody('TRANSACTION.SUCCESS', payment())
  expect(await both.verifyNotification(body, signatureOf(body))).toMatchObject({ ok: true })
  expect(server.downloads()).toBe(0)
  expect(await both.verifyNotification(body, signatureOf(body, by(old)))).toMatchObject({ ok: true })
  const keyOnly = clientOf(server.url, keys).client
  expect(await keyOnly.verifyNotification(body, signatureOf(body, by(old)))).toMatchObject({ code: 'UNKNOWN_SERIAL' })
  expect(server.downloads()).toBe(1)
  const given = clientOf(server.url, { ...keys, moreKeys: { [old.serialNo]: old.pem } }).client
  expect(await given.verifyNotification(body, signatureOf(body, by(old)))).toMatchObject({ ok: true })
  expect(server.downloads()).toBe(1)
})

test('the fields of a certificate', async () => {
  const server = await startWechat()
  const [certificate] = await clientOf(server.url).client.certificates()
  expect(certificate).toMatchObject({
    serialNo: old.serialNo,
    certificate: old.pem,
    effectiveTime: new Date('2025-11-30T16:00:00Z'),
    expireTime: new Date('2030-11-30T16:00:00Z'),
  })
})

describe('a list that is not trusted:', () => {
  const sm2 = { ...listed(stranger), encrypt_certificate: { algorithm: 'AEAD_SM4_GCM', ciphertext: 'AAAA' } }
  const cases: Readonly<Record<string, readonly [code: string, list: unknown, signer?: typeof old]>> = {
    'signed by a certificate that it does not contain': ['ANSWER_NOT_VERIFIED', [listed(old)], stranger],
    'encrypted with another APIv3 key': [
      'ANSWER_NOT_UNDERSTOOD',
      [listed(old, { apiV3Key: `${API_V3_KEY.slice(1)}x` })],
    ],
    'under another serial number': ['ANSWER_NOT_UNDERSTOOD', [{ ...listed(old), serial_no: next.serialNo }]],
    'without a time': ['ANSWER_NOT_UNDERSTOOD', [{ ...listed(old), expire_time: '' }]],
    'no list': ['ANSWER_NOT_UNDERSTOOD', 'none'],
    'only certificates of another algorithm': ['ANSWER_NOT_VERIFIED', [sm2]],
  }
  for (const [what, [code, list, signer = old]] of Object.entries(cases)) {
    test(what, async () => {
      const server = await startServer((response) => signed(response, 200, { data: list }, by(signer)))
      const { client } = clientOf(server.url)
      expect(await thrown(() => client.certificates())).toMatchObject({ name: 'UnknownOutcomeError', code })
      expect(await thrown(() => client.query(query))).toMatchObject({ code: 'ANSWER_NOT_VERIFIED' })
    })
  }
})

test('a merchant without certificates gets the advice to use the public key', async () => {
  const server = await startServer((response) => refused(response, 404, 'RESOURCE_NOT_EXISTS', '无可用的平台证书'))
  const error = await thrown(() => clientOf(server.url).client.certificates())
  expect(error).toMatchObject({ name: 'GatewayRefusedError', code: 'RESOURCE_NOT_EXISTS', status: 404 })
  expect(error.message).toContain('publicKeyId')
})
