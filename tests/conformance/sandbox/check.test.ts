/** The conformance kit passes a shop that does everything right and names what each careless shop does wrong. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkShop, orderByHttp, paidByHttp, startSandbox } from '@xuecheng/sandbox'
import type { AlipaySdk } from 'alipay-sdk'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { fieldsOf, merchantWithSdk, type TestMerchant } from './rig.ts'

const data = mkdtempSync(join(tmpdir(), 'sandbox-'))
let sandbox: Awaited<ReturnType<typeof startSandbox>>
let setup: { merchant: TestMerchant; sdk: AlipaySdk }
const servers: Server[] = []

beforeAll(async () => {
  sandbox = await startSandbox({ data })
  setup = await merchantWithSdk(sandbox.url)
})
afterEach(() => {
  for (const server of servers.splice(0)) server.closeAllConnections()
})
afterAll(async () => {
  await sandbox.close()
  rmSync(data, { recursive: true })
})

/** What a careless shop leaves out. */
type Carelessness = 'sign' | 'amount' | 'app' | 'seller' | 'quotes' | 'once' | 'closed' | 'order'

/** A small shop: POST /orders, GET /orders/{number}, POST /notify. */
async function openShop(careless?: Carelessness): Promise<string> {
  const orders = new Map<string, 'unpaid' | 'paid' | 'refunded'>()
  let url = ''
  const notified = (body: string): string => {
    const fields = fieldsOf(body)
    const number = fields['out_trade_no'] ?? ''
    if (careless !== 'sign' && !setup.sdk.checkNotifySignV2(fields)) return 'fail'
    if (careless !== 'amount' && fields['total_amount'] !== '8.00') return 'fail'
    if (careless !== 'app' && fields['app_id'] !== setup.merchant.appId) return 'fail'
    if (careless !== 'seller' && fields['seller_id'] !== setup.merchant.sellerId) return 'fail'
    const status = orders.get(number)
    if (status === undefined) return 'fail'
    if (careless === 'once' && status === 'paid') return 'fail'
    if (careless === 'order' && fields['refund_fee'] !== undefined && status === 'unpaid') return 'fail'
    if (fields['trade_status'] === 'TRADE_CLOSED') {
      if (careless === 'closed') return 'fail'
      orders.set(number, 'refunded')
    } else if (status === 'unpaid') {
      orders.set(number, 'paid')
    }
    return careless === 'quotes' ? '"success"' : 'success'
  }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString('latin1')
    })
    request.on('end', () => {
      if (request.url === '/notify') return response.end(notified(body))
      if (request.method === 'GET')
        return response.end(JSON.stringify({ status: orders.get(request.url?.split('/').at(-1) ?? '') }))
      const outTradeNo = `SHOP-${careless ?? 'good'}-${orders.size}`
      orders.set(outTradeNo, 'unpaid')
      const payUrl = setup.sdk.pageExecute('alipay.trade.page.pay', 'GET', {
        notifyUrl: `${url}/notify`,
        bizContent: { outTradeNo, totalAmount: '8.00', subject: 's', productCode: 'FAST_INSTANT_TRADE_PAY' },
      })
      return response.end(JSON.stringify({ payUrl }))
    })
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return url
}

async function failures(careless?: Carelessness): Promise<string[]> {
  const shop = await openShop(careless)
  const report = await checkShop(`${shop}/notify`, {
    sandbox: sandbox.url,
    recipe: {
      order: orderByHttp({ url: `${shop}/orders` }),
      isPaid: paidByHttp({ url: `${shop}/orders/{outTradeNo}` }, /"status":"paid"/),
    },
  })
  expect(report.results.length).toBe(12)
  return report.results.filter((result) => !result.passed).map((result) => result.name)
}

test('a shop that does everything right passes all of it', async () => {
  expect(await failures()).toEqual([])
})

test.each<[Carelessness, string]>([
  ['sign', 'wrong sign'],
  ['amount', 'wrong amount'],
  ['app', 'wrong app'],
  ['seller', 'wrong seller'],
  ['quotes', 'good'],
  ['once', 'repeat'],
  ['order', 'refund before payment'],
  ['closed', 'closed after refund'],
])('a shop careless about %s fails at “%s”', async (careless, name) => {
  expect(await failures(careless)).toContain(name)
})
