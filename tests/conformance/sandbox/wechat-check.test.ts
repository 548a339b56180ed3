/** The conformance kit for WeChat Pay passes a correct shop and names what each careless shop does wrong. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkShop, orderByHttp, paidByHttp, startSandbox } from '@xuecheng/sandbox'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { call } from './rig.ts'
import { believes, opened, orderOf, otherClient, type WechatMerchant, wechatMerchant } from './wechat-rig.ts'

const data = mkdtempSync(join(tmpdir(), 'sandbox-wechat-'))
let sandbox: Awaited<ReturnType<typeof startSandbox>>
let merchant: WechatMerchant
const servers: Server[] = []

beforeAll(async () => {
  sandbox = await startSandbox({ data })
  merchant = await wechatMerchant(sandbox.url)
})
afterEach(() => {
  for (const server of servers.splice(0)) server.closeAllConnections()
})
afterAll(async () => {
  await sandbox.close()
  rmSync(data, { recursive: true })
})

/** What a careless shop leaves out. */
type Carelessness = 'sign' | 'window' | 'amount' | 'app' | 'merchant' | 'once' | 'status' | 'refund' | 'late'

/** A small shop: POST /orders, GET /orders/{number}, POST /notify. */
async function openShop(careless?: Carelessness): Promise<string> {
  const orders = new Map<string, 'unpaid' | 'paid'>()
  const client = otherClient(sandbox.url, merchant)
  let url = ''

  /** Whether the notification is valid; throws if it cannot be decrypted. */
  function notified(headers: IncomingHttpHeaders, body: string): boolean {
    const off = Math.abs(Date.now() / 1000 - Number(headers['wechatpay-timestamp']))
    if (careless !== 'window' && !(off < 300)) return false
    if (careless !== 'sign' && !believes({ headers, body }, merchant.keys)) return false
    const { event, said: words } = opened({ headers, body })
    // A refund's notification names neither appid nor the order's state.
    if (event === 'REFUND.SUCCESS') return careless !== 'refund' && words['mchid'] === merchant.mchId
    const said = words as {
      out_trade_no: string
      appid: string
      mchid: string
      amount: object
    }
    if (careless !== 'amount' && !JSON.stringify(said.amount).includes('"total":3900')) return false
    if (careless !== 'app' && said.appid !== merchant.appId) return false
    if (careless !== 'merchant' && said.mchid !== merchant.mchId) return false
    // The only notification arrives after the order has expired: it is acknowledged, and the money is lost.
    if (careless === 'late' && said.out_trade_no.endsWith('-2')) return true
    const status = orders.get(said.out_trade_no)
    if (status === undefined || (careless === 'once' && status === 'paid')) return false
    orders.set(said.out_trade_no, 'paid')
    return true
  }
  const accepts = (headers: IncomingHttpHeaders, body: string): boolean => {
    try {
      return notified(headers, body)
    } catch {
      return false
    }
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', async () => {
      const body = Buffer.concat(chunks).toString('utf8')
      if (request.url === '/notify') {
        const taken = accepts(request.headers, body)
        // WeChat looks at the status alone: 200 with a FAIL in it is an acknowledgement.
        return response
          .writeHead(taken || careless === 'status' ? 200 : 400)
          .end(JSON.stringify({ code: taken ? 'SUCCESS' : 'FAIL' }))
      }
      if (request.method === 'GET')
        return response.end(JSON.stringify({ status: orders.get(request.url?.split('/').at(-1) ?? '') }))
      const outTradeNo = `SHOP-${careless ?? 'good'}-${orders.size}`
      orders.set(outTradeNo, 'unpaid')
      const order = orderOf(merchant, outTradeNo, `${url}/notify`)
      const { data: made } = await client.client.request('/v3/pay/transactions/native', 'post', order)
      return response.end(JSON.stringify({ codeUrl: made['code_url'] }))
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
  expect(report.results.length).toBe(17)
  return report.results.filter((result) => !result.passed).map((result) => result.name)
}

test('a correct shop passes every check, and the clock is not changed', async () => {
  expect(await failures()).toEqual([])
  expect(await call(sandbox.url, 'GET', '/clock')).toMatchObject({ aheadSeconds: 0 })
})

test.each<[Carelessness, string[]]>([
  ['sign', ['wrong sign', 'sign test', 'unknown serial', 'altered body']],
  ['window', ['stale']],
  ['amount', ['wrong amount']],
  ['app', ['wrong app']],
  ['merchant', ['wrong merchant']],
  ['once', ['repeat', 'payment repeated after the refund']],
  ['refund', ['refund before payment', 'full refund']],
  ['late', ['late']],
  ['status', ['wrong sign', 'sign test', 'other key', 'wrong amount']],
])('a shop careless about %s fails at %o', async (careless, names) => {
  expect(await failures(careless)).toEqual(expect.arrayContaining(names))
})
