/** Alipay on phones: `wap.pay` with a way back to the order; the desktop page on computers and without the contract for phones. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../../apps/shop/src/config.ts'
import { createLog } from '../../apps/shop/src/log.ts'
import { createAlipayProvider } from '../../apps/shop/src/payments/providers/alipay/provider.ts'
import { readAlipaySettings } from '../../apps/shop/src/payments/providers/alipay/settings.ts'
import { borrowShop } from '../harness/shared/borrow.ts'
import type { Checkout } from '../harness/shop-api.ts'
import type { RunningSystem } from '../harness/system.ts'

const COMPUTER = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36'
const PHONES = {
  iPhone:
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
  Android:
    'Mozilla/5.0 (Linux; Android 14; 23127PN0CC) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36',
}

let system: RunningSystem
beforeAll(async () => {
  system = await borrowShop()
})
afterAll(() => system.stop())

const linkOf = ({ payUrl }: Checkout) => {
  const { searchParams } = new URL(payUrl)
  return { method: searchParams.get('method'), content: JSON.parse(searchParams.get('biz_content') ?? '{}') }
}

test.each(Object.entries(PHONES))('%s: wap.pay, which leads back to the order, and settles', async (_name, agent) => {
  const buyer = await system.buyer()
  const { status, body } = await buyer.buy([1], '39.00', { 'user-agent': agent })
  expect(status).toBe(201)
  expect(linkOf(body)).toMatchObject({
    method: 'alipay.trade.wap.pay',
    content: {
      product_code: 'QUICK_WAP_WAY',
      quit_url: `${system.shopUrl}/orders/${body.orderNo}`,
      total_amount: '39.00',
    },
  })
  await system.sandbox.notifications(false)
  const { returnUrl } = await system.sandbox.pay(body.payUrl)
  const returned = Object.fromEntries(new URL(returnUrl).searchParams)
  expect(returned['method']).toBe('alipay.trade.wap.pay.return')
  const settled = await buyer.call<{ status: string }>('POST', '/api/payments/alipay/return', returned)
  await system.sandbox.notifications(true)
  expect(settled.body.status).toBe('paid')
  expect(await buyer.ownedIds()).toEqual([1])
})

test('a computer gets the desktop page; the same order continued on a phone gets a link for phones', async () => {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00', { 'user-agent': COMPUTER })
  expect(linkOf(body)).toMatchObject({ method: 'alipay.trade.page.pay' })
  expect(linkOf(body).content).not.toHaveProperty('quit_url')
  const path = `/api/orders/${body.orderNo}/payment`
  const onPhone = await buyer.call<Checkout>('POST', path, {}, { 'user-agent': PHONES.iPhone })
  expect(linkOf(onPhone.body)).toMatchObject({ method: 'alipay.trade.wap.pay' })
  await system.sandbox.pay(onPhone.body.payUrl)
  await expect.poll(async () => (await buyer.order(body.orderNo)).status).toBe('paid')
})

test('a shop without the contract for phones gives them the desktop page', () => {
  const open = (environment: Record<string, string>) => {
    const place = { DATA_DIR: system.dataDir, SANDBOX_PORT: new URL(system.sandboxUrl).port }
    const config = readConfig({ ...place, ...environment }, () => false)
    const settings = readAlipaySettings(config)
    if (!settings) throw new Error('the sandbox has no merchant')
    return createAlipayProvider(settings, () => new Date(), createLog('silent', 'test'))
  }
  const phone = { device: 'phone', address: '' } as const
  expect(open({}).channelFor(phone)).toBe('wap')
  expect(open({ ALIPAY_WAP: 'off' }).channelFor(phone)).toBe('page')
})
