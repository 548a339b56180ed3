/** Merchants that are no longer in use, and certificate mode. */
import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { until } from '../../harness/system.ts'
import { appOf, enter, merchant, owner, paid, type Settings, settings, system } from './rig.ts'

test('payments opened with a retired merchant are settled, queried and refunded there', async () => {
  const buyer = await system.buyer()
  const before = (await buyer.buy([2], '49.00')).body
  const late = await system.buyer()
  const unseen = (await late.buy([2], '49.00')).body
  const next = await merchant()
  expect((await enter(next.values)).body.stored).toBe(true)
  await until(
    async () => appOf((await (await system.buyer()).buy([1], '39.00')).body.payUrl),
    (app) => app === next.appId,
  )

  // With and without a notification.
  await system.sandbox.pay(before.payUrl)
  await paid(buyer, before.orderNo)
  await system.sandbox.notifications(false)
  await system.sandbox.pay(unseen.payUrl)
  await late.call('POST', `/api/orders/${unseen.orderNo}/ask`)
  await paid(late, unseen.orderNo)
  await system.sandbox.notifications(true)

  const lines = [{ courseId: 2, amount: '49.00' }]
  const refund = { lines, amount: '49.00', reason: '与买家商定' }
  expect((await owner.call('POST', `/api/admin/orders/${before.orderNo}/refunds`, refund)).status).toBeLessThan(300)
  await until(
    () => buyer.order(before.orderNo),
    ({ status }) => status === 'refunded',
  )
  expect((await system.sandbox.trades(before.orderNo))[0]?.refundedAmount).toBe('49.00')
})

test('after removal the sandbox’s merchant is used again; retired settings are kept until they are forgotten', async () => {
  expect((await enter((await merchant()).values)).body.stored).toBe(true)
  const { status, body } = await owner.call<Settings>('POST', '/api/admin/payment-settings/alipay/remove')
  expect(status).toBe(200)
  expect(body.source).toBe('sandbox')
  expect(body.entered.every(({ retiredAt }) => retiredAt !== null)).toBe(true)
  expect((await owner.call('POST', '/api/admin/payment-settings/alipay/remove')).status).toBe(404)
  const { id } = body.entered[0] ?? { id: 0 }
  await owner.call('POST', `/api/admin/payment-settings/former/${id}/forget`)
  expect((await settings())?.entered.map((each) => each.id)).not.toContain(id)
  await until(
    async () => appOf((await (await system.buyer()).buy([1], '39.00')).body.payUrl),
    (app) => app === '9021000100000001',
  )
})

test('certificate mode takes three files in place of one key, and refuses them mixed up', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const made = await system.sandbox.send<{
    appId: string
    sellerId: string
    certificates: { appCert: string; alipayCert: string; rootCert: string }
  }>('POST', '/merchants', {
    name: 'certificates',
    keyMode: 'cert',
    appPublicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  })
  const { appCert, alipayCert, rootCert } = made.certificates
  const values = {
    ALIPAY_APP_ID: made.appId,
    ALIPAY_SELLER_ID: made.sellerId,
    ALIPAY_GATEWAY: `${system.sandboxUrl}/gateway.do`,
    ALIPAY_PRIVATE_KEY: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    ALIPAY_APP_CERT: appCert,
    ALIPAY_ALIPAY_CERT: alipayCert,
    ALIPAY_ROOT_CERT: rootCert,
  }
  const missing = await enter({ ...values, ALIPAY_ROOT_CERT: '' })
  expect(missing.status).toBe(422)
  const mixed = await enter({ ...values, ALIPAY_ALIPAY_CERT: appCert })
  expect(mixed.body).toMatchObject({ stored: false, blocked: 'keys' })
  const torn = await enter({ ...values, ALIPAY_APP_CERT: alipayCert })
  expect(torn.status === 422 || torn.body.blocked === 'keys', JSON.stringify(torn.body)).toBe(true)

  expect((await enter(values)).body).toMatchObject({ stored: true, settings: { source: 'entered' } })
  const buyer = await system.buyer()
  await until(
    async () => appOf((await (await system.buyer()).buy([1], '39.00')).body.payUrl),
    (app) => app === made.appId,
  )
  const order = (await buyer.buy([3], '50.00')).body
  await system.sandbox.pay(order.payUrl)
  await paid(buyer, order.orderNo)
})
