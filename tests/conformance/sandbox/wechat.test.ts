/** WeChat Pay's API v3 in the sandbox, by a client that is not ours (unmodified but for its address) and by ours. */
import { createHash, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox } from '@xuecheng/sandbox'
import { createWechatPay, GatewayRefusedError, type WechatPay } from '@xuecheng/wechatpay'
import type { AxiosError, AxiosInstance } from 'axios'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Aes, Decorator, Formatter, Rsa } from 'wechatpay-axios-plugin'
import { morningAfter } from '../../harness/sandbox-api.ts'
import { call, eventually } from './rig.ts'

const data = mkdtempSync(join(tmpdir(), 'sandbox-'))
let sandbox: Awaited<ReturnType<typeof startSandbox>>
let shop: Awaited<ReturnType<typeof listen>>

beforeAll(async () => {
  sandbox = await startSandbox({ data })
  shop = await listen()
})
afterEach(() => {
  delete shop.answers.judge
  return call(sandbox.url, 'DELETE', '/faults')
})
afterAll(async () => {
  await sandbox.close()
  await shop.close()
  rmSync(data, { recursive: true })
})

interface Sent {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A shop that keeps what it is told, and answers what it is asked to, or as a judge of its own says. */
async function listen() {
  const received: Sent[] = []
  const answers: { status: number; judge?: (sent: Sent) => Promise<boolean> } = { status: 204 }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', async () => {
      const sent = { headers: request.headers, body: Buffer.concat(chunks).toString('utf8') }
      received.push(sent)
      const status = answers.judge ? ((await answers.judge(sent)) ? 204 : 401) : answers.status
      response.writeHead(status).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/notify`
  const close = () => new Promise<void>((resolve) => void server.close(() => resolve()).closeAllConnections())
  return { url, received, answers, close }
}

interface Merchant {
  readonly mchId: string
  readonly appId: string
  readonly serialNo: string
  readonly privateKey: string
  readonly apiV3Key: string
  readonly publicKeyId: string
  readonly publicKey: string
}

let count = 0

async function newMerchant(keyMode: 'public-key' | 'certificate' = 'public-key'): Promise<Merchant> {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const mchId = String(1_900_000_100 + ++count)
  const own = {
    appId: `wx${randomBytes(8).toString('hex')}`,
    serialNo: randomBytes(20).toString('hex').toUpperCase(),
    apiV3Key: randomBytes(16).toString('hex'),
  }
  const publicKey = pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const rules = { feeRate: 60, refundSeconds: 1 }
  const made = await call<{ publicKeyId: string; publicKey: string }>(
    sandbox.url,
    'PUT',
    `/wechat/merchants/${mchId}`,
    { ...own, publicKey, keyMode, rules },
  )
  const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { mchId, ...own, privateKey, publicKeyId: made.publicKeyId, publicKey: made.publicKey }
}

const pemOf = (base64: string): string => {
  const lines = base64.match(/.{1,64}/g) ?? []
  return ['-----BEGIN PUBLIC KEY-----', ...lines, '-----END PUBLIC KEY-----', ''].join('\n')
}

const stranger = (merchant: Merchant, key = merchant.publicKeyId, pem = pemOf(merchant.publicKey)): AxiosInstance =>
  new Decorator({
    mchid: merchant.mchId,
    serial: merchant.serialNo,
    privateKey: merchant.privateKey,
    certs: { [key]: pem },
    baseURL: `${sandbox.url}/`,
  }).v3 as unknown as AxiosInstance

const ours = (merchant: Merchant, publicKey = true): WechatPay =>
  createWechatPay({
    ...merchant,
    baseUrl: sandbox.url,
    ...(publicKey ? {} : { publicKey: undefined, publicKeyId: undefined, platformCertificates: true }),
  })

const orderBody = ({ appId, mchId }: Merchant, no: string, change: object = {}) => ({
  ...{ appid: appId, mchid: mchId, description: 'TypeScript 课程', out_trade_no: no, notify_url: shop.url },
  time_expire: new Date(Date.now() + 1_800_000).toISOString(),
  amount: { total: 19_900, currency: 'CNY' },
  ...change,
})

const passing = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const newNo = (): string => `T${randomUUID().replaceAll('-', '').slice(0, 24)}`
const scan = (link: string) => call<{ transactionId: string }>(sandbox.url, 'POST', '/wechat/pay', { link })

/** What the sandbox refused with. */
const refused = (work: Promise<unknown>) =>
  work.then(
    () => {
      throw new Error('it was taken')
    },
    ({ response }: AxiosError<{ code: string }>) => [response?.status, response?.data.code],
  )

interface Delivery {
  readonly state: string
  readonly attempts: { readonly acknowledged: boolean }[]
}

const deliveriesOf = async (no: string): Promise<Delivery[]> =>
  (await call<{ items: Delivery[] }>(sandbox.url, 'GET', `/wechat/deliveries?outTradeNo=${no}`)).items

/** Those of them whose notification has not been acknowledged. */
async function leftUntold(numbers: Iterable<string>): Promise<string[]> {
  const left = await Promise.all(
    [...numbers].map(async (no) => ((await deliveriesOf(no)).every(({ state }) => state === 'delivered') ? [] : [no])),
  )
  return left.flat()
}

test('the other client orders, is told, queries, refunds, closes, and fetches a bill', async () => {
  const merchant = await newMerchant()
  const client = stranger(merchant)
  const no = newNo()
  const { data: made } = await client.post('/v3/pay/transactions/native', orderBody(merchant, no))
  expect(made.code_url).toMatch(/^weixin:\/\/wxpay\/bizpayurl\?pr=/)
  const path = `/v3/pay/transactions/out-trade-no/${no}`
  const params = { mchid: merchant.mchId }
  expect((await client.get(path, { params })).data).toMatchObject({ trade_state: 'NOTPAY', amount: { total: 19_900 } })

  const { transactionId } = await scan(made.code_url)
  await eventually(() => shop.received.some(({ body }) => body.includes('TRANSACTION.SUCCESS'))).toBe(true)
  const told = shop.received.find(({ body }) => body.includes('TRANSACTION.SUCCESS'))
  const { headers, body } = told ?? { headers: {}, body: '' }
  const message = Formatter.response(String(headers['wechatpay-timestamp']), String(headers['wechatpay-nonce']), body)
  expect(headers['wechatpay-serial']).toBe(merchant.publicKeyId)
  expect(Rsa.verify(message, String(headers['wechatpay-signature']), pemOf(merchant.publicKey))).toBe(true)
  const { resource } = JSON.parse(body)
  const plain = Aes.AesGcm.decrypt(resource.ciphertext, merchant.apiV3Key, resource.nonce, resource.associated_data)
  expect(JSON.parse(plain)).toMatchObject({
    ...{ mchid: merchant.mchId, appid: merchant.appId, out_trade_no: no, transaction_id: transactionId },
    ...{ trade_state: 'SUCCESS', amount: { total: 19_900, payer_total: 19_900, currency: 'CNY' } },
  })
  expect((await client.get(`/v3/pay/transactions/id/${transactionId}`, { params })).data.trade_state).toBe('SUCCESS')

  const refund = { out_trade_no: no, out_refund_no: newNo(), amount: { refund: 5000, total: 19_900, currency: 'CNY' } }
  expect((await client.post('/v3/refund/domestic/refunds', refund)).data.status).toBe('PROCESSING')
  const state = async () => (await client.get(`/v3/refund/domestic/refunds/${refund.out_refund_no}`)).data.status
  await expect.poll(state, { timeout: 20_000 }).toBe('SUCCESS')
  expect((await client.get(path, { params })).data.trade_state).toBe('REFUND')

  const other = newNo()
  await client.post('/v3/pay/transactions/native', orderBody(merchant, other))
  const closing = await client.post(`/v3/pay/transactions/out-trade-no/${other}/close`, { mchid: merchant.mchId })
  expect(closing.status).toBe(204)

  const { now } = await call<{ now: string }>(sandbox.url, 'GET', '/clock')
  const day = now.slice(0, 10)
  await call(sandbox.url, 'POST', '/clock', { now: morningAfter(now) })
  const bill = await client.get('/v3/bill/tradebill', { params: { bill_date: day } })
  const address = new URL(bill.data.download_url)
  const token = { params: Object.fromEntries(address.searchParams), responseType: 'arraybuffer' } as const
  const file = await client.get(address.pathname, token)
  expect(createHash('sha1').update(file.data).digest('hex')).toBe(bill.data.hash_value)
  expect(file.data.toString('utf8').trim().split('\r\n')).toHaveLength(5)
})

test('what is wrong is refused as WeChat refuses it', async () => {
  const merchant = await newMerchant()
  const client = stranger(merchant)
  const native = (no: string, change?: object) =>
    client.post('/v3/pay/transactions/native', orderBody(merchant, no, change))
  const no = newNo()
  expect(await refused(native(no, { unknown: 1 }))).toEqual([400, 'PARAM_ERROR'])
  expect(await refused(native(no, { amount: { total: 0 } }))).toEqual([400, 'PARAM_ERROR'])
  expect(await refused(native(no, { amount: { total: 1.5 } }))).toEqual([400, 'PARAM_ERROR'])
  expect(await refused(native(no, { notify_url: `${shop.url}?a=1` }))).toEqual([400, 'PARAM_ERROR'])
  expect(await refused(native('short'))).toEqual([400, 'PARAM_ERROR'])
  expect(await refused(native(no, { appid: 'wx0' }))).toEqual([400, 'APPID_MCHID_NOT_MATCH'])
  const params = { mchid: merchant.mchId }
  const query = (number: string) => client.get(`/v3/pay/transactions/out-trade-no/${number}`, { params })
  expect(await refused(query(no))).toEqual([404, 'ORDER_NOT_EXIST'])

  const expires = { time_expire: new Date(Date.now() + 3 * 86_400_000).toISOString() }
  const first = (await native(no, expires)).data.code_url
  const second = (await native(no, expires)).data.code_url
  expect(second).not.toBe(first)
  await expect(scan(first)).rejects.toThrow(/404/)
  expect(await refused(native(no, { ...expires, amount: { total: 1 } }))).toEqual([403, 'OUT_TRADE_NO_USED'])
  await scan(second)
  expect(await refused(native(no, expires))).toEqual([400, 'ORDERPAID'])
  const close = (number: string) => client.post(`/v3/pay/transactions/out-trade-no/${number}/close`, params)
  expect(await refused(close(no))).toEqual([400, 'ORDERPAID'])
  const closed = newNo()
  await close(closed)
  expect(await refused(native(closed))).toEqual([400, 'ORDER_CLOSED'])
  const refund = (amount: number, total = 19_900) =>
    client.post('/v3/refund/domestic/refunds', {
      ...{ out_trade_no: no, out_refund_no: newNo(), amount: { refund: amount, total, currency: 'CNY' } },
    })
  expect(await refused(refund(19_901))).toEqual([400, 'INVALID_REQUEST'])
  expect(await refused(refund(1, 19_901))).toEqual([400, 'INVALID_REQUEST'])
  expect(await refused(client.get('/v3/refund/domestic/refunds/none'))).toEqual([404, 'RESOURCE_NOT_EXISTS'])
  expect(await refused(client.get('/v3/certificates'))).toEqual([404, 'RESOURCE_NOT_EXISTS'])

  const thief = { ...merchant, privateKey: (await newMerchant()).privateKey }
  expect(await refused(stranger(thief).get('/v3/pay/transactions/id/1', { params }))).toEqual([401, 'SIGN_ERROR'])
  const nameless = { ...merchant, serialNo: '00'.repeat(20) }
  expect(await refused(stranger(nameless).get('/v3/pay/transactions/id/1', { params }))).toEqual([401, 'SIGN_ERROR'])
})

describe('by our client', () => {
  const orderOf = (outTradeNo: string) => ({
    ...{ outTradeNo, total: 100, description: 'course', notifyUrl: shop.url },
    timeExpire: new Date(Date.now() + 3 * 86_400_000),
  })

  test('a rotation in the middle of traffic loses nothing, in answers and in notifications', async () => {
    const merchant = await newMerchant('certificate')
    const client = ours(merchant, false)
    expect(await client.certificates()).toHaveLength(1)
    const rotate = (share: number, next = true) =>
      call<{ serials: string[] }>(sandbox.url, 'POST', `/wechat/merchants/${merchant.mchId}/rotate`, { share, next })
    // A shop of its own, which hears nothing but notifications: what it knows of certificates, they have taught it.
    const listener = ours(merchant, false)
    const seen = new Set<string>()
    const refusals: string[] = []
    shop.answers.judge = async ({ headers, body }) => {
      const read = await listener.verifyNotification(body, headers)
      if (read.ok) seen.add(String(headers['wechatpay-serial']))
      else refusals.push(read.code)
      return read.ok
    }
    const failed: unknown[] = []
    const paid = new Set<string>()
    let going = true
    const traffic = Array.from({ length: 6 }, async () => {
      while (going) {
        const no = newNo()
        try {
          const made = await client.native(orderOf(no))
          if (!made.ok) throw new Error(made.code)
          await scan(made.codeUrl)
          const trade = await client.query({ outTradeNo: no })
          if (!trade.exists || trade.tradeState !== 'SUCCESS') throw new Error('not paid')
          paid.add(no)
        } catch (error) {
          failed.push(error)
        }
      }
    })
    const before = shop.received.length
    // Listed first and used later, as WeChat does; a client looks at the list again after five seconds at the earliest.
    await rotate(0)
    await passing(5500)
    for (const share of [30, 70, 100]) {
      await rotate(share, false)
      await passing(500)
    }
    going = false
    await Promise.all(traffic)
    expect(failed).toEqual([])
    const { serials } = await rotate(100, false)
    expect(serials).toHaveLength(2)
    expect(paid.size).toBeGreaterThan(20)
    expect(shop.received.length - before).toBeGreaterThan(20)
    await expect.poll(() => leftUntold(paid), { timeout: 40_000 }).toEqual([])
    // Each was listed before it signed, so that nothing had to come twice.
    expect(refusals).toEqual([])
    expect([...seen].sort()).toEqual([...serials].sort())
  }, 60_000)

  test('probes are refused, and good traffic beside them is not', async () => {
    const merchant = await newMerchant()
    const client = ours(merchant)
    await call(sandbox.url, 'POST', '/faults', {
      kind: 'sign-test',
      scope: { appId: merchant.mchId },
      probability: 0.4,
    })
    const heard: { probe: boolean; ok: boolean; code: string | undefined }[] = []
    shop.answers.judge = async ({ headers, body }) => {
      const read = await client.verifyNotification(body, headers)
      const probe = String(headers['wechatpay-signature']).startsWith('WECHATPAY/SIGNTEST/')
      heard.push({ probe, ok: read.ok, code: read.ok ? undefined : read.code })
      return read.ok
    }
    const numbers = Array.from({ length: 30 }, newNo)
    // A probe's repeat is rightly signed: the client asks again by itself, and has an answer to each of them.
    const made = await Promise.all(numbers.map((no) => client.native(orderOf(no))))
    expect(made.filter(({ ok }) => !ok)).toEqual([])
    for (const answer of made) if (answer.ok) await scan(answer.codeUrl)
    // Answered by what each is: a probe is refused and comes again rightly signed, after 15 seconds.
    await expect.poll(() => leftUntold(numbers), { timeout: 45_000 }).toEqual([])
    const probes = heard.filter(({ probe }) => probe)
    expect(probes.length).toBeGreaterThan(3)
    expect(probes.filter(({ code }) => code !== 'SIGNATURE_MISMATCH')).toEqual([])
    expect(heard.filter(({ probe, ok }) => !probe && !ok)).toEqual([])
    expect(heard.filter(({ ok }) => ok)).toHaveLength(30)
    const attempts = (await Promise.all(numbers.map(deliveriesOf))).flat().map((delivery) => delivery.attempts.length)
    expect(attempts.filter((count) => count === 2)).toHaveLength(probes.length)
  }, 90_000)

  test('what a page in WeChat’s own browser hands on is signed as it must be, and can be signed again', async () => {
    const merchant = await newMerchant()
    const client = ours(merchant)
    const no = newNo()
    const made = await client.jsapi({ ...orderOf(no), openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o' })
    if (!made.ok) throw new Error(made.code)
    const bridge = (parameters: object) => call<{ errMsg: string }>(sandbox.url, 'POST', '/wechat/jsapi', parameters)
    const changed = { ...made.parameters, timeStamp: String(Number(made.parameters.timeStamp) + 1) }
    await expect(bridge(changed)).rejects.toThrow(/409.*PAY_SIGN_WRONG/s)
    const again = await client.jsapiParameters(made.prepayId)
    expect(again.nonceStr).not.toBe(made.parameters.nonceStr)
    expect(await bridge(again)).toMatchObject({ errMsg: 'get_brand_wcpay_request:ok' })
    // It is paid: the ones before fit as well, and there is nothing left to pay.
    await expect(bridge(made.parameters)).rejects.toThrow(/409.*PAID/s)
    expect(await client.query({ outTradeNo: no })).toMatchObject({ tradeState: 'SUCCESS', tradeType: 'JSAPI' })
    await expect(client.jsapiParameters('two\nlines')).rejects.toMatchObject({ field: 'prepay_id' })
  })

  test('both bills of a day, their fees and hashes; a lie about who asks is refused', async () => {
    const merchant = await newMerchant()
    const client = ours(merchant)
    const no = newNo()
    const made = await client.native({
      ...orderOf(no),
      total: 19_900,
      timeExpire: new Date(Date.now() + 3 * 86_400_000),
    })
    if (!made.ok) throw new Error(made.code)
    await scan(made.codeUrl)
    const refund = { outTradeNo: no, outRefundNo: newNo(), refund: 5000, total: 19_900 }
    expect(await client.refund(refund)).toMatchObject({ ok: true, status: 'PROCESSING' })
    const { now } = await call<{ now: string }>(sandbox.url, 'GET', '/clock')
    await call(sandbox.url, 'POST', '/clock', { now: morningAfter(now) })
    const bill = await client.tradeBill(now.slice(0, 10))
    if ('ok' in bill) throw new Error(bill.code)
    expect(bill.rows.map(({ kind, total, refund: back, fee }) => [kind, total, back, fee])).toEqual([
      ['payment', 19_900, 0, 119],
      ['refund', 0, 5000, -30],
    ])
    const flow = await client.fundFlowBill(now.slice(0, 10))
    if ('ok' in flow) throw new Error(flow.code)
    // The refund's share of the fee comes back: the account loses the rest, and the remark says both.
    expect(flow.summary).toMatchObject({ count: 3, inAmount: 19_900, outAmount: 119 + 4970 })
    expect(flow.rows.at(-1)).toMatchObject({ amount: 4970, remark: '退款总金额50.00元;含手续费0.30元' })
    const thief = createWechatPay({
      ...merchant,
      privateKey: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
      baseUrl: sandbox.url,
    })
    await expect(thief.query({ outTradeNo: no })).rejects.toThrow(GatewayRefusedError)
  })
})
