/** Ordering and querying, over HTTP. */
import { createVerify } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { answering, order, query, refusing } from '../test/answers.ts'
import { APP_ID, MCH_ID, merchant, NOW, newClient, payment, thrown } from '../test/wechat-side.ts'
import { FieldError } from './errors.ts'
import { withRedirectUrl } from './order.ts'

const nowhere = newClient('http://127.0.0.1:9')

describe('ordering', () => {
  test('a QR code', async () => {
    const { client, server } = await answering({ code_url: 'weixin://wxpay/bizpayurl?pr=Ab12Cd3zz' })
    expect(await client.native({ ...order, attach: 'a' })).toEqual({
      ok: true,
      codeUrl: 'weixin://wxpay/bizpayurl?pr=Ab12Cd3zz',
    })
    expect(server.received[0]).toMatchObject({ method: 'POST', target: '/v3/pay/transactions/native' })
    expect(JSON.parse(server.received[0]?.body ?? '')).toEqual({
      appid: APP_ID,
      mchid: MCH_ID,
      description: 'TypeScript 课程',
      out_trade_no: 'ORD20260101000001',
      time_expire: '2026-01-01T12:30:00+08:00',
      attach: 'a',
      notify_url: 'https://shop.example.com/pay/wechat/notify',
      amount: { total: 19900, currency: 'CNY' },
    })
  })

  test("an address for a phone's browser, and its return address", async () => {
    const h5Url = 'https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx1&package=2'
    const { client, server } = await answering({ h5_url: h5Url })
    expect(await client.h5({ ...order, payerClientIp: '203.0.113.7' })).toEqual({ ok: true, h5Url })
    expect(JSON.parse(server.received[0]?.body ?? '')).toMatchObject({
      scene_info: { payer_client_ip: '203.0.113.7', h5_info: { type: 'Wap' } },
    })
    for (const payerClientIp of ['203.0.113.7:51234', 'unknown', '', '[2001:db8::1]', '203.0.113']) {
      await expect(client.h5({ ...order, payerClientIp })).rejects.toThrow(/payer_client_ip/)
    }
    expect(await client.h5({ ...order, payerClientIp: '2001:db8::1' })).toEqual({ ok: true, h5Url })
    expect(withRedirectUrl(h5Url, 'https://shop.example/pay/success?a=1&b=2')).toBe(
      `${h5Url}&redirect_url=https%3A%2F%2Fshop.example%2Fpay%2Fsuccess%3Fa%3D1%26b%3D2`,
    )
  })

  test("for WeChat's own browser: parameters that the merchant signed", async () => {
    const { client, server } = await answering({ prepay_id: 'wx01120000000000a1' })
    const ordered = await client.jsapi({ ...order, openid: 'oSimUser000000000000000000001' })
    if (!ordered.ok) throw new Error(ordered.code)
    expect(JSON.parse(server.received[0]?.body ?? '')).toMatchObject({
      payer: { openid: 'oSimUser000000000000000000001' },
    })
    const { appId, timeStamp, nonceStr, package: packed, signType, paySign } = ordered.parameters
    expect({ appId, timeStamp, packed, signType, prepayId: ordered.prepayId }).toEqual({
      appId: APP_ID,
      timeStamp: String(NOW.getTime() / 1000),
      packed: 'prepay_id=wx01120000000000a1',
      signType: 'RSA',
      prepayId: 'wx01120000000000a1',
    })
    const verifier = createVerify('RSA-SHA256').update(`${appId}\n${timeStamp}\n${nonceStr}\n${packed}\n`)
    expect(verifier.verify(merchant.publicKey, paySign, 'base64')).toBe(true)
  })

  test('refusals, in either spelling, with the possible next step', async () => {
    for (const code of ['ORDERPAID', 'ORDER_PAID'])
      expect(await (await refusing(400, code)).native(order)).toMatchObject({
        ok: false,
        code: 'ORDER_PAID',
        repeat: 'ask',
        status: 400,
        message: '说明',
      })
    expect(await (await refusing(403, 'OUT_TRADE_NO_USED')).native(order)).toMatchObject({ repeat: 'changed' })
    expect(await (await refusing(400, 'ORDER_CLOSED')).native(order)).toMatchObject({ repeat: 'never' })
    expect(await (await refusing(403, 'SOMETHING_NEW')).native(order)).toMatchObject({
      ok: false,
      code: 'SOMETHING_NEW',
      repeat: 'changed',
    })
  })

  test('an answer without the requested value', async () => {
    const { client } = await answering({})
    const openid = 'o'
    for (const act of [
      () => client.native(order),
      () => client.h5({ ...order, payerClientIp: '203.0.113.7' }),
      () => client.jsapi({ ...order, openid }),
    ])
      expect(await thrown(act)).toMatchObject({ name: 'UnknownOutcomeError', code: 'ANSWER_NOT_UNDERSTOOD' })
  })

  describe('fields that WeChat would refuse are refused before sending:', () => {
    const cases: Readonly<Record<string, readonly [field: string, changes: object]>> = {
      'a number of 5 characters': ['out_trade_no', { outTradeNo: 'ORD01' }],
      'a number of 33 characters': ['out_trade_no', { outTradeNo: 'A'.repeat(33) }],
      'a number with a slash': ['out_trade_no', { outTradeNo: 'ORD/20260101' }],
      'no fen': ['amount.total', { total: 0 }],
      'a fraction of a fen': ['amount.total', { total: 0.5 }],
      'no description': ['description', { description: '  ' }],
      'a description of 128 characters': ['description', { description: 'x'.repeat(128) }],
      'an attachment of 129 characters': ['attach', { attach: 'x'.repeat(129) }],
      'an address with a query': ['notify_url', { notifyUrl: 'https://shop.example/n?a=1' }],
      'no address': ['notify_url', { notifyUrl: 'shop.example' }],
      'a time in the past': ['time_expire', { timeExpire: NOW }],
      'no moment': ['time_expire', { timeExpire: new Date(Number.NaN) }],
      'a time eight days ahead': ['time_expire', { timeExpire: new Date(NOW.getTime() + 8 * 86_400_000) }],
    }
    for (const [what, [field, changes]] of Object.entries(cases)) {
      test(what, async () => {
        const error = await thrown(() => nowhere.native({ ...order, ...changes }))
        expect(error).toBeInstanceOf(FieldError)
        expect(error).toMatchObject({ code: 'INVALID_FIELD', field })
      })
    }
  })
})

describe('asking', () => {
  test('paid, by either number', async () => {
    const { client, server } = await answering(payment())
    const trade = await client.query(query)
    expect(trade).toMatchObject({
      exists: true,
      tradeState: 'SUCCESS',
      total: 19900,
      payerTotal: 19900,
      transactionId: '4200002300202601011234567890',
      successTime: new Date('2026-01-01T04:05:30Z'),
      mchId: MCH_ID,
      appId: APP_ID,
    })
    expect(await client.query({ transactionId: '4200002300202601011234567890' })).toEqual(trade)
    expect(server.received.map(({ target }) => target)).toEqual([
      '/v3/pay/transactions/out-trade-no/ORD20260101000001?mchid=1900000001',
      '/v3/pay/transactions/id/4200002300202601011234567890?mchid=1900000001',
    ])
  })

  test('not paid yet', async () => {
    const { client } = await answering({
      amount: { payer_currency: 'CNY', total: 19900 },
      appid: APP_ID,
      mchid: MCH_ID,
      out_trade_no: 'ORD20260101000001',
      promotion_detail: [],
      scene_info: { device_id: '' },
      trade_state: 'NOTPAY',
      trade_state_desc: '订单未支付',
    })
    expect(await client.query(query)).toMatchObject({
      exists: true,
      tradeState: 'NOTPAY',
      transactionId: undefined,
      successTime: undefined,
      total: 19900,
    })
  })

  test('a number with special characters is sent exactly as it is signed', async () => {
    const { client, server } = await answering(payment({ out_trade_no: 'A|B*C_D-E' }))
    expect(await client.query({ outTradeNo: 'A|B*C_D-E' })).toMatchObject({ exists: true })
    expect(server.received[0]?.target).toBe('/v3/pay/transactions/out-trade-no/A%7CB*C_D-E?mchid=1900000001')
  })

  test('no such order', async () => {
    for (const code of ['ORDER_NOT_EXIST', 'ORDERNOTEXIST'])
      expect(await (await refusing(404, code)).query(query)).toEqual({ exists: false })
  })

  test('what only looks like a missing order', async () => {
    for (const [status, code] of [
      [404, 'MCH_NOT_EXISTS'],
      [400, 'ORDER_NOT_EXIST'],
    ] as const)
      expect(await thrown(async () => (await refusing(status, code)).query(query))).toMatchObject({
        name: 'GatewayRefusedError',
        code,
      })
  })

  test('an answer about another order or merchant', async () => {
    for (const changes of [{ out_trade_no: 'ORD20260101000002' }, { mchid: '1900000002' }]) {
      const { client } = await answering(payment(changes))
      expect(await thrown(() => client.query(query))).toMatchObject({
        name: 'UnknownOutcomeError',
        code: 'ANSWER_ABOUT_ANOTHER',
      })
    }
  })

  test('an answer that is not understood', async () => {
    for (const changes of [
      { trade_state: 'NEW' },
      { amount: {} },
      { transaction_id: '' },
      { amount: { total: 1, currency: 'HKD' } },
    ]) {
      const { client } = await answering(payment(changes))
      expect(await thrown(() => client.query(query))).toMatchObject({ code: 'ANSWER_NOT_UNDERSTOOD' })
    }
  })

  test('without a number', async () => {
    expect(await thrown(() => nowhere.query({}))).toBeInstanceOf(FieldError)
    expect(await thrown(() => nowhere.query({ transactionId: '42/00' }))).toBeInstanceOf(FieldError)
  })
})
