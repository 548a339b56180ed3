/** Another client as oracle: both sign the same, trust the same answers, and decrypt what the other encrypts. */
import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Aes, Decorator, Formatter, Rsa } from 'wechatpay-axios-plugin'
import { decrypt, readApiV3Key } from '../src/encryption.ts'
import { signRequest } from '../src/sign.ts'
import {
  API_V3_KEY,
  encrypt,
  MCH_ID,
  merchant,
  newClient,
  newPair,
  PUBLIC_KEY_ID,
  payment,
  SERIAL_NO,
  signatureOf,
  startServer,
  wechat,
} from './wechat-side.ts'

const text = fc.string({ unit: 'binary' }).map((each) => each.toWellFormed())

test('the same header for the same moment, nonce and request', async () => {
  const privateKey = merchant.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const parts = (header: string) => [
    header.split(' ')[0],
    header
      .slice(header.indexOf(' ') + 1)
      .split(',')
      .sort(),
  ]
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('GET', 'POST'),
      fc.webPath(),
      text,
      fc.nat(4e9),
      async (method, path, body, at) => {
        const nonce = randomBytes(16).toString('hex')
        const clock = () => new Date(at * 1000 + 999)
        const signer = {
          mchId: MCH_ID,
          serialNo: SERIAL_NO,
          privateKey: merchant.privateKey,
          clock,
          nonce: () => nonce,
        }
        const ours = await signRequest(signer, method, path, body)
        const message = Formatter.request(method, path, at, nonce, body)
        const theirs = Formatter.authorization(MCH_ID, nonce, Rsa.sign(message, privateKey), at, SERIAL_NO)
        expect(ours.text).toBe(message)
        expect(parts(ours.authorization)).toEqual(parts(theirs))
      },
    ),
    { numRuns: 60 },
  )
})

test('each side decrypts what the other encrypts, whatever the text', () => {
  const key = readApiV3Key(API_V3_KEY)
  fc.assert(
    fc.property(text, fc.constantFrom('transaction', 'refund', 'certificate', ''), (plain, associatedData) => {
      const nonce = randomBytes(6).toString('hex')
      const ciphertext = Aes.AesGcm.encrypt(plain, API_V3_KEY, nonce, associatedData)
      expect(decrypt({ algorithm: 'AEAD_AES_256_GCM', ciphertext, nonce, associatedData }, key)).toBe(plain)
      const encrypted = encrypt(plain, associatedData)
      expect(Aes.AesGcm.decrypt(encrypted.ciphertext, API_V3_KEY, encrypted.nonce, associatedData)).toBe(plain)
      expect(() => Aes.AesGcm.decrypt(encrypted.ciphertext, API_V3_KEY, encrypted.nonce, 'other')).toThrow()
      expect(decrypt({ ...encrypted, associatedData: 'other' }, key)).toBeUndefined()
    }),
  )
})

describe('answers that both trust, or both refuse:', () => {
  const body = JSON.stringify(payment())
  const now = () => new Date()
  const ago = (seconds: number) => signatureOf(body, { at: new Date(Date.now() - seconds * 1000) })
  const without = (name: string) =>
    Object.fromEntries(Object.entries(signatureOf(body, { at: now() })).filter(([each]) => each !== name))
  const cases: Readonly<Record<string, readonly [trusted: boolean, (response: ServerResponse) => unknown]>> = {
    'a genuine one': [true, (to) => to.writeHead(200, signatureOf(body, { at: now() })).end(body)],
    'four minutes old': [true, (to) => to.writeHead(200, ago(240)).end(body)],
    'four minutes ahead': [true, (to) => to.writeHead(200, ago(-240)).end(body)],
    'six minutes old': [false, (to) => to.writeHead(200, ago(360)).end(body)],
    'six minutes ahead': [false, (to) => to.writeHead(200, ago(-360)).end(body)],
    'a changed body': [false, (to) => to.writeHead(200, ago(0)).end(body.replace('19900', '19901'))],
    'another key': [
      false,
      (to) => to.writeHead(200, signatureOf(body, { key: newPair().privateKey, at: now() })).end(body),
    ],
    'an unknown serial': [
      false,
      (to) => to.writeHead(200, signatureOf(body, { serial: 'AB'.repeat(20), at: now() })).end(body),
    ],
    'a signature test': [
      false,
      (to) => to.writeHead(200, { ...ago(0), 'wechatpay-signature': 'WECHATPAY/SIGNTEST/c2lnbmVk' }).end(body),
    ],
    'no signature': [false, (to) => to.writeHead(200, without('wechatpay-signature')).end(body)],
    'no serial': [false, (to) => to.writeHead(200, without('wechatpay-serial')).end(body)],
    'no timestamp': [false, (to) => to.writeHead(200, without('wechatpay-timestamp')).end(body)],
    'no nonce': [false, (to) => to.writeHead(200, without('wechatpay-nonce')).end(body)],
  }
  for (const [what, [trusted, answer]] of Object.entries(cases)) {
    test(what, async () => {
      const server = await startServer((response) => answer(response))
      // Its types lack options that axios accepts.
      const config = {
        mchid: MCH_ID,
        serial: SERIAL_NO,
        privateKey: merchant.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        certs: { [PUBLIC_KEY_ID]: wechat.publicKey.export({ type: 'spki', format: 'pem' }).toString() },
        baseURL: server.url,
        proxy: false,
      } as const
      const theirs = Decorator.jsonBased(config)
      const path = '/v3/pay/transactions/out-trade-no/ORD20260101000001'
      const [their, our] = await Promise.allSettled([
        theirs.get(path, { params: { mchid: MCH_ID } }),
        newClient(server.url, { clock: now, retries: 0 }).query({ outTradeNo: 'ORD20260101000001' }),
      ])
      expect([their.status, our.status]).toEqual(Array(2).fill(trusted ? 'fulfilled' : 'rejected'))
      if (our.status === 'rejected') expect(our.reason).toMatchObject({ code: 'ANSWER_NOT_VERIFIED' })
      const [first, second] = server.received
      expect(first?.target).toBe(second?.target)
    })
  }
})
