/** Signing and verifying, against real messages and for any text. */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { type Charset, formatForm, parseForm } from '../core/charset.ts'
import { generateKeys, readPublicKey } from '../core/keys.ts'
import { canonicalString, type Pairs, signText, verifyText } from './signature.ts'

let privateKey: ReturnType<typeof createPrivateKey>
let publicKey: ReturnType<typeof createPublicKey>
let publicText: string

beforeAll(async () => {
  const pair = await generateKeys()
  privateKey = createPrivateKey({ key: Buffer.from(pair.privateKey, 'base64'), type: 'pkcs8', format: 'der' })
  publicKey = createPublicKey(privateKey)
  publicText = pair.publicKey
})

/** A return signed by Alipay's own sandbox in 2023, published in the tests of yansongda/pay. */
const ALIPAY_KEY =
  'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAl2PJhW04G1sClzEDwMw1nxCjlyDTubFhn89bcEzP7GB/mFWnfIRXydM2qvDALpJggjeCIc3Orm0AobZOltic1MGOBrFWcoOMyT7haV3X05jPa0qy6bMg5YJZy7/5mjTQL/3jPJM+TA3YTNV8wPUsJgWINENAGFIakS4HTj3oGIuPvbMgL1z7Yd66TIYzfA4FRwa08XXaZLC/u+EJ8tUedhQhPjwWQBL0H+bhoqWZSIW3/xdMZrMf8RF9uM22Y3mE1DAnxseXrxjW2Kg0q/47mOjXGBcrQUOeaAB+0SamdFu6LP9ylQOESg0bpFhgqhUWIT/QYJ1I8PQrVYy9QZkAIwIDAQAB'
const RETURN: Pairs = [
  ['charset', 'utf-8'],
  ['out_trade_no', '1703141270'],
  ['method', 'alipay.trade.page.pay.return'],
  ['total_amount', '0.01'],
  [
    'sign',
    'RJzbs5y7I41BO9UPnCdq7oWgoInyjELi9Qj6D+LAZXVpHTedemAHfVUowuF9iuznGZLxU6Xv1L3ZkzTGxmIfvzontCZNb0+RROqiT41lX91VYd6j4ZcOn8zsvlCdQSVHmYNJi+w/40uHxo1ufRwHxBNtQKsoJCYk5VtZ92pQFvVyE5wPPT6Nolww5WlCAPxcWNby8VAiWT+d2yxmFm8vZ6yj5rsLHTR72O76TkEXzOEex6e36Zf8M9YXww7RQbflMfk9eURPHW/oQq4hZr/lX7/O1nT5vdT4UVFai4V18Xm1KspBun8outJxqlWMIKVxGsYhIH1E79ORt4wQA7PG1g==',
  ],
  ['trade_no', '2023122122001499160501586202'],
  ['auth_app_id', '9021000122682882'],
  ['version', '1.0'],
  ['app_id', '9021000122682882'],
  ['sign_type', 'RSA2'],
  ['seller_id', '2088721003899159'],
  ['timestamp', '2023-12-21 14:48:44'],
]

test('a return that Alipay signed verifies without sign_type, and not with it', () => {
  const key = readPublicKey(ALIPAY_KEY)
  if (!key) throw new Error('the key does not parse')
  const sign = RETURN.find(([name]) => name === 'sign')?.[1] ?? ''
  expect(verifyText(canonicalString(RETURN, ['sign', 'sign_type']), sign, 'utf-8', key, 'RSA2')).toBe(true)
  expect(verifyText(canonicalString(RETURN, ['sign']), sign, 'utf-8', key, 'RSA2')).toBe(false)
})

const name = fc.stringMatching(/^[a-z_]{1,12}$/)
const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.stringMatching(/^[+&=% "'<>\\/{}中文，。é]{0,20}$/))
const pairsOf = (value: fc.Arbitrary<string>) =>
  fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, minLength: 1, maxLength: 8 })

test.each<[Charset, fc.Arbitrary<string>]>([
  ['utf-8', text],
  ['gbk', fc.stringMatching(/^[+&=% a-zA-Z0-9中文学城，。课程]{0,20}$/)],
])(
  'text signed in %s verifies after it has been sent as a form, and changed text does not',
  async (charset, values) => {
    await fc.assert(
      fc.asyncProperty(pairsOf(values), fc.nat(), async (pairs, which) => {
        const sign = await signText(canonicalString(pairs, ['sign']), charset, privateKey, 'RSA2')
        const arrived = parseForm(Buffer.from(formatForm([...pairs, ['sign', sign]], charset), 'latin1'), charset)
        expect(arrived).toEqual([...pairs, ['sign', sign]])
        expect(verifyText(canonicalString(arrived, ['sign']), sign, charset, publicKey, 'RSA2')).toBe(true)
        const changed = arrived.map(([key, value], index): [string, string] => [
          key,
          index === which % pairs.length ? `${value}x` : value,
        ])
        expect(verifyText(canonicalString(changed, ['sign']), sign, charset, publicKey, 'RSA2')).toBe(false)
      }),
      { numRuns: 150 },
    )
  },
)

test('decodes like URLSearchParams', () => {
  fc.assert(
    fc.property(pairsOf(text), (pairs) => {
      const form = new URLSearchParams(pairs).toString()
      expect(parseForm(Buffer.from(form, 'latin1'), 'utf-8')).toEqual([...new URLSearchParams(form)])
    }),
  )
})

test('public keys are read in every common form, private keys never', () => {
  const spki = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const pkcs1 = publicKey.export({ type: 'pkcs1', format: 'pem' }).toString()
  for (const form of [publicText, ` ${publicText.slice(0, 70)}\n ${publicText.slice(70)} `, spki, pkcs1]) {
    expect(readPublicKey(form)?.equals(publicKey)).toBe(true)
  }
  const secret = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  for (const form of [secret, secret.replace(/-----[^-]+-----/g, ''), '', 'hello', 'AAAA']) {
    expect(readPublicKey(form)).toBeUndefined()
  }
})
