/** The other method, and another application of the same merchant. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import type { ShopApi } from '../../harness/shop-api.ts'
import { until } from '../../harness/system.ts'
import { type Outcome, owner, paid, system } from './rig.ts'

test('the other method’s keys are entered the same way; its secret is not shown either', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const serialNo = '5857554348454E4700000000000000000000ABCD'
  const secret = randomBytes(16).toString('hex')
  const mchId = '1900000077'
  const appId = 'wx00000000000000ab'
  const made = await system.sandbox.send<{ publicKeyId: string; publicKey: string }>(
    'PUT',
    `/wechat/merchants/${mchId}`,
    {
      name: 'entered',
      appId,
      serialNo,
      publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
      apiV3Key: secret,
      keyMode: 'public-key',
    },
  )
  const values = {
    WECHATPAY_MCH_ID: mchId,
    WECHATPAY_APP_ID: appId,
    WECHATPAY_SERIAL_NO: serialNo,
    WECHATPAY_PRIVATE_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    WECHATPAY_API_V3_KEY: secret,
    WECHATPAY_PUBLIC_KEY_ID: made.publicKeyId,
    WECHATPAY_PUBLIC_KEY: made.publicKey,
    WECHATPAY_BASE_URL: system.sandboxUrl,
  }
  const send = (sent: object) =>
    owner.call<Outcome>('POST', '/api/admin/payment-settings/wechat', { values: sent }, { 'accept-language': 'en' })
  const own = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  expect((await send({ ...values, WECHATPAY_PUBLIC_KEY: own })).body).toMatchObject({ stored: false, blocked: 'keys' })
  const { body } = await send(values)
  expect(body).toMatchObject({ stored: true, settings: { source: 'entered' } })
  expect(JSON.stringify(body)).not.toContain(secret)

  const order = { courseIds: [1], totalAmount: '39.00', payType: 'wechat' }
  await until(
    async () => {
      const buyer = await system.buyer()
      const placed = await buyer.call<{ orderNo: string }>('POST', '/api/orders', order)
      const { items } = await system.sandbox.get<{ items: { mchId: string }[] }>(
        `/wechat/trades?outTradeNo=${placed.body.orderNo}`,
      )
      return items.map((trade) => trade.mchId)
    },
    ([at]) => at === mchId,
  )
})

test('after a change to another application of the same merchant, earlier payments are still closed and refunded', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const secret = randomBytes(16).toString('hex')
  const [mchId, serialNo] = ['1900000078', '5857554348454E4700000000000000000000ABCE']
  const use = async (appId: string) => {
    const key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
    const merchant = { name: 'entered', appId, serialNo, publicKey: key, apiV3Key: secret, keyMode: 'public-key' }
    const made = await system.sandbox.send<{ publicKeyId: string; publicKey: string }>(
      'PUT',
      `/wechat/merchants/${mchId}`,
      merchant,
    )
    const values = {
      WECHATPAY_MCH_ID: mchId,
      WECHATPAY_APP_ID: appId,
      WECHATPAY_SERIAL_NO: serialNo,
      WECHATPAY_PRIVATE_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      WECHATPAY_API_V3_KEY: secret,
      WECHATPAY_PUBLIC_KEY_ID: made.publicKeyId,
      WECHATPAY_PUBLIC_KEY: made.publicKey,
      WECHATPAY_BASE_URL: system.sandboxUrl,
    }
    const { body } = await owner.call<Outcome>('POST', '/api/admin/payment-settings/wechat', { values })
    expect(body.stored, JSON.stringify(body)).toBe(true)
    const ordered = async () => (await order(await system.buyer())).orderNo
    const noted = async () =>
      (
        await system.sql<{ merchant: string }>('select merchant from payment_attempts where attempt_no = $1', [
          await ordered(),
        ])
      ).map(({ merchant: at }) => at.endsWith(appId))
    // Two processes share the connections.
    await until(
      async () => [...(await noted()), ...(await noted()), ...(await noted())],
      (all) => all.every(Boolean),
    )
  }
  const order = async (buyer: ShopApi) =>
    (
      await buyer.call<{ orderNo: string; codeUrl: string }>('POST', '/api/orders', {
        ...{ courseIds: [1], totalAmount: '39.00', payType: 'wechat' },
      })
    ).body
  await use('wx00000000000000c1')
  const [payer, doubter] = [await system.buyer(), await system.buyer()]
  const [bought, left] = [await order(payer), await order(doubter)]
  await system.sandbox.send('POST', '/wechat/pay', { link: bought.codeUrl })
  await paid(payer, bought.orderNo)

  await use('wx00000000000000c2')
  // Paid again, the order uses the current application; the old number stays with the application that registered it.
  const again = await doubter.call<{ codeUrl: string }>('GET', `/api/orders/${left.orderNo}/payment`)
  expect([again.status, again.body.codeUrl === left.codeUrl]).toEqual([200, false])
  expect((await doubter.call('POST', `/api/orders/${left.orderNo}/cancel`)).status).toBe(200)
  await expect(system.sandbox.send('POST', '/wechat/pay', { link: left.codeUrl })).rejects.toThrow(/ 4\d\d /)
  const refund = { lines: [{ courseId: 1, amount: '39.00' }], amount: '39.00', reason: '与买家商定' }
  expect((await owner.call('POST', `/api/admin/orders/${bought.orderNo}/refunds`, refund)).status).toBe(201)
  await until(
    () => payer.order(bought.orderNo),
    ({ status }) => status === 'refunded',
  )
})
