/** A sandbox, a merchant and another client of WeChat Pay, unmodified but for its base address. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox } from '@xuecheng/sandbox'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import type { Wechatpay } from 'wechatpay-axios-plugin'
import { call, type Json } from '../rig.ts'
import {
  listenForWechat,
  orderOf,
  otherClient,
  type WechatMerchant,
  type WechatShop,
  wechatMerchant,
} from '../wechat-rig.ts'

export const data = mkdtempSync(join(tmpdir(), 'sandbox-wechat-'))

export let sandbox: Awaited<ReturnType<typeof startSandbox>>

export let shop: WechatShop

export let merchant: WechatMerchant

let client: Wechatpay

beforeAll(async () => {
  sandbox = await startSandbox({ data })
  shop = await listenForWechat()
  merchant = await wechatMerchant(sandbox.url)
  client = otherClient(sandbox.url, merchant)
})

beforeEach(() => {
  shop.received.length = 0
  shop.status = 204
})

afterAll(async () => {
  await sandbox.close()
  await shop.close()
  rmSync(data, { recursive: true })
})

let numbers = 0

export const number = () => `WX-SDK-${++numbers}`

export async function get(path: string, params: Json = {}, using = client): Promise<Json> {
  return (await using.client.request(path, 'get', undefined, { params })).data as Json
}

export async function post(path: string, body: object, using = client): Promise<{ status: number; data: Json }> {
  return await using.client.request(path, 'post', body)
}

export const order = async (no: string, change: Json = {}, product = 'native') =>
  (await post(`/v3/pay/transactions/${product}`, orderOf(merchant, no, shop.url, change))).data

export const query = (no: string) => get(`/v3/pay/transactions/out-trade-no/${no}`, { mchid: merchant.mchId })

export const scan = (codeUrl: unknown) => call(sandbox.url, 'POST', '/wechat/pay', { codeUrl })

export const advance = (advanceSeconds: number) => call(sandbox.url, 'POST', '/clock', { advanceSeconds })

/** The status and code of a refused call. */
export const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => ({}),
    (error: { response?: { status: number; data: Json }; code?: string }) => ({
      status: error.response?.status,
      code: error.response?.data?.['code'] ?? error.code,
    }),
  )
