/** WeChat Pay’s API v3 in the sandbox, by our client. */
import { generateKeyPairSync } from 'node:crypto'
import { createWechatPay, GatewayRefusedError, type WechatPay } from '@xuecheng/wechatpay'
import { describe, expect, test } from 'vitest'
import { morningAfter } from '../../../harness/sandbox-api.ts'
import { call } from '../rig.ts'
import { type Merchant, newMerchant, newNo, sandbox, scan, shop } from './rig.ts'

const ours = (merchant: Merchant, publicKey = true): WechatPay =>
  createWechatPay({
    ...merchant,
    baseUrl: sandbox.url,
    ...(publicKey ? {} : { publicKey: undefined, publicKeyId: undefined, platformCertificates: true }),
  })

const passing = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

interface Delivery {
  readonly state: string
  readonly attempts: { readonly acknowledged: boolean }[]
}

const deliveriesOf = async (no: string): Promise<Delivery[]> =>
  (await call<{ items: Delivery[] }>(sandbox.url, 'GET', `/wechat/deliveries?outTradeNo=${no}`)).items

/** The orders whose notification has not been acknowledged. */
async function leftUntold(numbers: Iterable<string>): Promise<string[]> {
  const left = await Promise.all(
    [...numbers].map(async (no) => ((await deliveriesOf(no)).every(({ state }) => state === 'delivered') ? [] : [no])),
  )
  return left.flat()
}

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
    // A separate client that only receives notifications: it learns of certificates through them alone.
    const listener = ours(merchant, false)
    const seen = new Set<string>()
    const refusals: string[] = []
    shop.answers.verify = async ({ headers, body }) => {
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
    // The certificate is listed before it is used, as at WeChat; a client fetches the list at most every five seconds.
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
    // Each certificate was listed before it signed, so no notification had to be sent twice.
    expect(refusals).toEqual([])
    expect([...seen].sort()).toEqual([...serials].sort())
  }, 60_000)

  test('probes are refused, genuine traffic is not', async () => {
    const merchant = await newMerchant()
    const client = ours(merchant)
    await call(sandbox.url, 'POST', '/faults', {
      kind: 'sign-test',
      scope: { appId: merchant.mchId },
      probability: 0.4,
    })
    const heard: { probe: boolean; ok: boolean; code: string | undefined }[] = []
    shop.answers.verify = async ({ headers, body }) => {
      const read = await client.verifyNotification(body, headers)
      const probe = String(headers['wechatpay-signature']).startsWith('WECHATPAY/SIGNTEST/')
      heard.push({ probe, ok: read.ok, code: read.ok ? undefined : read.code })
      return read.ok
    }
    const numbers = Array.from({ length: 30 }, newNo)
    // After a probe the client retries, and the repeated answer is signed correctly: every call succeeds.
    const made = await Promise.all(numbers.map((no) => client.native(orderOf(no))))
    expect(made.filter(({ ok }) => !ok)).toEqual([])
    for (const answer of made) if (answer.ok) await scan(answer.codeUrl)
    // A probe is refused, and its notification is sent again with a correct signature after 15 seconds.
    await expect.poll(() => leftUntold(numbers), { timeout: 45_000 }).toEqual([])
    const probes = heard.filter(({ probe }) => probe)
    expect(probes.length).toBeGreaterThan(3)
    expect(probes.filter(({ code }) => code !== 'SIGNATURE_MISMATCH')).toEqual([])
    expect(heard.filter(({ probe, ok }) => !probe && !ok)).toEqual([])
    expect(heard.filter(({ ok }) => ok)).toHaveLength(30)
    const attempts = (await Promise.all(numbers.map(deliveriesOf))).flat().map((delivery) => delivery.attempts.length)
    expect(attempts.filter((count) => count === 2)).toHaveLength(probes.length)
  }, 90_000)

  test('what a page in the WeChat in-app browser passes on is signed correctly, and can be signed again', async () => {
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
    // The order is paid: earlier signatures are valid as well, but nothing is left to pay.
    await expect(bridge(made.parameters)).rejects.toThrow(/409.*PAID/s)
    expect(await client.query({ outTradeNo: no })).toMatchObject({ tradeState: 'SUCCESS', tradeType: 'JSAPI' })
    await expect(client.jsapiParameters('two\nlines')).rejects.toMatchObject({ field: 'prepay_id' })
  })

  test('both bills of a day have correct fees and hashes; a call under another merchant’s number is refused', async () => {
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
    // The refund's share of the fee is returned: the account is charged the rest, and the remark states both.
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
