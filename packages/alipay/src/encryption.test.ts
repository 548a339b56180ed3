/** Content encryption, compared with the SDK's in both directions, and in a whole call. */
import { randomBytes } from 'node:crypto'
import { AlipaySdk } from 'alipay-sdk'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { newPair, signedAnswer } from '../test/alipay-side.ts'
import { startGateway } from '../test/gateway.ts'
import { type AlipayOptions, createAlipay } from './client.ts'
import { decrypt, encrypt, readAesKey } from './encryption.ts'
import { KeyError } from './errors.ts'

const merchant = newPair()
const alipay = newPair()
const aesKey = randomBytes(16).toString('base64')
const key = readAesKey(aesKey)
const sdk = new AlipaySdk({
  appId: '2021000120612450',
  privateKey: merchant.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
  alipayPublicKey: merchant.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  encryptKey: aesKey,
  gateway: 'https://openapi.alipay.com/gateway.do',
})

test('the SDK decrypts what we encrypt, and we decrypt what it encrypts', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const content = { subject: text.toWellFormed() }
      expect(JSON.parse(sdk.aesDecrypt(encrypt(JSON.stringify(content), key)))).toEqual(content)
      const link = new URL(sdk.pageExecute('alipay.trade.page.pay', 'GET', { needEncrypt: true, bizContent: content }))
      expect(JSON.parse(decrypt(link.searchParams.get('biz_content') ?? '', key) ?? '')).toEqual(content)
    }),
  )
})

test('text encrypted with another key is not read', () => {
  const other = readAesKey(randomBytes(16).toString('base64'))
  const texts = ['', 'AAAA', 'x', encrypt('', key).slice(0, 8)]
  for (const text of texts) expect(decrypt(text, key)).toBeUndefined()
  expect(decrypt(encrypt('{"code":"10000"}', other), key)).not.toBe('{"code":"10000"}')
})

test('an invalid key is refused', () => {
  for (const text of ['', 'hello', randomBytes(15).toString('base64'), `${aesKey}\u0000`])
    expect(() => readAesKey(text)).toThrow(KeyError)
  expect(readAesKey(` ${aesKey}\n`)).toEqual(key)
})

const client = (gateway: string, options: Partial<AlipayOptions> = {}) =>
  createAlipay({
    appId: '2021000120612450',
    privateKey: merchant.privateKey,
    alipayPublicKey: alipay.publicKey,
    gateway,
    aesKey,
    retries: 0,
    ...options,
  })
const paid =
  '{"code":"10000","msg":"Success","out_trade_no":"N1","total_amount":"39.00","trade_no":"2026","trade_status":"TRADE_SUCCESS"}'

test("a whole call: encrypted, then signed; the answer's signature covers its quotes", async () => {
  const gateway = await startGateway((response, { parameters }) =>
    response.end(signedAnswer(parameters['method'] ?? '', JSON.stringify(encrypt(paid, key)), alipay.privateKey)),
  )
  expect(await client(gateway.url).query({ outTradeNo: 'N1' })).toMatchObject({ exists: true, totalAmount: 3900 })
  const parameters = gateway.received[0]?.parameters ?? {}
  expect(parameters).toMatchObject({ encrypt_type: 'AES' })
  expect(sdk.checkNotifySignV2(parameters)).toBe(true)
  expect(sdk.aesDecrypt(parameters['biz_content'] ?? '')).toBe('{"out_trade_no":"N1"}')
})

test('a plain answer is accepted too: refusals are not encrypted', async () => {
  const gateway = await startGateway((response, { parameters }) =>
    response.end(signedAnswer(parameters['method'] ?? '', paid, alipay.privateKey)),
  )
  expect(await client(gateway.url).query({ outTradeNo: 'N1' })).toMatchObject({ exists: true })
})

test('an answer encrypted with another key, or when no key is set, is not trusted', async () => {
  const gateway = await startGateway((response, { parameters }) =>
    response.end(signedAnswer(parameters['method'] ?? '', JSON.stringify(encrypt(paid, key)), alipay.privateKey)),
  )
  for (const other of [randomBytes(16).toString('base64'), undefined])
    await expect(client(gateway.url, { aesKey: other }).query({ outTradeNo: 'N1' })).rejects.toMatchObject({
      name: 'UnknownOutcomeError',
    })
})

test('payment pages are encrypted too', async () => {
  const url = new URL(
    await client('https://openapi.alipay.com/gateway.do').pagePayUrl({
      outTradeNo: 'N1',
      totalAmount: 1,
      subject: '课',
    }),
  )
  expect(url.searchParams.get('encrypt_type')).toBe('AES')
  expect(sdk.aesDecrypt(url.searchParams.get('biz_content') ?? '')).toContain('"subject":"课"')
})
