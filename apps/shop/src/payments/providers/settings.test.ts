/** Wrong or incomplete settings of a provider: the one at fault is named, and nothing is ignored. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import { expect, test } from 'vitest'
import { type Environment, readConfig } from '../../config.ts'
import { isSetUp } from './definition.ts'
import { hasRealMerchant, METHODS } from './methods.ts'
import { refuseBadSettings } from './registry.ts'

const pair = (modulusLength = 2048) => generateKeyPairSync('rsa', { modulusLength })
const pkcs8 = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString()
const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString()
const [own, theirs, short] = [pair(), pair(), pair(1024)]
const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

const ALIPAY = {
  ALIPAY_APP_ID: '2021000120612450',
  ALIPAY_SELLER_ID: '2088621959339670',
  ALIPAY_PRIVATE_KEY: pkcs8(own.privateKey),
  ALIPAY_PUBLIC_KEY: spki(theirs.publicKey),
}
const WECHAT = {
  WECHATPAY_MCH_ID: '1900000001',
  WECHATPAY_APP_ID: 'wxd678efh567hg6787',
  WECHATPAY_SERIAL_NO: '5157F09EFDC096DE15EBE81A47057A72',
  WECHATPAY_PRIVATE_KEY: pkcs8(own.privateKey),
  WECHATPAY_API_V3_KEY: 'a'.repeat(32),
  WECHATPAY_PUBLIC_KEY: spki(theirs.publicKey),
  WECHATPAY_PUBLIC_KEY_ID: 'PUB_KEY_ID_0119000000012026',
}

const refused = (environment: Environment) => refuseBadSettings(readConfig(environment, hasRealMerchant))

test('whole sets are taken, and so is none; tuning alone sets nothing up', async () => {
  for (const environment of [
    {},
    ALIPAY,
    WECHAT,
    { ALIPAY_FEE_RATE: '0.6%' },
    { ALIPAY_WAP: 'off' },
    { WECHATPAY_H5: 'off' },
  ])
    await refused(environment)
  for (const kind of METHODS)
    expect(isSetUp(kind, { ALIPAY_FEE_RATE: '0.6%', ALIPAY_WAP: 'off', WECHATPAY_H5: 'off' })).toBe(false)
  const { WECHATPAY_PUBLIC_KEY: _, WECHATPAY_PUBLIC_KEY_ID: __, ...certificates } = WECHAT
  await refused(certificates)
})

test.each(Object.entries({ ...ALIPAY, ...WECHAT }))(
  '%s alone: what is missing beside it is named',
  async (name, value) => {
    await expect(refused({ [name]: value })).rejects.toThrow(/^(ALIPAY|WECHATPAY)_\w+: is missing\. Example: /)
  },
)

test.each([
  'ALIPAY_PUBLIC_KEY_FILE',
  'ALIPAY_APP_CERT',
  'ALIPAY_ALIPAY_CERT_FILE',
  'ALIPAY_ROOT_CERT_FILE',
  'ALIPAY_GATEWAY',
  'WECHATPAY_API_V3_KEY_FILE',
  'WECHATPAY_PUBLIC_KEY_FILE',
  'WECHATPAY_BASE_URL',
])('%s counts as set up by hand', (name) => {
  expect(METHODS.some((kind) => isSetUp(kind, { [name]: './x' }))).toBe(true)
})

test.each<[string, Environment]>([
  ['ALIPAY_PRIVATE_KEY', { ...ALIPAY, ALIPAY_PRIVATE_KEY: pkcs8(short.privateKey) }],
  ['ALIPAY_PRIVATE_KEY', { ...ALIPAY, ALIPAY_PRIVATE_KEY: pkcs8(curve) }],
  ['ALIPAY_PUBLIC_KEY', { ...ALIPAY, ALIPAY_PUBLIC_KEY: 'cut off' }],
  ['ALIPAY_PUBLIC_KEY', { ...ALIPAY, ALIPAY_PUBLIC_KEY: spki(own.publicKey) }],
  [
    'ALIPAY_ALIPAY_CERT',
    { ...ALIPAY, ALIPAY_APP_CERT: rootCertificates[0], ALIPAY_ALIPAY_CERT: 'none', ALIPAY_ROOT_CERT: 'none' },
  ],
  ['ALIPAY_FEE_RATE', { ...ALIPAY, ALIPAY_FEE_RATE: '0.006' }],
  ['ALIPAY_WAP', { ALIPAY_WAP: 'perhaps' }],
  ['WECHATPAY_PRIVATE_KEY', { ...WECHAT, WECHATPAY_PRIVATE_KEY: spki(own.publicKey) }],
  ['WECHATPAY_PRIVATE_KEY', { ...WECHAT, WECHATPAY_PRIVATE_KEY: pkcs8(short.privateKey) }],
  ['WECHATPAY_PUBLIC_KEY', { ...WECHAT, WECHATPAY_PUBLIC_KEY: spki(short.publicKey) }],
  ['WECHATPAY_PUBLIC_KEY', { ...WECHAT, WECHATPAY_PUBLIC_KEY: spki(own.publicKey) }],
  ['WECHATPAY_PUBLIC_KEY_FILE', { ...WECHAT, WECHATPAY_PUBLIC_KEY: '' }],
  ['WECHATPAY_PUBLIC_KEY_ID', { ...WECHAT, WECHATPAY_PUBLIC_KEY_ID: '' }],
  ['WECHATPAY_API_V3_KEY', { ...WECHAT, WECHATPAY_API_V3_KEY: 'short' }],
  ['WECHATPAY_SERIAL_NO', { ...WECHAT, WECHATPAY_SERIAL_NO: 'no serial' }],
  ['WECHATPAY_H5', { WECHATPAY_H5: 'maybe' }],
])('%s is named where it is wrong', async (name, environment) => {
  await expect(refused(environment)).rejects.toThrow(new RegExp(`^${name}: [^\\n]+ Example: ${name}`))
})

test.each<[string, Environment]>([
  ['ALIPAY_GATEWAY', ALIPAY],
  ['WECHATPAY_BASE_URL', WECHAT],
])('%s is https, or of this machine: money and answers about it go through it', async (name, environment) => {
  for (const bad of [
    'http://openapi.alipay.com',
    'http://10.0.0.1',
    'http://127.0.0.1.evil.example',
    'ftp://127.0.0.1',
  ])
    await expect(refused({ ...environment, [name]: bad })).rejects.toThrow(new RegExp(`^${name}: .*http`))
  for (const good of ['https://openapi.alipay.com/x', 'http://127.0.0.1:8100', 'http://[::1]:1', 'http://localhost/x'])
    await refused({ ...environment, [name]: good })
})
