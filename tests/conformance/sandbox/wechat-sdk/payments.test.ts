/** Another client of WeChat Pay, unmodified but for its base address, orders, pays and closes in the sandbox. */
import { createSign, randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { call, eventually, type Json } from '../rig.ts'
import { believes, opened } from '../wechat-rig.ts'
import { advance, get, merchant, number, order, post, query, refusal, sandbox, scan, shop } from './rig.ts'

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
  // Inside WeChat it is paid in another way.
  const inside = { referer: 'http://localhost:8000/', 'user-agent': 'Mozilla/5.0 (iPhone) MicroMessenger/8.0.50' }
  const blocked = await fetch(String(h5Url), { redirect: 'manual', headers: inside })
  expect([blocked.status, await blocked.text()]).toEqual([403, expect.stringContaining('请在微信外打开订单')])
  // A payer's address cannot be a private one, unless this call itself comes from it.
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

const inAnHour = (): string => `${new Date(Date.now() + 9 * 3_600_000).toISOString().slice(0, 19)}+08:00`
