/** Our client against the sandbox: signatures, keys, encryption, bills and faults. */
import { type Alipay, GatewayRefusedError, generateKeys, UnknownOutcomeError } from '@xuecheng/alipay'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { call, type Opened, openMerchant } from './rig.ts'
import { modes, newNumber, pay, sandbox, shop, takeNotification } from './shop.ts'

test('the sandbox verifies our signatures, and we verify its signatures', async () => {
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
      // Cut between characters: half an emoji is not valid text, and would come back changed.
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

  test("with another key in place of Alipay's, no answer is trusted", async () => {
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
    test(`${kind} during a refund is an unknown outcome, which a query resolves`, async () => {
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

  test('a query is repeated by itself', async () => {
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
