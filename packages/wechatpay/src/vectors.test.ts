/**
 * Test vectors: the exact signed texts, against digests computed independently of this client, and one encrypted text.
 */
import { createHash, createPublicKey, verify } from 'node:crypto'
import { expect, test } from 'vitest'
import { API_V3_KEY, APP_ID, MCH_ID, merchant, newClient, newPair, signed, startServer } from '../test/wechat-side.ts'
import { decrypt, readApiV3Key } from './encryption.ts'
import { lines, signRequest } from './sign.ts'

const NONCE = '593BEC0C930BF1AFEB40B4A08C8FB242'
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const signer = {
  mchId: MCH_ID,
  serialNo: '5A'.repeat(20),
  privateKey: newPair().privateKey,
  clock: () => new Date(1767240000_000),
  nonce: () => NONCE,
}

test('an order: its body byte for byte, its signed text, and its header', async () => {
  const server = await startServer((response) =>
    signed(response, 200, { code_url: 'weixin://wxpay/bizpayurl?pr=Ab12Cd3zz' }),
  )
  const client = newClient(server.url, { clock: signer.clock, nonce: signer.nonce })
  // WeChat's answer is signed at another time than this clock's; only the request matters here.
  await client.native(
    {
      outTradeNo: 'ORD20260101000001',
      total: 19900,
      description: 'TypeScript course',
      timeExpire: new Date('2026-01-01T12:30:00+08:00'),
      notifyUrl: 'https://shop.example.com/pay/wechat/notify',
    },
    {},
  )
  const [request] = server.received
  expect(request?.body).toHaveLength(262)
  const text = lines('POST', request?.target ?? '', '1767240000', NONCE, request?.body ?? '')
  expect(sha256(text)).toBe('058278fe2bb5e922e384afa76ac284c42f796c50e4e731b85383090d6382b194')
  const [, signature = ''] = /signature="([^"]+)"/.exec(request?.headers.authorization ?? '') ?? []
  const key = createPublicKey(merchant.privateKey)
  expect(verify('RSA-SHA256', Buffer.from(text), key, Buffer.from(signature, 'base64'))).toBe(true)
  expect(request?.headers.authorization).toBe(
    `WECHATPAY2-SHA256-RSA2048 mchid="1900000001",nonce_str="${NONCE}",signature="${signature}",timestamp="1767240000",serial_no="${'5A'.repeat(20)}"`,
  )
})

test('a query ends with an empty line', async () => {
  const { text } = await signRequest(
    signer,
    'GET',
    '/v3/pay/transactions/out-trade-no/ORD20260101000001?mchid=1900000001',
    '',
  )
  expect(sha256(text)).toBe('2698c98bbcc5750c86850704faebcaf735ab4eb2b3eea0d98815445e20472624')
})

test('answers: three lines, an empty one for no content', () => {
  const nonce = 'd824f2e086d3c1df967785d13fcd22ef'
  expect(sha256(lines('1767240001', nonce, '{"code_url":"weixin://wxpay/bizpayurl?pr=Ab12Cd3zz"}'))).toBe(
    'ccb324bbb892cfcc5c592fc2bfe051a96c0599edd36e46daacde8659d8a995c7',
  )
  expect(sha256(lines('1767240001', nonce, ''))).toBe(
    'da371a9351344d6113d0488d5fbdb0b2056f849e458f2288f173963b539afb1f',
  )
})

test("the parameters for WeChat's in-app browser", () => {
  const text = lines(APP_ID, '1767240002', NONCE, 'prepay_id=wx01120000000000a1b2c3d4e5f600000000')
  expect(sha256(text)).toBe('0eca8978d41ce71654852e578022d5339d4c73b887f0ec23a3f52c40dfc3ecbe')
})

test('AES-256-GCM', () => {
  const encrypted = {
    algorithm: 'AEAD_AES_256_GCM',
    nonce: 'AbCdEf123456',
    associatedData: 'transaction',
    ciphertext:
      'yaLTbKbJbhLNF6iA3vr1TZ6BeEYXlksMoxaJNe+jaEs70oMEHrYHiqTf/Z/9aRX6IFkpbCZ7nXYXuDrA8ieCZOk9r1O2PyCfgLdDXTNzAPExglpgpQklg6chblrrSlR1mw==',
  }
  const key = readApiV3Key(API_V3_KEY)
  const plain = '{"mchid":"1900000001","out_trade_no":"ORD20260101000001","trade_state":"SUCCESS"}'
  expect(decrypt(encrypted, key)).toBe(plain)
  const others = [
    { ...encrypted, nonce: 'AbCdEf123457' },
    { ...encrypted, associatedData: 'refund' },
    { ...encrypted, associatedData: '' },
    { ...encrypted, algorithm: 'AEAD_SM4_GCM' },
    { ...encrypted, nonce: '' },
    { ...encrypted, ciphertext: encrypted.ciphertext.replace('ya', 'yb') },
    { ...encrypted, ciphertext: encrypted.ciphertext.slice(0, -8) },
    { ...encrypted, ciphertext: 'AAAA' },
    { ...encrypted, ciphertext: '' },
  ]
  for (const other of others) expect(decrypt(other, key), JSON.stringify(other)).toBeUndefined()
  expect(decrypt(encrypted, Buffer.alloc(32))).toBeUndefined()
})
