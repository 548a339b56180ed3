/** A sandbox, a merchant with the official Node SDK, and a buyer at the cashier. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox } from '@xuecheng/sandbox'
import { afterAll, beforeAll } from 'vitest'
import { fieldsOf, type Json, listen, merchantWithSdk, type Shop } from '../rig.ts'

export const data = mkdtempSync(join(tmpdir(), 'sandbox-'))

export let sandbox: Awaited<ReturnType<typeof startSandbox>>

export let shop: Shop

export let setup: Awaited<ReturnType<typeof merchantWithSdk>>

beforeAll(async () => {
  sandbox = await startSandbox({ data })
  shop = await listen()
  setup = await merchantWithSdk(sandbox.url)
})

afterAll(async () => {
  await sandbox.close()
  await shop.close()
  rmSync(data, { recursive: true })
})

export function payLink(outTradeNo: string, amount = '39.00', extra: Json = {}): string {
  return setup.sdk.pageExecute('alipay.trade.page.pay', 'GET', {
    returnUrl: 'http://shop.example/pay/success?from=alipay',
    notifyUrl: shop.url,
    bizContent: {
      outTradeNo,
      totalAmount: amount,
      subject: '学城+课程 % "1"',
      productCode: 'FAST_INSTANT_TRADE_PAY',
      ...extra,
    },
  })
}

/** The notifications that the shop received about one order. */
export const heard = (number: string) =>
  shop.received.map(fieldsOf).filter((fields) => fields['out_trade_no'] === number)
