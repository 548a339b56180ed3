/** Settings that cannot be read, and what becomes of the demo once a real merchant takes payments. */
import { generateKeyPairSync } from 'node:crypto'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { readConfig } from '../../config.ts'
import { hasRealMerchant } from './methods.ts'
import { createProviders } from './registry.ts'

const NUMBER = '0'.repeat(32)
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const REAL = {
  ALIPAY_APP_ID: '2021000120612450',
  ALIPAY_SELLER_ID: '2088621959339670',
  ALIPAY_PRIVATE_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  ALIPAY_PUBLIC_KEY: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
}
const unreadable = { id: 1, provider: 'alipay', values: undefined }
const real = { id: 2, provider: 'alipay', values: REAL, inUse: true }

const open = () =>
  createProviders(readConfig({ DATA_DIR: '/nowhere' }, hasRealMerchant), () => new Date(), pino({ level: 'silent' }))

test('before the settings have been read, a method is not said to be unavailable: the buyer may try again', async () => {
  const providers = open()
  expect(providers.offered()).toEqual([])
  const { byName } = providers
  expect(() => byName.get('alipay')?.channelFor({ device: 'computer', address: '127.0.0.1' })).toThrow(
    expect.objectContaining({ code: 'UNAVAILABLE' }),
  )
  providers.take([{ ...unreadable, inUse: true }])
  expect(byName.get('alipay')).toBeUndefined()
})

test('settings in use that cannot be read block their method, and leave nothing to the sandbox', () => {
  const providers = open()
  providers.take([{ ...unreadable, inUse: true }])
  expect(['alipay', 'wechat'].map((name) => providers.isBlocked(name))).toEqual([true, false])
  expect([providers.offered(), providers.usesSandbox()]).toEqual([[], false])
  providers.take([real, { ...unreadable, inUse: false }])
  expect([providers.offered(), providers.isBlocked('alipay')]).toEqual([['alipay'], false])
})

test('while some settings cannot be read, what was opened at the demo’s sandbox waits', () => {
  const providers = open()
  providers.take([real, { ...unreadable, inUse: false }])
  providers.take([{ ...unreadable, inUse: true }])
  expect(providers.byName.get('alipay')).toBeUndefined()
})

test('once a real merchant takes payments, what was opened at the demo’s sandbox is closed, of every method', async () => {
  const providers = open()
  providers.take([real])
  for (const [name, merchant] of [
    ['alipay', 'sandbox 9021000100000001'],
    ['wechat', 'sandbox 1900000001 wx0000000000000001'],
  ] as const) {
    const provider = providers.byName.get(name)
    expect(await provider?.queryTrade(NUMBER, merchant)).toEqual({ state: 'closed' })
    await provider?.close(NUMBER, merchant)
    const refund = { attemptNo: NUMBER, tradeNo: 't', requestNo: 'r', merchant }
    expect(await provider?.queryRefund(refund)).toEqual({ state: 'none' })
  }
})

test('the merchants that would be left without some settings', () => {
  const providers = open()
  providers.take([real])
  const [merchant] = providers.merchantsWithout('alipay')
  expect(merchant).toContain(REAL.ALIPAY_APP_ID)
  expect(providers.merchantsWithout('alipay', real.id)).toEqual([])
})
