/** A paid or closed trade has no time-out: a sandbox that runs for weeks must not accumulate them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { generateKeys } from '../../core/keys.ts'
import { toFen } from '../../core/money.ts'
import { closeSandbox, openSandbox, type Sandbox } from '../../sandbox.ts'
import { closeOrder } from '../../wechat/trades/close.ts'
import { placeOrder } from '../../wechat/trades/order.ts'
import { payTrade } from '../../wechat/trades/pay.ts'
import { closeUnpaid } from './close.ts'
import { enter, pay, type Refusal } from './pay.ts'
import type { PaymentRequest, Trade } from './trade.ts'

let folder: string
let sandbox: Sandbox

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'xuecheng-time-outs-'))
  sandbox = openSandbox({ data: folder })
  await sandbox.merchants.put('2021000000000001', {})
  const { publicKey } = await generateKeys()
  const of = { appId: 'wx0000000000000001', serialNo: 'A'.repeat(40), apiV3Key: 'k'.repeat(32) }
  await sandbox.wechat.merchants.put('1600000001', { ...of, publicKey })
})
afterAll(async () => {
  await closeSandbox(sandbox)
  rmSync(folder, { recursive: true, force: true })
})

function request(outTradeNo: string): PaymentRequest {
  const of = { method: 'alipay.trade.page.pay', charset: 'utf-8', signType: 'RSA2' } as const
  const untold = { returnUrl: undefined, notifyUrl: undefined }
  const given = { outTradeNo, total: toFen(3900), subject: 'Python', productCode: 'FAST_INSTANT_TRADE_PAY' }
  const absent = { body: undefined, passbackParams: undefined, quitUrl: undefined, timeExpire: undefined }
  const order = { ...given, ...absent, timeoutExpress: '30m' }
  return { appId: '2021000000000001', sellerId: '2088000000000001', ...of, ...untold, order }
}

function isTrade(trade: Trade | Refusal | undefined): Trade {
  if (typeof trade !== 'object') throw new Error(trade ?? 'there is no trade')
  return trade
}

function someone() {
  const [buyer] = sandbox.buyers.list()
  if (!buyer) throw new Error('there is no buyer')
  return buyer
}

test('Alipay: of trades entered twice each, only the unpaid ones have a time-out', () => {
  const buyer = someone()
  const entered = (outTradeNo: string) => {
    enter(sandbox, request(outTradeNo), buyer, sandbox.clock.now())
    return isTrade(enter(sandbox, request(outTradeNo), buyer, sandbox.clock.now()))
  }
  const [paid, closed] = [entered('T1'), entered('T2'), entered('T3')]
  expect(sandbox.agenda.size()).toBe(3)
  expect(isTrade(pay(sandbox, paid, buyer, buyer.paymentPassword)).status).toBe('TRADE_SUCCESS')
  expect(sandbox.agenda.size()).toBe(2)
  expect(closeUnpaid(sandbox, closed.tradeNo, 'test')?.status).toBe('TRADE_CLOSED')
  expect(sandbox.agenda.size()).toBe(1)
})

test('WeChat Pay: of orders requested twice each, only the unpaid ones have a time-out', () => {
  const buyer = someone()
  const before = sandbox.agenda.size()
  const { wechat } = sandbox
  const order = (outTradeNo: string) => {
    const given = { mchId: '1600000001', appId: 'wx0000000000000001', outTradeNo, total: toFen(3900) }
    const absent = { attach: undefined, timeExpire: undefined, openid: undefined }
    const wanted = { ...given, ...absent, tradeType: 'NATIVE', description: 'Python', notifyUrl: '' } as const
    placeOrder(wechat, wanted, sandbox.clock.now() + 1_800_000)
    const trade = placeOrder(wechat, wanted, sandbox.clock.now() + 1_800_000)
    if (!('outTradeNo' in trade)) throw new Error(trade.code)
    return trade
  }
  const [paid, closed] = [order('W1'), order('W2'), order('W3')]
  expect(sandbox.agenda.size() - before).toBe(3)
  expect(payTrade(wechat, paid, buyer, buyer.paymentPassword)).toMatchObject({ state: 'SUCCESS' })
  // Two unpaid trades, and the notification of the paid one.
  expect(sandbox.agenda.size() - before).toBe(3)
  expect(closeOrder(wechat, closed.mchId, closed.appId, closed.outTradeNo)).toBeUndefined()
  expect(sandbox.agenda.size() - before).toBe(2)
})
