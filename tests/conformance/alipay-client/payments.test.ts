/** Our client against the sandbox, in key mode and in certificate mode: it pays, queries, refunds and closes. */
import type { Alipay } from '@xuecheng/alipay'
import { beforeAll, describe, expect, test } from 'vitest'
import { call, type Merchant, openMerchant } from './rig.ts'
import { modes, newNumber, pay, sandbox, shop, takeNotification } from './shop.ts'

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
      // The cashier page logs the buyer in; paying without a balance does the same and leaves the trade waiting.
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
