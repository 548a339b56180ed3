/**
 * Two hands: our client against the sandbox, which was written apart from it and shares no signing code. All six
 * interfaces and the bill, in both key modes; and every way in which the gateway can leave us without an answer.
 */

import {
  type Alipay,
  GatewayRefusedError,
  generateKeys,
  type Notification,
  UnknownOutcomeError,
} from '@xuecheng/alipay'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  call,
  type Merchant,
  type Notified,
  type Opened,
  openMerchant,
  type SandboxProcess,
  startNotifyAddress,
  startSandboxProcess,
} from './rig.ts'

let sandbox: SandboxProcess
let shop: Notified

beforeAll(async () => {
  sandbox = await startSandboxProcess()
  shop = await startNotifyAddress()
})
afterAll(async () => {
  await shop.close()
  await sandbox.stop()
})
afterEach(() => call(sandbox.url, 'DELETE', '/faults'))

let count = 0
function newNumber(): string {
  count += 1
  return `client_${Date.now()}_${count}`
}
const RETURN_URL = 'http://127.0.0.1:9/pay/success?from=mail'

/** Orders and pays; the notification and the return are what came of it. */
async function pay(client: Alipay, more: { totalAmount?: number; subject?: string; body?: string } = {}) {
  const outTradeNo = newNumber()
  const payUrl = await client.pagePayUrl({
    outTradeNo,
    totalAmount: 3900,
    subject: '学城 TypeScript 课程 + 100%',
    notifyUrl: shop.url,
    returnUrl: RETURN_URL,
    ...more,
  })
  const { returnUrl } = await call<{ returnUrl: string }>(sandbox.url, 'POST', '/pay', { payUrl })
  return { outTradeNo, returnUrl, notification: await takeNotification(client) }
}

async function takeNotification(client: Alipay): Promise<Notification> {
  const { body, contentType } = await shop.next()
  const read = await client.verifyNotification(body, contentType)
  if (!read.ok) throw new Error(`${read.code}: ${read.message}`)
  return read
}

const modes = ['key', 'cert'] as const
for (const mode of modes) {
  describe(`${mode} mode`, () => {
    let client: Alipay
    let merchant: Merchant
    beforeAll(async () => {
      const opened = await openMerchant(sandbox.url, mode)
      client = opened.client
      merchant = opened.merchant
    })

    test('page.pay, notification, return and query say the same', async () => {
      const { outTradeNo, returnUrl, notification } = await pay(client, { body: 'a & b = "c" %2B' })
      expect(notification).toMatchObject({
        outTradeNo,
        appId: merchant.appId,
        sellerId: merchant.sellerId,
        tradeStatus: 'TRADE_SUCCESS',
        totalAmount: 3900,
        body: 'a & b = "c" %2B',
      })
      const back = await client.verifyReturn(returnUrl)
      expect(back).toMatchObject({ ok: true, outTradeNo, tradeNo: notification.tradeNo, totalAmount: 3900 })
      expect(await client.query({ outTradeNo })).toMatchObject({
        exists: true,
        tradeNo: notification.tradeNo,
        tradeStatus: 'TRADE_SUCCESS',
        totalAmount: 3900,
        sendPayDate: notification.gmtPayment,
      })
    })

    test('wap.pay', async () => {
      const outTradeNo = newNumber()
      const payUrl = await client.wapPayUrl({ outTradeNo, totalAmount: 1, subject: '课', notifyUrl: shop.url })
      await call(sandbox.url, 'POST', '/pay', { payUrl })
      expect(await takeNotification(client)).toMatchObject({ outTradeNo, totalAmount: 1 })
    })

    test('no trade before the buyer has come: query, close and refund say so', async () => {
      const outTradeNo = newNumber()
      await client.pagePayUrl({ outTradeNo, totalAmount: 1, subject: '课' })
      expect(await client.query({ outTradeNo })).toEqual({ exists: false })
      const refused = { ok: false, subCode: 'ACQ.TRADE_NOT_EXIST' }
      expect(await client.close({ outTradeNo })).toMatchObject(refused)
      expect(await client.refund({ outTradeNo, outRequestNo: 'R1', refundAmount: 1 })).toMatchObject(refused)
    })

    test('refunds: in parts, repeated, too much, and all of it', async () => {
      const { outTradeNo } = await pay(client)
      const refund = (outRequestNo: string, refundAmount: number) =>
        client.refund({ outTradeNo, outRequestNo, refundAmount, refundReason: '不想学了' })
      expect(await refund('R1', 1000)).toMatchObject({ ok: true, fundChange: true, refundFee: 1000 })
      expect(await takeNotification(client)).toMatchObject({ outTradeNo, outBizNo: 'R1', refundFee: 1000 })
      expect(await refund('R1', 1000)).toMatchObject({ ok: true, fundChange: false, refundFee: 1000 })
      expect(await refund('R1', 900)).toMatchObject({ ok: false, subCode: 'ACQ.DISCORDANT_REPEAT_REQUEST' })
      expect(await refund('R2', 2901)).toMatchObject({ ok: false })
      expect(await client.refundQuery({ outTradeNo, outRequestNo: 'R1' })).toMatchObject({
        refunded: true,
        refundAmount: 1000,
      })
      expect(await client.refundQuery({ outTradeNo, outRequestNo: 'R2' })).toMatchObject({ ok: true, refunded: false })
      expect(await refund('R3', 2900)).toMatchObject({ ok: true, fundChange: true, refundFee: 3900 })
      expect(await client.query({ outTradeNo })).toMatchObject({ tradeStatus: 'TRADE_CLOSED', totalAmount: 3900 })
    })

    test('close: waiting, and paid', async () => {
      const outTradeNo = newNumber()
      const payUrl = await client.pagePayUrl({ outTradeNo, totalAmount: 1, subject: '课', notifyUrl: shop.url })
      // The cashier page logs the buyer in; paying with nothing in the purse does the same and leaves the trade waiting.
      const { login } = await call<{ login: string }>(sandbox.url, 'POST', '/buyers', {
        login: `${outTradeNo}@sandbox.example`,
        balance: '0.00',
      })
      await expect(call(sandbox.url, 'POST', '/pay', { payUrl, buyer: login })).rejects.toThrow(/BUYER_BALANCE/)
      expect(await client.query({ outTradeNo })).toMatchObject({
        tradeStatus: 'WAIT_BUYER_PAY',
        sendPayDate: undefined,
      })
      expect(await client.close({ outTradeNo })).toMatchObject({ ok: true, outTradeNo })
      expect(await client.query({ outTradeNo })).toMatchObject({ tradeStatus: 'TRADE_CLOSED' })
      const paid = await pay(client)
      expect(await client.close({ outTradeNo: paid.outTradeNo })).toMatchObject({
        ok: false,
        subCode: 'ACQ.TRADE_STATUS_ERROR',
      })
    })

    test('any other method', async () => {
      const { outTradeNo } = await pay(client)
      const answer = await client.execute<{ trade_status: string }>('alipay.trade.query', { out_trade_no: outTradeNo })
      expect(answer).toMatchObject({ code: '10000', values: { trade_status: 'TRADE_SUCCESS' } })
    })
  })
}

test('whatever we sign the sandbox verifies, and whatever it signs we verify', async () => {
  const { client } = await openMerchant(sandbox.url, 'key')
  const text = fc.string({
    unit: fc.constantFrom(
      '+',
      '&',
      '=',
      '%',
      "'",
      '"',
      ' ',
      '<',
      '\\',
      '/',
      '学',
      '😀',
      'é',
      'a',
      '%2B',
      '&amp;',
      '~',
      '*',
      '`',
    ),
  })
  await fc.assert(
    fc.asyncProperty(text, text, async (title, body) => {
      // Between characters: half an emoji is no text, and comes back as something else.
      const passbackParams = [...body].slice(0, 20).join('')
      const subject = `s${title.replace(/[/=&]/g, '')}`
      const outTradeNo = newNumber()
      const payUrl = await client.pagePayUrl({
        outTradeNo,
        totalAmount: 1,
        subject,
        notifyUrl: shop.url,
        ...(body ? { body } : {}),
        passbackParams,
      })
      await call(sandbox.url, 'POST', '/pay', { payUrl })
      const notification = await takeNotification(client)
      expect(notification).toMatchObject({ outTradeNo, subject })
      expect(notification.body ?? '').toBe(body)
      expect(notification.passbackParams ?? '').toBe(passbackParams)
    }),
    { numRuns: 40 },
  )
})

describe('mixed-up keys', () => {
  let opened: Opened
  beforeAll(async () => {
    opened = await openMerchant(sandbox.url, 'key')
  })

  test('a key that is not the one that was uploaded is named, with what was signed', async () => {
    const { privateKey } = await generateKeys()
    const refusal = await opened
      .another({ privateKey })
      .query({ outTradeNo: 'N1' })
      .catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(GatewayRefusedError)
    expect(refusal).toMatchObject({ subCode: 'isv.invalid-signature', verified: true })
    expect(String(refusal)).toMatch(/fingerprint [0-9a-f]{16}:\napp_id=\d{16}&biz_content=\{"out_trade_no":"N1"\}&/)
  })

  test('an application that the gateway does not know: unsigned, so a hint only', async () => {
    await expect(opened.another({ appId: '9021999999999999' }).query({ outTradeNo: 'N1' })).rejects.toMatchObject({
      name: 'GatewayRefusedError',
      subCode: 'isv.invalid-app-id',
      verified: false,
    })
  })

  test("another key taken for Alipay's: nothing is believed", async () => {
    const { publicKey } = await generateKeys()
    const deceived = opened.another({ alipayPublicKey: publicKey })
    await expect(deceived.query({ outTradeNo: 'N1' })).rejects.toMatchObject({ code: 'ANSWER_NOT_VERIFIED' })
  })

  test('an application in certificate mode that is used without its certificates', async () => {
    const { merchant, another } = await openMerchant(sandbox.url, 'cert')
    const bare = another({ certificates: undefined, alipayPublicKey: merchant.alipayPublicKey })
    await expect(bare.query({ outTradeNo: 'N1' })).rejects.toMatchObject({ subCode: 'isv.missing-app-cert-sn' })
  })
})

test('contents encrypted both ways', async () => {
  const { merchant, client, another } = await openMerchant(sandbox.url, 'key')
  const { outTradeNo } = await pay(client)
  const encrypting = another({ aesKey: merchant.aesKey })
  expect(await encrypting.query({ outTradeNo })).toMatchObject({ exists: true, totalAmount: 3900 })
  expect(await encrypting.query({ outTradeNo: newNumber() })).toEqual({ exists: false })
  const refund = { outTradeNo, outRequestNo: 'R1', refundAmount: 3900 }
  expect(await encrypting.refund(refund)).toMatchObject({ ok: true, fundChange: true })
  expect(await client.query({ outTradeNo })).toMatchObject({ tradeStatus: 'TRADE_CLOSED' })
})

describe('the bill of a past day', () => {
  for (const mode of modes) {
    test(`in ${mode} mode: every row in fen, and the sums right`, async () => {
      const { client, merchant } = await openMerchant(sandbox.url, mode)
      const first = await pay(client, { subject: '第一课, 第二课, 三', totalAmount: 9900 })
      const second = await pay(client, { subject: '"引号" 与制表', totalAmount: 1 })
      await client.refund({ outTradeNo: first.outTradeNo, outRequestNo: 'RF1', refundAmount: 900 })
      await takeNotification(client)
      const { now } = await call<{ now: string }>(sandbox.url, 'GET', '/clock')
      const day = new Date(new Date(now).getTime() + 8 * 3_600_000).toISOString().slice(0, 10)
      expect(await client.tradeBill(day)).toMatchObject({ ok: false })
      await call(sandbox.url, 'POST', '/clock', { advanceSeconds: 36 * 3600 })
      const bill = await client.tradeBill(day)
      if (!('rows' in bill)) throw new Error(`${bill.subCode}: ${bill.subMsg}`)
      expect(bill.account).toBe(`${merchant.sellerId}0156`)
      expect(
        bill.rows.map(({ kind, outTradeNo, orderAmount, subject, refundRequestNo }) => ({
          kind,
          outTradeNo,
          orderAmount,
          subject,
          refundRequestNo,
        })),
      ).toEqual(
        expect.arrayContaining([
          {
            kind: 'trade',
            outTradeNo: first.outTradeNo,
            orderAmount: 9900,
            subject: '第一课, 第二课, 三',
            refundRequestNo: '',
          },
          {
            kind: 'trade',
            outTradeNo: second.outTradeNo,
            orderAmount: 1,
            subject: '"引号" 与制表',
            refundRequestNo: '',
          },
          {
            kind: 'refund',
            outTradeNo: first.outTradeNo,
            orderAmount: -900,
            subject: '第一课, 第二课, 三',
            refundRequestNo: 'RF1',
          },
        ]),
      )
      expect(bill.rows.length).toBe(3)
      expect(bill.summary.total).toMatchObject({ tradeCount: 2, refundCount: 1 })
    })
  }
})

describe('faults', () => {
  let client: Alipay
  let patient: Alipay
  beforeAll(async () => {
    const opened = await openMerchant(sandbox.url, 'key')
    patient = opened.client
    client = opened.another({ retries: 0, timeoutMs: 1500 })
  })
  const set = (fault: object) => call(sandbox.url, 'POST', '/faults', fault)

  for (const kind of ['http-500', 'unavailable', 'timeout-before', 'timeout-after', 'system-error', 'gbk-error']) {
    test(`${kind} during a refund is an unknown outcome; asking afterwards settles it`, async () => {
      const { outTradeNo } = await pay(client)
      await set({ kind, scope: 'all', times: 1, seconds: 30 })
      const refund = { outTradeNo, outRequestNo: 'R1', refundAmount: 3900 }
      await expect(client.refund(refund)).rejects.toBeInstanceOf(UnknownOutcomeError)
      await call(sandbox.url, 'DELETE', '/faults')
      const before = await client.refundQuery({ outTradeNo, outRequestNo: 'R1' })
      const again = await client.refund(refund)
      expect(again).toMatchObject({ ok: true, refundFee: 3900 })
      if (again.ok && 'refunded' in before) expect(again.fundChange).toBe(!before.refunded)
    })
  }

  test('a question is repeated by itself', async () => {
    const { outTradeNo } = await pay(client)
    await set({ kind: 'http-500', scope: 'all', times: 1 })
    await expect(client.query({ outTradeNo })).rejects.toBeInstanceOf(UnknownOutcomeError)
    await set({ kind: 'http-500', scope: 'all', times: 1 })
    expect(await patient.query({ outTradeNo })).toMatchObject({ exists: true })
  })

  for (const [kind, code] of [
    ['corrupt-sign', /SIGN/],
    ['gbk', undefined],
  ] as const) {
    test(`a notification with ${kind}`, async () => {
      const outTradeNo = newNumber()
      await set({ kind, scope: 'all', times: 1 })
      const payUrl = await client.pagePayUrl({ outTradeNo, totalAmount: 1, subject: '课程', notifyUrl: shop.url })
      await call(sandbox.url, 'POST', '/pay', { payUrl })
      const { body, contentType } = await shop.next()
      const read = await client.verifyNotification(body, contentType)
      if (code) expect(read).toMatchObject({ ok: false, code: expect.stringMatching(code) })
      else expect(read).toMatchObject({ ok: true, outTradeNo, subject: '课程' })
    })
  }
})
