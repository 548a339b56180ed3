/** Another client of WeChat Pay, unmodified but for its base address, buys, asks, closes, refunds and reads bills here. */
import { createHash, createSign, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { startSandbox } from '@xuecheng/sandbox'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Aes, type Wechatpay } from 'wechatpay-axios-plugin'
import { call, eventually, type Json } from './rig.ts'
import {
  API_V3_KEY,
  believes,
  listenForWechat,
  opened,
  orderOf,
  otherClient,
  sendByHand,
  type WechatMerchant,
  type WechatShop,
  wechatMerchant,
} from './wechat-rig.ts'

const data = mkdtempSync(join(tmpdir(), 'sandbox-wechat-'))
let sandbox: Awaited<ReturnType<typeof startSandbox>>
let shop: WechatShop
let merchant: WechatMerchant
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
const number = () => `WX-SDK-${++numbers}`

async function get(path: string, params: Json = {}, using = client): Promise<Json> {
  return (await using.client.request(path, 'get', undefined, { params })).data as Json
}
async function post(path: string, body: object, using = client): Promise<{ status: number; data: Json }> {
  return await using.client.request(path, 'post', body)
}
const order = async (no: string, change: Json = {}, product = 'native') =>
  (await post(`/v3/pay/transactions/${product}`, orderOf(merchant, no, shop.url, change))).data
const query = (no: string) => get(`/v3/pay/transactions/out-trade-no/${no}`, { mchid: merchant.mchId })
const scan = (codeUrl: unknown) => call(sandbox.url, 'POST', '/wechat/pay', { codeUrl })
const advance = (advanceSeconds: number) => call(sandbox.url, 'POST', '/clock', { advanceSeconds })
/** What a refused call was refused with. */
const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => ({}),
    (error: { response?: { status: number; data: Json }; code?: string }) => ({
      status: error.response?.status,
      code: error.response?.data?.['code'] ?? error.code,
    }),
  )

test('a native order is scanned and paid; the notification opens; both numbers find it; part of it goes back', async () => {
  const no = number()
  const { code_url: codeUrl } = await order(no, { attach: '附言', time_expire: inAnHour() })
  expect(codeUrl).toMatch(/^weixin:\/\/wxpay\/bizpayurl\?pr=[\w-]{8,12}$/)
  expect(await query(no)).toEqual({
    amount: { payer_currency: 'CNY', total: 3900 },
    appid: merchant.appId,
    mchid: merchant.mchId,
    out_trade_no: no,
    promotion_detail: [],
    scene_info: { device_id: '' },
    trade_state: 'NOTPAY',
    trade_state_desc: '订单未支付',
  })
  await scan(codeUrl)
  const paid = await query(no)
  expect(paid).toMatchObject({
    amount: { currency: 'CNY', payer_currency: 'CNY', payer_total: 3900, total: 3900 },
    attach: '附言',
    bank_type: 'OTHERS',
    success_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00$/),
    trade_state: 'SUCCESS',
    trade_type: 'NATIVE',
    transaction_id: expect.stringMatching(/^42000\d{23}$/),
  })
  expect(await get(`/v3/pay/transactions/id/${paid['transaction_id']}`, { mchid: merchant.mchId })).toEqual(paid)

  await eventually(() => shop.received.length).toBe(1)
  const [notified] = shop.received
  if (!notified) throw new Error('nothing came')
  expect(believes(notified, merchant.keys)).toBe(true)
  expect(believes({ ...notified, body: `${notified.body} ` }, merchant.keys)).toBe(false)
  const { promotion_detail: _, scene_info: __, ...said } = paid
  expect(opened(notified)).toEqual({ event: 'TRANSACTION.SUCCESS', said })

  const asked = {
    out_trade_no: no,
    out_refund_no: `${no}@1`,
    reason: '换课',
    notify_url: shop.url,
    amount: { refund: 1900, total: 3900, currency: 'CNY' },
  }
  const { data: accepted } = await post('/v3/refund/domestic/refunds', asked)
  expect(accepted).toMatchObject({
    amount: { payer_refund: 1900, payer_total: 3900, refund: 1900, settlement_refund: 1900, total: 3900 },
    channel: 'ORIGINAL',
    refund_id: expect.stringMatching(/^503\d{26}$/),
    status: 'PROCESSING',
  })
  expect(accepted).not.toHaveProperty('success_time')
  expect((await post('/v3/refund/domestic/refunds', asked)).data).toEqual(accepted)
  expect(await query(no)).toMatchObject({ trade_state: 'REFUND' })
  await advance(3)
  expect(await get(`/v3/refund/domestic/refunds/${no}@1`)).toMatchObject({
    refund_id: accepted['refund_id'],
    status: 'SUCCESS',
    success_time: expect.any(String),
  })
  const second = shop.received[1]
  if (!second) throw new Error('no notification of the refund')
  expect(opened(second)).toMatchObject({
    event: 'REFUND.SUCCESS',
    said: { out_refund_no: `${no}@1`, refund_status: 'SUCCESS', amount: { refund: 1900, total: 3900 } },
  })
  const { wechat } = await call<{ wechat: Json[] }>(sandbox.url, 'GET', '/summary')
  expect(wechat.find(({ mchId }) => mchId === merchant.mchId)).toMatchObject({
    paidCount: 1,
    paidAmount: '39.00',
    refundedAmount: '19.00',
    netAmount: '20.00',
  })
})

test('H5 goes back to redirect_url; JSAPI is paid by a paySign that fits', async () => {
  const scene = { payer_client_ip: '203.0.113.7', h5_info: { type: 'Wap' } }
  const { h5_url: h5Url } = await order(number(), { scene_info: scene }, 'h5')
  const back = encodeURIComponent('http://localhost:8000/paid?order=1')
  const open = (address: string, referer?: string) =>
    fetch(address, { redirect: 'manual', headers: referer === undefined ? {} : { referer } })
  const page = await open(`${h5Url}&redirect_url=${back}`, 'http://localhost:8000/')
  expect(page.headers.get('location')).toMatch(new RegExp(`^/wechat/pay/wx\\w{34}\\?back=${back}$`))
  // As WeChat does: only from a page of a registered domain, and only back to one.
  for (const [address, referer] of [
    [String(h5Url)],
    [String(h5Url), 'https://shop.example/checkout'],
    [String(h5Url), 'about:client'],
    [`${h5Url}&redirect_url=${encodeURIComponent('https://evil.example/')}`, 'http://localhost:8000/'],
    [`${h5Url}&redirect_url=nowhere`, 'http://localhost:8000/'],
  ] as const) {
    const refused = await open(address, referer)
    expect([address, referer, refused.status]).toEqual([address, referer, 403])
    expect(await refused.text()).toContain('商家参数格式有误')
  }
  // Inside of WeChat it is paid another way.
  const inside = { referer: 'http://localhost:8000/', 'user-agent': 'Mozilla/5.0 (iPhone) MicroMessenger/8.0.50' }
  const blocked = await fetch(String(h5Url), { redirect: 'manual', headers: inside })
  expect([blocked.status, await blocked.text()]).toEqual([403, expect.stringContaining('请在微信外打开订单')])
  // A payer cannot be in a network of the merchant's own, unless that is where this one comes from.
  for (const [address, status] of [
    ['10.0.0.8', 403],
    ['192.168.1.7', 403],
    ['fd00::7', 403],
    ['127.0.0.1', 303],
    ['::1', 303],
    ['2001:db8::7', 303],
  ] as const) {
    const asked = { scene_info: { ...scene, payer_client_ip: address } }
    const { h5_url: link } = await order(number(), asked, 'h5')
    const answer = await open(String(link), 'http://localhost:8000/')
    expect([address, answer.status]).toEqual([address, status])
    if (status === 403) expect(await answer.text()).toContain('网络环境未能通过安全验证')
  }
  expect(await call(sandbox.url, 'POST', '/wechat/pay', { h5Url })).toMatchObject({
    tradeType: 'MWEB',
    state: 'SUCCESS',
  })

  const { prepay_id: prepayId } = await order(number(), { payer: { openid: 'oSimAnybody' } }, 'jsapi')
  expect(prepayId).toMatch(/^wx\w{34}$/)
  const nonceStr = randomBytes(16).toString('hex')
  const parts = { appId: merchant.appId, timeStamp: '1767240002', nonceStr, package: `prepay_id=${prepayId}` }
  const text = `${Object.values(parts).join('\n')}\n`
  const paySign = createSign('RSA-SHA256').update(text).sign(merchant.privateKey, 'base64')
  const asked = { ...parts, signType: 'RSA', paySign }
  await call(sandbox.url, 'POST', '/wechat/jsapi', { ...asked, timeStamp: '1767240003' }, 409)
  expect(await call(sandbox.url, 'POST', '/wechat/jsapi', asked)).toMatchObject({
    errMsg: 'get_brand_wcpay_request:ok',
    trade: { state: 'SUCCESS' },
  })
})

describe('closing', () => {
  const close = (no: string) => post(`/v3/pay/transactions/out-trade-no/${no}/close`, { mchid: merchant.mchId })

  test('an unpaid order closes, twice as well, and its number is spent', async () => {
    const no = number()
    const { code_url: codeUrl } = await order(no)
    expect((await close(no)).status).toBe(204)
    expect((await close(no)).status).toBe(204)
    expect(await query(no)).toMatchObject({ trade_state: 'CLOSED' })
    expect(await refusal(order(no))).toEqual({ status: 400, code: 'ORDER_CLOSED' })
    await expect(scan(codeUrl)).rejects.toThrow(/CLOSED/)
  })

  test('a wrong payment password is refused, and the order waits as before', async () => {
    const no = number()
    const { code_url: link } = await order(no)
    const wrong = { link, paymentPassword: '222222' }
    expect(await call(sandbox.url, 'POST', '/wechat/pay', wrong, 409)).toMatchObject({ code: 'PAYMENT_PASSWORD_ERROR' })
    expect(await query(no)).toMatchObject({ trade_state: 'NOTPAY' })
    await call(sandbox.url, 'POST', '/wechat/pay', { link, paymentPassword: '111111' })
  })

  test('a paid order does not close; a number that never was closes, and is spent', async () => {
    const [paid, never] = [number(), number()]
    await scan((await order(paid))['code_url'])
    expect(await refusal(close(paid))).toEqual({ status: 400, code: 'ORDERPAID' })
    expect((await close(never)).status).toBe(204)
    expect(await refusal(order(never))).toEqual({ status: 400, code: 'ORDER_CLOSED' })
    const kept = await call(sandbox.url, 'GET', `/wechat/trades/${never}`)
    expect(kept).toMatchObject({ state: 'CLOSED', closedAt: kept['createdAt'] })
  })

  test('a fresh code ends the one before; after two hours none is good; after seven days WeChat closes', async () => {
    const no = number()
    const first = (await order(no))['code_url']
    const second = (await order(no))['code_url']
    await expect(scan(first)).rejects.toThrow(/TRADE_NOT_FOUND/)
    await advance(2 * 3600 + 1)
    await expect(scan(second)).rejects.toThrow(/LINK_ENDED/)
    const third = (await order(no))['code_url']
    await call(sandbox.url, 'POST', `/wechat/trades/${no}/fail`, { reason: 'no money' })
    expect(await query(no)).toMatchObject({ trade_state: 'NOTPAY' })
    await advance(7 * 86_400)
    expect(await query(no)).toMatchObject({ trade_state: 'CLOSED' })
    await expect(scan(third)).rejects.toThrow(/CLOSED/)
  })
})

test('notifications follow the schedule until a 2xx; only the status counts; each try is signed anew', async () => {
  shop.status = 500
  await scan((await order(number()))['code_url'])
  await eventually(() => shop.received.length).toBe(1)
  for (const [gap, count] of [
    [15, 2],
    [15, 3],
    [29, 3],
    [1, 4],
    [180, 5],
  ] as const) {
    await advance(gap)
    expect(shop.received.length).toBe(count)
  }
  await advance(86_400)
  expect(shop.received.length).toBe(16)
  expect(new Set(shop.received.map(({ headers }) => headers['wechatpay-signature'])).size).toBe(16)
  expect(new Set(shop.received.map(({ body }) => JSON.parse(body).id)).size).toBe(1)
})

test('a probe is refused by who verifies, and the same call again is answered rightly', async () => {
  const no = number()
  const { code_url: codeUrl } = await order(no)
  const fault = { kind: 'sign-test', scope: { outTradeNo: no } }
  await call(sandbox.url, 'POST', '/faults', fault)
  expect(await refusal(query(no))).toMatchObject({ code: 'EV3_RES_HEADER_SIGNATURE_DIGEST' })
  expect(await query(no)).toMatchObject({ trade_state: 'NOTPAY' })
  shop.status = 401
  await scan(codeUrl)
  await eventually(() => shop.received.length).toBe(1)
  shop.status = 204
  await advance(15)
  const [probe, right] = shop.received
  if (!probe || !right) throw new Error('two were to come')
  expect(probe.headers['wechatpay-signature']).toMatch(/^WECHATPAY\/SIGNTEST\//)
  expect([believes(probe, merchant.keys), believes(right, merchant.keys)]).toEqual([false, true])
  await call(sandbox.url, 'DELETE', '/faults')
})

test('refunds end ABNORMAL or CLOSED by a fault; what is closed can be asked for again by another number', async () => {
  const no = number()
  await scan((await order(no))['code_url'])
  const refund = (outRefundNo: string) =>
    post('/v3/refund/domestic/refunds', {
      out_trade_no: no,
      out_refund_no: outRefundNo,
      notify_url: shop.url,
      amount: { refund: 3900, total: 3900, currency: 'CNY' },
    })
  await call(sandbox.url, 'POST', '/faults', { kind: 'refund-closed', times: 1 })
  await refund(`${no}_1`)
  await advance(3)
  expect(await get(`/v3/refund/domestic/refunds/${no}_1`)).toMatchObject({ status: 'CLOSED' })
  // Two refunds of one order lie a minute apart.
  await advance(60)
  await call(sandbox.url, 'POST', '/faults', { kind: 'refund-abnormal', times: 1 })
  await refund(`${no}_2`)
  await advance(3)
  expect(await get(`/v3/refund/domestic/refunds/${no}_2`)).toMatchObject({ status: 'ABNORMAL' })
  const body = { mchId: merchant.mchId, status: 'SUCCESS' }
  await call(sandbox.url, 'POST', `/wechat/refunds/${no}_2/end`, body)
  await eventually(() => shop.received.map((each) => opened(each).event)).toEqual([
    'TRANSACTION.SUCCESS',
    'REFUND.CLOSED',
    'REFUND.ABNORMAL',
    'REFUND.SUCCESS',
  ])
  const { items } = await call<{ items: Json[] }>(sandbox.url, 'GET', `/wechat/trades?outTradeNo=${no}`)
  expect(items).toMatchObject([{ refundedAmount: '39.00', state: 'REFUND' }])
})

test('bills: what they say of a day, their hash, their address good for five minutes', async () => {
  const own = await wechatMerchant(sandbox.url, { rules: { feeRate: 60, billHour: 0 } })
  const using = otherClient(sandbox.url, own)
  const no = number()
  const { data: made } = await post('/v3/pay/transactions/native', orderOf(own, no, shop.url), using)
  await scan(made['code_url'])
  const { now } = await call<{ now: string }>(sandbox.url, 'GET', '/clock')
  const day = now.slice(0, 10)
  expect(await refusal(get('/v3/bill/tradebill', { bill_date: day }, using))).toMatchObject({ status: 400 })
  await advance(86_400)
  for (const kind of ['tradebill', 'fundflowbill']) {
    for (const packing of [{}, { tar_type: 'GZIP' }]) {
      const { hash_value: hash, download_url: address } = await get(
        `/v3/bill/${kind}`,
        { bill_date: day, ...packing },
        using,
      )
      const { pathname, searchParams } = new URL(String(address))
      const fetched = async () =>
        using.client.request(pathname, 'get', undefined, {
          params: Object.fromEntries(searchParams),
          responseType: 'arraybuffer',
        })
      const { data: file } = await fetched()
      const bytes = 'tar_type' in packing ? gunzipSync(file as Buffer) : Buffer.from(file as Buffer)
      expect(createHash('sha1').update(bytes).digest('hex')).toBe(hash)
      if (kind === 'fundflowbill') {
        await advance(301)
        expect(await refusal(fetched())).toMatchObject({ status: 400 })
        continue
      }
      expect(bytes.toString()).toContain(`\`${no},`)
    }
  }
  const empty = await refusal(
    get(
      '/v3/bill/tradebill',
      { bill_date: day },
      otherClient(sandbox.url, await wechatMerchant(sandbox.url, { rules: { billHour: 0 } })),
    ),
  )
  expect(empty).toEqual({ status: 400, code: 'NO_STATEMENT_EXIST' })
})

describe('a bill of each type', () => {
  let own: WechatMerchant
  let day: string

  beforeAll(async () => {
    own = await wechatMerchant(sandbox.url, { rules: { feeRate: 60, billHour: 0 } })
    const using = otherClient(sandbox.url, own)
    const no = number()
    const { data: made } = await post('/v3/pay/transactions/native', orderOf(own, no, shop.url), using)
    await scan(made['code_url'])
    const amount = { refund: 1000, total: 3900, currency: 'CNY' }
    await post('/v3/refund/domestic/refunds', { out_trade_no: no, out_refund_no: `${no}-R`, amount }, using)
    const { now } = await call<{ now: string }>(sandbox.url, 'GET', '/clock')
    day = now.slice(0, 10)
    await advance(86_400)
  })

  /** Headings, rows, summary headings and summary of a bill, as cells. */
  async function bill(type: string) {
    const path = `/v3/bill/tradebill?bill_date=${day}&bill_type=${type}`
    const { json } = await sendByHand(sandbox.url, own, { method: 'GET', path })
    const { pathname, search } = new URL(String(json['download_url']))
    const { text } = await sendByHand(sandbox.url, own, { method: 'GET', path: `${pathname}${search}` })
    const lines = text.replace('\uFEFF', '').trimEnd().split('\r\n')
    const cells = lines.map((line) => (line.startsWith('`') ? line.slice(1).split(',`') : line.split(',')))
    return { titles: cells[0] ?? [], rows: cells.slice(1, -2), sums: cells.at(-2) ?? [], totals: cells.at(-1) ?? [] }
  }

  test('ALL: 27 columns, what came and what went back', async () => {
    const { titles, rows, totals } = await bill('ALL')
    expect([titles.length, ...rows.map((row) => row.length)]).toEqual([27, 27, 27])
    expect(totals).toEqual(['2', '39.00', '10.00', '0.00', '0.17000', '39.00', '10.00'])
  })

  test('SUCCESS: 20 columns without those of refunds, four sums', async () => {
    const { titles, rows, sums, totals } = await bill('SUCCESS')
    expect(titles).toHaveLength(20)
    expect(titles.filter((title) => title.includes('退款'))).toEqual([])
    expect(titles.slice(-7)).toEqual(['代金券金额', '商品名称', '商户数据包', '手续费', '费率', '订单金额', '费率备注'])
    expect(rows).toEqual([expect.arrayContaining(['SUCCESS', '39.00', '0.23000', '0.60%'])])
    expect(rows[0]).toHaveLength(20)
    expect(sums).toEqual(['总交易单数', '应结订单总金额', '手续费总金额', '订单总金额'])
    expect(totals).toEqual(['1', '39.00', '0.23000', '39.00'])
  })

  test('REFUND: as ALL with when it was asked for and when it was made', async () => {
    const { titles, rows, totals } = await bill('REFUND')
    expect(titles.slice(13, 18)).toEqual(['代金券金额', '退款申请时间', '退款成功时间', '微信退款单号', '商户退款单号'])
    const [row = []] = rows
    expect([titles.length, row.length, rows.length]).toEqual([29, 29, 1])
    for (const at of [14, 15]) expect(row[at]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
    expect(totals).toEqual(['1', '0.00', '10.00', '0.00', '-0.06000', '0.00', '10.00'])
  })
})

describe('certificate mode', () => {
  let certified: WechatMerchant
  let byPublicKey: Wechatpay

  beforeAll(async () => {
    certified = await wechatMerchant(sandbox.url, { keyMode: 'certificate' })
    byPublicKey = otherClient(sandbox.url, certified)
  })

  /** Certificates as they are listed, opened with the APIv3 key; asked for by a caller that can verify by the public key. */
  async function certificates(): Promise<Record<string, string>> {
    const { data: answer } = await byPublicKey.client.request('/v3/certificates', 'get', undefined, {
      headers: { 'Wechatpay-Serial': certified.publicKeyId },
    })
    const { data: list } = answer as {
      data: { serial_no: string; encrypt_certificate: { ciphertext: string; nonce: string; associated_data: string } }[]
    }
    return Object.fromEntries(
      list.map(({ serial_no: serial, encrypt_certificate: { ciphertext, nonce, associated_data: associated } }) => [
        serial,
        Aes.AesGcm.decrypt(ciphertext, API_V3_KEY, nonce, associated),
      ]),
    )
  }

  const rotate = (body: Json) => call(sandbox.url, 'POST', `/wechat/merchants/${certified.mchId}/rotate`, body)

  /** The serials that so many answers were signed with. */
  async function serials(using: Wechatpay, count: number): Promise<Set<string>> {
    const seen = new Set<string>()
    for (let at = 0; at < count; at++) {
      const no = number()
      const { headers } = await using.client.request(
        '/v3/pay/transactions/native',
        'post',
        orderOf(certified, no, shop.url),
      )
      seen.add(String(headers['wechatpay-serial']))
    }
    return seen
  }

  test('rotation: both listed, the new one for a share, then for all; who knows only the old one rejects', async () => {
    const old = await certificates()
    const [oldSerial = ''] = Object.keys(old)
    expect(oldSerial).toMatch(/^[0-9A-F]{40}$/)
    expect(await serials(otherClient(sandbox.url, certified, old), 3)).toEqual(new Set([oldSerial]))

    await rotate({ share: 50 })
    const both = await certificates()
    expect(Object.keys(both)).toHaveLength(2)
    const newSerial = Object.keys(both).find((serial) => serial !== oldSerial) ?? ''
    // Each of forty is one or the other by an even chance.
    expect(await serials(otherClient(sandbox.url, certified, both), 40)).toEqual(new Set([oldSerial, newSerial]))

    await rotate({ share: 100, next: false })
    expect(await serials(otherClient(sandbox.url, certified, both), 5)).toEqual(new Set([newSerial]))
    const outdated = otherClient(sandbox.url, certified, old)
    expect(await refusal(serials(outdated, 1))).toMatchObject({ code: 'EV3_RES_HEADER_PLATFORM_SERIAL' })

    const no = number()
    const { data: made } = await post(
      '/v3/pay/transactions/native',
      orderOf(certified, no, shop.url),
      otherClient(sandbox.url, certified, both),
    )
    await scan(made['code_url'])
    await eventually(() => shop.received.length).toBe(1)
    expect(shop.received.map((each) => believes(each, both))).toEqual([true])
    expect(shop.received[0]?.headers['wechatpay-serial']).toBe(newSerial)
  })

  test('the console rotates in two presses, and sends a notification again', async () => {
    const own = await wechatMerchant(sandbox.url, { keyMode: 'certificate' })
    const press = async (path: string) => (await fetch(`${sandbox.url}/console${path}`, { method: 'POST' })).text()
    const shares = (page: string) =>
      [...page.slice(page.indexOf(own.mchId)).matchAll(/<div>[0-9A-F]{40} · (\d+) %/g)].map(([, share]) => share)
    expect(shares(await press(`/wechat/merchants/${own.mchId}/rotate`)).slice(0, 2)).toEqual(['50', '100'])
    expect(shares(await press(`/wechat/merchants/${own.mchId}/rotate`)).slice(0, 2)).toEqual(['100', '100'])

    const no = number()
    await scan((await order(no))['code_url'])
    await eventually(() => shop.received.length).toBe(1)
    const { items } = await call<{ items: { id: number; notifyId: string }[] }>(
      sandbox.url,
      'GET',
      `/wechat/deliveries?outTradeNo=${no}`,
    )
    const [delivery] = items
    expect(await (await fetch(`${sandbox.url}/console/deliveries`)).text()).toContain(delivery?.notifyId)
    await press(`/wechat/deliveries/${delivery?.id}/replay`)
    expect(shop.received.length).toBe(2)
  })

  test('a merchant in public-key mode has no certificates, and no rotation', async () => {
    expect(await refusal(get('/v3/certificates'))).toEqual({ status: 404, code: 'RESOURCE_NOT_EXISTS' })
    await call(sandbox.url, 'POST', `/wechat/merchants/${merchant.mchId}/rotate`, { share: 1 }, 409)
  })
})

const inAnHour = (): string => `${new Date(Date.now() + 9 * 3_600_000).toISOString().slice(0, 19)}+08:00`
