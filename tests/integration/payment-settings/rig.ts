/** A shop, its owner, and real merchants at the sandbox whose keys are entered. */
import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll } from 'vitest'
import type { ShopApi } from '../../harness/shop-api.ts'
import { type System, startSystem, until } from '../../harness/system.ts'

export interface Settings {
  readonly provider: string
  readonly source: string | null
  readonly entered: readonly {
    id: number
    shown: { name: string; value: string; ends?: string }[]
    retiredAt: string | null
  }[]
}

export interface Outcome {
  readonly stored: boolean
  readonly blocked: string
  readonly findings: readonly { check: string; code: string; verdict: string; message: string }[]
  readonly settings: Settings
}

export let system: System

export let owner: ShopApi

beforeAll(async () => {
  system = await startSystem()
  owner = system.client()
  await owner.login('admin', 'admin123456')
})

afterAll(() => system.stop())

/** A merchant of the sandbox besides the shop's own, with its values as its owner would enter them. */
export async function merchant() {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const appPublicKey = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const made = await system.sandbox.send<{ appId: string; sellerId: string; alipayPublicKey: string }>(
    'POST',
    '/merchants',
    { name: 'entered', appPublicKey },
  )
  const values = {
    ALIPAY_APP_ID: made.appId,
    ALIPAY_SELLER_ID: made.sellerId,
    ALIPAY_GATEWAY: `${system.sandboxUrl}/gateway.do`,
    ALIPAY_PRIVATE_KEY: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
    ALIPAY_PUBLIC_KEY: made.alipayPublicKey,
  }
  return { values, appPublicKey, appId: made.appId }
}

export const enter = (values: Record<string, string>, more: object = {}, language = 'zh-CN') =>
  owner.call<Outcome>(
    'POST',
    '/api/admin/payment-settings/alipay',
    { values, ...more },
    { 'accept-language': language },
  )

export const settings = async () =>
  (await owner.call<{ items: Settings[] }>('GET', '/api/admin/payment-settings')).body.items.find(
    ({ provider }) => provider === 'alipay',
  )

export const appOf = (payUrl: string) => new URL(payUrl).searchParams.get('app_id')

export const paid = (buyer: ShopApi, orderNo: string) =>
  until(
    () => buyer.order(orderNo),
    ({ status }) => status === 'paid',
  )
