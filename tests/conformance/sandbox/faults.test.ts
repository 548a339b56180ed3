/** Each fault does what it says to the calls that it is set for, and nothing else. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSandbox } from '@xuecheng/sandbox'
import { AlipaySdk } from 'alipay-sdk'
import iconv from 'iconv-lite'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { ask, signed } from './hand.ts'
import { call, eventually, fieldsOf, type Json, listen, type Shop, type TestMerchant } from './rig.ts'

const data = mkdtempSync(join(tmpdir(), 'sandbox-'))
let sandbox: Awaited<ReturnType<typeof startSandbox>>
let shop: Shop
let merchant: TestMerchant
let sdk: AlipaySdk

beforeAll(async () => {
  sandbox = await startSandbox({ data })
  shop = await listen()
  merchant = await call<TestMerchant>(sandbox.url, 'POST', '/merchants', {})
  sdk = new AlipaySdk({
    appId: merchant.appId,
    privateKey: merchant.appPrivateKey,
    keyType: 'PKCS8',
    alipayPublicKey: merchant.alipayPublicKey,
    gateway: `${sandbox.url}/gateway.do`,
  })
})
afterEach(async () => {
  await call(sandbox.url, 'DELETE', '/faults')
})
afterAll(async () => {
  await sandbox.close()
  await shop.close()
  rmSync(data, { recursive: true })
})

const fault = (kind: string, more: Json = {}) => call(sandbox.url, 'POST', '/faults', { kind, ...more })
const advance = (advanceSeconds: number) => call(sandbox.url, 'POST', '/clock', { advanceSeconds })
const query = (outTradeNo: string) =>
  ask(sandbox.url, signed(merchant, { method: 'alipay.trade.query', content: { out_trade_no: outTradeNo } }))

async function pay(outTradeNo: string) {
  const payUrl = sdk.pageExecute('alipay.trade.page.pay', 'GET', {
    notifyUrl: shop.url,
    returnUrl: 'http://shop.example/',
    bizContent: { outTradeNo, totalAmount: '5.00', subject: '中文', productCode: 'FAST_INSTANT_TRADE_PAY' },
  })
  return call<{ trade: { tradeNo: string; status: string }; returnUrl: string | null }>(sandbox.url, 'POST', '/pay', {
    payUrl,
  })
}

/** The notifications that the shop received about one order. */
const heard = (outTradeNo: string) =>
  shop.received.map(fieldsOf).filter((fields) => fields['out_trade_no'] === outTradeNo)

test('drop loses one delivery; the schedule brings the next', async () => {
  await fault('drop', { scope: { outTradeNo: 'DROP' }, times: 1 })
  await pay('DROP')
  await pay('NOT-DROPPED')
  await eventually(() => heard('NOT-DROPPED')).toHaveLength(1)
  expect(heard('DROP')).toHaveLength(0)
  await advance(240)
  expect(heard('DROP')).toHaveLength(1)
})

test('delay holds the first attempt back', async () => {
  await fault('delay', { seconds: 3600, times: 1 })
  await pay('DELAY')
  await advance(3599)
  expect(heard('DELAY')).toHaveLength(0)
  await advance(2)
  expect(heard('DELAY')).toHaveLength(1)
})

test('duplicate sends the same notification twice', async () => {
  await fault('duplicate', { times: 1 })
  await pay('TWICE')
  await eventually(() => heard('TWICE')).toHaveLength(2)
  expect(new Set(heard('TWICE').map((fields) => fields['notify_id'])).size).toBe(1)
})

test('reorder lets the next notification overtake', async () => {
  await fault('reorder', { scope: { outTradeNo: 'ORDER' }, times: 1 })
  const { trade } = await pay('ORDER')
  await call(sandbox.url, 'POST', `/trades/${trade.tradeNo}/refund`, { amount: '1.00', outRequestNo: 'r' })
  await eventually(() => heard('ORDER')).toHaveLength(2)
  expect(heard('ORDER').map((fields) => fields['refund_fee'])).toEqual(['1.00', undefined])
})

test('corrupt-sign, wrong-amount, wrong-app-id, wrong-seller-id alter what is sent, once', async () => {
  const wrong = [
    ['corrupt-sign', false, {}],
    ['wrong-amount', true, { total_amount: '5.01', receipt_amount: '5.01' }],
    ['wrong-app-id', true, { app_id: expect.not.stringMatching(merchant.appId) }],
    ['wrong-seller-id', true, { seller_id: expect.not.stringMatching(merchant.sellerId) }],
  ] as const
  for (const [kind, verifies, fields] of wrong) {
    shop.answer = { status: 200, body: 'fail' }
    await fault(kind, { times: 1 })
    await pay(kind)
    await eventually(() => heard(kind)).toHaveLength(1)
    shop.answer = { status: 200, body: 'success' }
    await advance(240)
    const [first = {}, second = {}] = heard(kind)
    expect(sdk.checkNotifySignV2(first)).toBe(verifies)
    expect(first).toMatchObject(fields)
    expect(sdk.checkNotifySignV2(second)).toBe(true)
    expect(second).toMatchObject({ total_amount: '5.00', app_id: merchant.appId, seller_id: merchant.sellerId })
  }
})

test('pay-late: confirmed now, paid later, even past the time to pay', async () => {
  await fault('pay-late', { seconds: 30 * 86_400, times: 1 })
  const { trade, returnUrl } = await pay('LATE')
  expect(trade.status).toBe('WAIT_BUYER_PAY')
  expect(returnUrl).toBeNull()
  await advance(16 * 86_400)
  expect((await query('LATE')).node).toMatchObject({ trade_status: 'WAIT_BUYER_PAY' })
  await advance(14 * 86_400 + 1)
  expect((await query('LATE')).node).toMatchObject({ trade_status: 'TRADE_SUCCESS' })
  expect(heard('LATE')).toHaveLength(1)
})

test('finished: paid means TRADE_FINISHED', async () => {
  await fault('finished', { times: 1 })
  const { trade } = await pay('FINISHED')
  expect(trade.status).toBe('TRADE_FINISHED')
  await eventually(() => heard('FINISHED')).toMatchObject([{ trade_status: 'TRADE_FINISHED' }])
})

test('gbk: notification and return in GBK, both signed over GBK bytes', async () => {
  await fault('gbk', { times: 1 })
  const { returnUrl } = await pay('GBK')
  await eventually(() => heard('GBK')).toHaveLength(1)
  const body = shop.received.find((each) => each.includes('out_trade_no=GBK')) ?? ''
  expect(body).toContain('charset=GBK')
  expect(body).toContain(
    `subject=${[...iconv.encode('中文', 'gbk')].map((byte) => `%${byte.toString(16).toUpperCase()}`).join('')}`,
  )
  expect(returnUrl).toContain('charset=GBK')
})

test('the gateway: 20000, HTTP 500, GBK error text, silence before and after acting, ACQ.SYSTEM_ERROR after acting', async () => {
  await pay('GATE')
  await fault('unavailable', { times: 1 })
  expect((await query('GATE')).node).toMatchObject({ code: '20000', sub_code: 'isp.unknow-error' })
  await fault('http-500', { times: 1 })
  await expect(query('GATE')).rejects.toThrow()
  await fault('gbk-error', { times: 1 })
  const raw = await fetch(
    `${sandbox.url}/gateway.do?${signed(merchant, { method: 'alipay.trade.query', content: { out_trade_no: 'GATE' } })}`,
  )
  expect(iconv.decode(Buffer.from(await raw.arrayBuffer()), 'gbk')).toContain(
    '"sub_code":"aop.unknow-error","sub_msg":"系统繁忙"',
  )

  const refund = (outRequestNo: string) =>
    ask(
      sandbox.url,
      signed(merchant, {
        method: 'alipay.trade.refund',
        content: { out_trade_no: 'GATE', refund_amount: '1.00', out_request_no: outRequestNo },
      }),
    )
  await fault('timeout-before', { method: 'alipay.trade.refund', seconds: 0, times: 1 })
  expect((await query('GATE')).node).toMatchObject({ code: '10000' })
  await expect(refund('a')).rejects.toThrow()
  await fault('timeout-after', { seconds: 0, times: 1, method: 'alipay.trade.refund' })
  await expect(refund('b')).rejects.toThrow()
  // Refunds of one trade must be three seconds apart.
  await advance(3)
  await fault('system-error', { times: 1 })
  expect((await refund('c')).node).toMatchObject({ code: '40004', sub_code: 'ACQ.SYSTEM_ERROR' })
  const done = await Promise.all(
    ['a', 'b', 'c'].map((number) =>
      ask(
        sandbox.url,
        signed(merchant, {
          method: 'alipay.trade.fastpay.refund.query',
          content: { out_trade_no: 'GATE', out_request_no: number },
        }),
      ),
    ),
  )
  expect(done.map(({ node }) => node['refund_status'])).toEqual([undefined, 'REFUND_SUCCESS', 'REFUND_SUCCESS'])
  expect((await query('GATE')).node).toMatchObject({ code: '10000' })
})

test('a fault that is no fault is refused; a probability of 0 never strikes', async () => {
  await call(sandbox.url, 'POST', '/faults', { kind: 'no-such-fault' }, 400)
  await fault('finished', { probability: 0 })
  expect((await pay('CHANCE')).trade.status).toBe('TRADE_SUCCESS')
  const { items } = await call<{ items: Json[] }>(sandbox.url, 'GET', '/faults')
  expect(items).toMatchObject([{ kind: 'finished', scope: 'all', probability: 0, remaining: null }])
})

test('after a year a trade is finished, and says so where the merchant asked for it', async () => {
  await pay('YEAR')
  await eventually(() => heard('YEAR')).toHaveLength(1)
  await call(sandbox.url, 'PUT', `/merchants/${merchant.appId}`, { rules: { notifyOnClose: true } })
  await advance(366 * 86_400)
  await eventually(() => heard('YEAR').map((fields) => fields['trade_status'])).toEqual([
    'TRADE_SUCCESS',
    'TRADE_FINISHED',
  ])
})
