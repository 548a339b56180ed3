/** The diagnostics name the common mix-ups of WeChat Pay's keys, each in both languages, and never repeat a key. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { expect, test } from 'vitest'
import { describeResults } from '../../../diagnostics.ts'
import { checkKeys } from './diagnostics.ts'
import { WECHAT_DIAGNOSTIC_TEXTS } from './diagnostics-texts.ts'
import type { WechatSettings } from './settings.ts'

const pair = (modulusLength = 2048) => generateKeyPairSync('rsa', { modulusLength })
const own = pair()
const theirs = pair()
const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const priv = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString()
const pub = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString()

const settings = (change: Partial<WechatSettings>): WechatSettings => ({
  baseUrl: 'https://api.example',
  mchId: '1900000001',
  appId: 'wx0000000000000001',
  serialNo: 'AA',
  privateKey: priv(own.privateKey),
  apiV3Key: 'a'.repeat(32),
  publicKey: { id: 'PUB_KEY_ID_01', key: pub(theirs.publicKey) },
  notifyUrl: 'https://shop.example/api/payments/wechat/notify',
  returnUrl: 'https://shop.example/pay/success',
  h5: true,
  sandbox: false,
  ...change,
})

test.each<[string, Partial<WechatSettings>, string[]]>([
  ['both right', {}, ['PRIVATE_KEY_OK', 'GATEWAY_KEY_OK']],
  ['platform certificates', { publicKey: undefined }, ['PRIVATE_KEY_OK', 'CERTIFICATES']],
  [
    'swapped',
    { privateKey: pub(theirs.publicKey), publicKey: { id: 'P', key: priv(own.privateKey) } },
    ['KEYS_SWAPPED', 'KEYS_SWAPPED'],
  ],
  ['a public key as the private one', { privateKey: pub(own.publicKey) }, ['PUBLIC_KEY_GIVEN', 'GATEWAY_KEY_OK']],
  ['empty', { privateKey: '\n', publicKey: { id: 'P', key: '' } }, ['EMPTY', 'EMPTY']],
  ['of an elliptic curve', { privateKey: priv(curve.privateKey) }, ['NOT_RSA', 'GATEWAY_KEY_OK']],
  ["WeChat's too short", { publicKey: { id: 'P', key: pub(pair(1024).publicKey) } }, ['PRIVATE_KEY_OK', 'TOO_SHORT']],
  ['cut off', { privateKey: priv(own.privateKey).slice(0, 300) }, ['UNREADABLE', 'GATEWAY_KEY_OK']],
  ['too short', { privateKey: priv(pair(1024).privateKey) }, ['TOO_SHORT', 'GATEWAY_KEY_OK']],
  [
    "the merchant's own where WeChat's belongs",
    { publicKey: { id: 'P', key: pub(own.publicKey) } },
    ['PRIVATE_KEY_OK', 'OWN_KEY_GIVEN'],
  ],
  [
    "a private key where WeChat's belongs",
    { publicKey: { id: 'P', key: priv(theirs.privateKey) } },
    ['PRIVATE_KEY_OK', 'PRIVATE_KEY_GIVEN'],
  ],
])('%s', (_, change, codes) => {
  const findings = checkKeys(settings(change))
  expect(findings.map(({ code }) => code)).toEqual(codes)
  for (const language of ['zh-CN', 'en'] as const) {
    const words = JSON.stringify(findings.map((each) => describeResults(each, WECHAT_DIAGNOSTIC_TEXTS, language)))
    expect(words).not.toMatch(/[A-Za-z0-9+/]{40}/)
    expect(words).not.toMatch(/[{]\w+[}]/)
  }
})

test('the formats are named', () => {
  const said = checkKeys(settings({})).map((each) => describeResults(each, WECHAT_DIAGNOSTIC_TEXTS, 'en').message)
  expect(said[0]).toMatch(/^PKCS#8, RSA 2048 bits/)
  expect(said[1]).toMatch(/^PUB_KEY_ID_01 \(SPKI\), RSA 2048 bits/)
})
