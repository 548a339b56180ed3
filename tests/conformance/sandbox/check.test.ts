/** The conformance kit passes a shop that does everything right and names what each careless shop does wrong. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkShop, orderByHttp, paidByHttp, startSandbox } from '@xuecheng/sandbox'
import type { AlipaySdk } from 'alipay-sdk'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { call, fieldsOf, merchantWithSdk, type TestMerchant } from './rig.ts'

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

const payLink = (outTradeNo: string, notifyUrl: string): string =>
  setup.sdk.pageExecute('alipay.trade.page.pay', 'GET', {
    notifyUrl,
    bizContent: { outTradeNo, totalAmount: '8.00', subject: 's', productCode: 'FAST_INSTANT_TRADE_PAY' },
  })

/** Where nothing listens: a server took the port and gave it back. */
async function unusedAddress(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}`
}

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
      const outTradeNo = `SHOP-${new URL(url).port}-${orders.size}`
      orders.set(outTradeNo, 'unpaid')
      return response.end(JSON.stringify({ payUrl: payLink(outTradeNo, `${url}/notify`) }))
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

test('a correct shop passes every check, and the clock is not changed', async () => {
  await call(sandbox.url, 'POST', '/clock', { advanceSeconds: 3600 })
  expect(await failures()).toEqual([])
  expect((await call<{ aheadSeconds: number }>(sandbox.url, 'GET', '/clock')).aheadSeconds).toBe(3600)
})

test('a server that does not answer is named with its address', async () => {
  const shop = await openShop()
  const nobody = await unusedAddress()
  const order = orderByHttp({ url: `${shop}/orders` })
  const checked = (notify: string, at: string, recipe = { order }) => checkShop(notify, { sandbox: at, recipe })
  await expect(checked(`${shop}/notify`, nobody)).rejects.toThrow(
    `the sandbox at ${nobody}/sandbox/api/clock did not answer: connect ECONNREFUSED`,
  )
  const noShop = { order: orderByHttp({ url: `${nobody}/orders` }) }
  await expect(checked(`${shop}/notify`, sandbox.url, noShop)).rejects.toThrow(
    `the order address at ${nobody}/orders did not answer: connect ECONNREFUSED`,
  )
  const asking = { order, isPaid: paidByHttp({ url: `${nobody}/orders/{outTradeNo}` }, /paid/) }
  await expect(checked(`${shop}/notify`, sandbox.url, asking)).rejects.toThrow(
    `the address that says whether an order is paid at ${nobody}/orders/`,
  )
  const orders = { order: async () => payLink('UNTOLD-1', `${nobody}/notify`) }
  await expect(checked(`${nobody}/notify`, sandbox.url, orders)).rejects.toThrow(
    `the notify address ${nobody}/notify did not answer the sandbox: connect ECONNREFUSED`,
  )
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
