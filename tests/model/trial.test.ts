/**
 * A trial payment behaves like a buyer's payment: with the address it is started from, and the product for that device.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findProvider } from '../../apps/shop/src/payments/payments.ts'
import { advanceTrial } from '../../apps/shop/src/payments/trials/steps.ts'
import { startTrial } from '../../apps/shop/src/payments/trials/trials.ts'
import { isPublicAddress } from '../../apps/shop/src/public-address.ts'
import { type Harness, openHarness } from './harness.ts'

let harness: Harness
beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness.close())

test('a phone trial needs a public address if phones have a product of their own, and its order names that address', async () => {
  const ordered: string[] = []
  const real = findProvider(harness.payments, 'wechat')
  const payments = {
    ...harness.payments,
    providers: new Map(harness.payments.providers).set('wechat', {
      ...real,
      channelFor: ({ device, address }) => (device === 'phone' && isPublicAddress(address) ? 'h5' : 'native'),
      links: {
        signed: 'at the gateway',
        request: async ({ channel }, { address }) => {
          ordered.push(`${channel} ${address}`)
          return { link: { payUrl: 'https://pay.example/' }, until: new Date('9999-01-01') }
        },
      },
    }),
  }
  const userId = await harness.newBuyer()
  const start = (device: 'computer' | 'phone', address: string) =>
    payments.db
      .transaction()
      .execute((tx) => startTrial(tx, payments, { payType: 'wechat', client: { device, address }, userId }))
  await expect(start('phone', '10.0.0.8')).rejects.toMatchObject({ code: 'TRIAL_FROM_PRIVATE_NETWORK' })
  for (const [device, address] of [
    ['phone', '198.51.100.9'],
    ['computer', '10.0.0.8'],
  ] as const) {
    const number = await start(device, address)
    const { id } = await payments.db
      .selectFrom('trial_payments')
      .select('id')
      .where('attempt_no', '=', number)
      .executeTakeFirstOrThrow()
    await advanceTrial(payments, id)
  }
  expect(ordered).toEqual(['h5 198.51.100.9', 'native 10.0.0.8'])
})
