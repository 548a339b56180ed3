/** A shop that takes WeChat Pay, and its buyers. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect } from 'vitest'
import type { ShopApi } from '../../harness/shop-api.ts'
import { type System, startSystem } from '../../harness/system.ts'

export let system: System

export let staff: ShopApi

beforeAll(async () => {
  system = await startSystem({ environment: { WECHATPAY_H5: 'on' } })
  staff = system.client()
  await staff.login('admin', 'admin123456')
})

afterAll(() => system?.stop())

export interface Checkout {
  readonly orderNo: string
  readonly payType: string
  readonly payUrl?: string
  readonly codeUrl?: string
}

export interface Order {
  readonly status: string
  readonly payType: string
  readonly tradeNo: string | null
  readonly refunds: { status: string; amount: string }[]
}

interface Trade {
  readonly state: string
  readonly transactionId: string
  readonly refundedAmount: string
  readonly refunds: { outRefundNo: string; status: string }[]
}

export const order = async (buyer: ShopApi, payType: string, key = randomUUID()): Promise<Checkout> => {
  const body = { courseIds: [1], totalAmount: '39.00', payType }
  const answer = await buyer.call<Checkout>('POST', '/api/orders', body, { 'idempotency-key': key })
  expect(answer.status, JSON.stringify(answer.body)).toBe(201)
  return answer.body
}

export const scan = (link: string | undefined) => system.sandbox.send<Trade>('POST', '/wechat/pay', { link })

export const read = async (buyer: ShopApi, orderNo: string): Promise<Order> =>
  (await buyer.call<Order>('GET', `/api/orders/${orderNo}`)).body

export const status = (buyer: ShopApi, orderNo: string) => async () => (await read(buyer, orderNo)).status

export const tradeOf = async (outTradeNo: string): Promise<Trade | undefined> =>
  (await system.sandbox.get<{ items: Trade[] }>(`/wechat/trades?outTradeNo=${outTradeNo}`)).items[0]

export const refund = async (orderNo: string, amount: string, lines: object[]): Promise<void> => {
  const body = { lines, amount, reason: 'test' }
  const made = await staff.call('POST', `/api/admin/orders/${orderNo}/refunds`, body, {
    'idempotency-key': randomUUID(),
  })
  expect(made.status).toBe(201)
}
