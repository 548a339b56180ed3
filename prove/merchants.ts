/** Several merchants per payment method: while the shop sells, its owner switches between their keys. */
import { generateKeyPairSync } from 'node:crypto'
import type { ShopApi } from '../tests/harness/shop-api.ts'
import type { System } from '../tests/harness/system.ts'
import type { Merchant } from './check.ts'
import { patiently, pause, persist } from './client.ts'
import type { Random } from './random.ts'
import { type Running, untilStopped } from './until-stopped.ts'
import type { Method } from './visit.ts'

/** The sandbox's own merchant, whose keys are never entered: it is in use after the entered keys are removed. */
const OWN = 'the sandbox’s own'
type Keys = Readonly<Record<string, string>> | typeof OWN

export type Keyring = Readonly<Record<Method, readonly Keys[]>>

export interface Changes extends Running {
  /** How often another merchant's keys came into use. */
  readonly counts: Record<Method, number>
}

const OTHERS = 2
/** Milliseconds between two changes: a minimum and a random part. */
const CHANGE_PAUSE = { min: 3000, spread: 9000 }

/** Creates merchants at both gateways besides the one that the shop starts with. */
export async function makeMerchants(system: System): Promise<Keyring> {
  const numbers = Array.from({ length: OTHERS }, (_, index) => index + 1)
  return {
    alipay: [OWN, ...(await Promise.all(numbers.map(() => alipayMerchant(system))))],
    wechat: [OWN, ...(await Promise.all(numbers.map((number) => wechatMerchant(system, number))))],
  }
}

/** Every merchant that both gateways know. */
export async function readMerchants({ sandbox }: System): Promise<Merchant[]> {
  const alipay = await sandbox.get<{ items: Merchant[] }>('/merchants')
  const wechat = await sandbox.get<{ items: { appId: string; mchId: string }[] }>('/wechat/merchants')
  return [...alipay.items, ...wechat.items.map(({ appId, mchId }) => ({ appId, sellerId: mchId }))]
}

function ownKeys() {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return {
    secret: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    open: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  }
}

async function alipayMerchant({ sandbox, sandboxUrl }: System): Promise<Keys> {
  const { secret, open } = ownKeys()
  const body = { name: 'proof', appPublicKey: open }
  const made = await sandbox.send<{ appId: string; sellerId: string; alipayPublicKey: string }>(
    'POST',
    '/merchants',
    body,
  )
  return {
    ALIPAY_APP_ID: made.appId,
    ALIPAY_SELLER_ID: made.sellerId,
    ALIPAY_GATEWAY: `${sandboxUrl}/gateway.do`,
    ALIPAY_PRIVATE_KEY: secret,
    ALIPAY_PUBLIC_KEY: made.alipayPublicKey,
  }
}

async function wechatMerchant({ sandbox, sandboxUrl }: System, number: number): Promise<Keys> {
  const { secret, open } = ownKeys()
  const [mchId, appId] = [`190000010${number}`, `wx00000000000001${String(number).padStart(2, '0')}`]
  const serialNo = `5857554348454E47${String(number).padStart(24, '0')}`
  const apiV3Key = `proof${String(number).padStart(27, '0')}`
  const body = { name: 'proof', appId, serialNo, publicKey: open, apiV3Key, keyMode: 'public-key' }
  const path = `/wechat/merchants/${mchId}`
  const made = await sandbox.send<{ publicKeyId: string; publicKey: string }>('PUT', path, body)
  return {
    WECHATPAY_MCH_ID: mchId,
    WECHATPAY_APP_ID: appId,
    WECHATPAY_SERIAL_NO: serialNo,
    WECHATPAY_PRIVATE_KEY: secret,
    WECHATPAY_API_V3_KEY: apiV3Key,
    WECHATPAY_PUBLIC_KEY_ID: made.publicKeyId,
    WECHATPAY_PUBLIC_KEY: made.publicKey,
    WECHATPAY_BASE_URL: sandboxUrl,
  }
}

export function startChanging(system: System, random: Random, keyring: Keyring): Changes {
  const counts = { alipay: 0, wechat: 0 }
  const inUse: Record<Method, Keys> = { alipay: OWN, wechat: OWN }
  const { stop } = untilStopped(async (goesOn) => {
    const owner = system.client()
    await persist(() => owner.login('admin', 'admin123456'))
    while (goesOn()) {
      await pause(CHANGE_PAUSE.min + random.below(CHANGE_PAUSE.spread))
      const method = random.pick(['alipay', 'wechat'] as const)
      const keys = random.pick(keyring[method].filter((others) => others !== inUse[method]))
      if (!goesOn() || !(await use(owner, method, keys))) continue
      inUse[method] = keys
      counts[method] += 1
    }
  })
  return { counts, stop }
}

/** @returns whether they are in use now; a faulty gateway may have prevented their validation */
async function use(owner: ShopApi, method: Method, keys: Keys): Promise<boolean> {
  const page = `/api/admin/payment-settings/${method}`
  if (keys === OWN) return (await patiently(owner, 'POST', `${page}/remove`)).status === 200
  const body = { values: keys, despite: true }
  const answer = await patiently<{ stored: boolean }>(owner, 'POST', page, body)
  return answer.body.stored === true
}
