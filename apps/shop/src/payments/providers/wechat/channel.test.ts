/** Which of WeChat Pay's products a buyer gets: H5 only if WeChat would open it. */
import { generateKeyPairSync } from 'node:crypto'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createWechatProvider } from './provider.ts'
import type { WechatSettings } from './settings.ts'

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const open = (change: Partial<WechatSettings>) => {
  const settings: WechatSettings = {
    baseUrl: 'https://api.example',
    mchId: '1900000001',
    appId: 'wx0000000000000001',
    serialNo: 'AB'.repeat(20),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    apiV3Key: 'a'.repeat(32),
    publicKey: { id: 'PUB_KEY_ID_01', key: publicKey.export({ type: 'spki', format: 'pem' }).toString() },
    notifyUrl: 'https://shop.example/api/payments/wechat/notify',
    returnUrl: 'https://shop.example/pay/success',
    h5: true,
    sandbox: false,
    ...change,
  }
  return createWechatProvider(settings, () => new Date(), pino({ level: 'silent' }))
}
const onPhone = (address: string, change: Partial<WechatSettings> = {}) =>
  open(change).channelFor({ device: 'phone', address })

test('at the real gateway a phone whose own address is not known scans: WeChat opens no H5 payment for it', () => {
  expect(onPhone('203.0.113.7')).toBe('h5')
  expect(onPhone('2001:db8::7')).toBe('h5')
  for (const address of ['127.0.0.1', '::1', '10.0.0.8', '192.168.1.7', '']) expect(onPhone(address)).toBe('native')
  expect(onPhone('203.0.113.7', { h5: false })).toBe('native')
})

test('at a gateway on this machine buyers come from it', () => {
  expect(onPhone('127.0.0.1', { sandbox: true })).toBe('h5')
  expect(onPhone('192.168.1.7', { baseUrl: 'http://127.0.0.1:8100' })).toBe('h5')
})
