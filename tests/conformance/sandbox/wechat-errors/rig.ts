/** A sandbox, a WeChat Pay merchant, and orders in every state. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox } from '@xuecheng/sandbox'
import { afterAll, beforeAll } from 'vitest'
import { call, type Json } from '../rig.ts'
import { type HandCall, orderOf, sendByHand, type WechatMerchant, wechatMerchant } from '../wechat-rig.ts'

const data = mkdtempSync(join(tmpdir(), 'sandbox-wechat-'))

export const NOTIFY = 'http://127.0.0.1:99/notify'

export let sandbox: Awaited<ReturnType<typeof startSandbox>>

export let merchant: WechatMerchant

beforeAll(async () => {
  sandbox = await startSandbox({ data })
  await call(sandbox.url, 'PUT', '/notifications', { enabled: false })
  merchant = await wechatMerchant(sandbox.url)
})

afterAll(async () => {
  await sandbox.close()
  rmSync(data, { recursive: true })
})

export const NATIVE = '/v3/pay/transactions/native'

export const REFUNDS = '/v3/refund/domestic/refunds'

export const send = (hand: HandCall) => sendByHand(sandbox.url, merchant, hand)

export const query = (no: string) => `/v3/pay/transactions/out-trade-no/${no}?mchid=${merchant.mchId}`

export const order = (no: string, change: Json = {}) =>
  send({ method: 'POST', path: NATIVE, body: orderOf(merchant, no, NOTIFY, change) })
