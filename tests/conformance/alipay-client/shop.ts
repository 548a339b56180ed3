/** A sandbox and a shop that only listens, for our client. */
import type { Alipay, Notification } from '@xuecheng/alipay'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { call, type Notified, type SandboxProcess, startNotifyAddress, startSandboxProcess } from './rig.ts'

export let sandbox: SandboxProcess

export let shop: Notified

beforeAll(async () => {
  sandbox = await startSandboxProcess()
  shop = await startNotifyAddress()
})

afterAll(async () => {
  await shop.close()
  await sandbox.stop()
})

afterEach(() => call(sandbox.url, 'DELETE', '/faults'))

let count = 0

export function newNumber(): string {
  count += 1
  return `client_${Date.now()}_${count}`
}

const RETURN_URL = 'http://127.0.0.1:9/pay/success?from=mail'

/** Orders and pays. @returns the notification and the return */
export async function pay(client: Alipay, more: { totalAmount?: number; subject?: string; body?: string } = {}) {
  const outTradeNo = newNumber()
  const payUrl = await client.pagePayUrl({
    outTradeNo,
    totalAmount: 3900,
    subject: '学城 TypeScript 课程 + 100%',
    notifyUrl: shop.url,
    returnUrl: RETURN_URL,
    ...more,
  })
  const { returnUrl } = await call<{ returnUrl: string }>(sandbox.url, 'POST', '/pay', { payUrl })
  return { outTradeNo, returnUrl, notification: await takeNotification(client) }
}

export async function takeNotification(client: Alipay): Promise<Notification> {
  const { body, contentType } = await shop.next()
  const read = await client.verifyNotification(body, contentType)
  if (!read.ok) throw new Error(`${read.code}: ${read.message}`)
  return read
}

export const modes = ['key', 'cert'] as const
