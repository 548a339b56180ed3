import { createVerify } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { newPair } from '../test/alipay-side.ts'
import { canonicalString } from './canonical.ts'
import { createAlipay } from './client.ts'
import { linkMaker } from './pay-link.ts'

const app = newPair()
const client = createAlipay({
  appId: '2021000120612450',
  privateKey: app.privateKey,
  alipayPublicKey: newPair().publicKey,
  gateway: 'https://gateway.example/gateway.do',
})

function verifies(link: string): boolean {
  const parameters = new Map(new URL(link).searchParams)
  const content = canonicalString(parameters, ['sign'])
  return createVerify('RSA-SHA256')
    .update(content)
    .verify(app.publicKey, parameters.get('sign') ?? '', 'base64')
}

const address = fc.constantFrom(undefined, '', 'https://a.example/?x=1&y=学', 'https://b.example/+%20#z')
const order = fc.record({
  outTradeNo: fc.stringMatching(/^[A-Za-z0-9_]{1,64}$/),
  totalAmount: fc.integer({ min: 1, max: 10_000_000_000 }),
  subject: fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }).filter((text) => /^[^/=&]*\S[^/=&]*$/.test(text)),
  returnUrl: address,
  notifyUrl: address,
})

test('links made in sequence and concurrently, for any orders, page and phone mixed, never mix up their data', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(order, fc.boolean()), { minLength: 1, maxLength: 8 }), async (orders) => {
      const links = await Promise.all(
        orders.map(([pay, wap]) => (wap ? client.wapPayUrl(pay) : client.pagePayUrl(pay))),
      )
      for (const [index, link] of links.entries()) {
        const [pay, wap] = orders[index] ?? []
        const { searchParams } = new URL(link)
        expect(verifies(link)).toBe(true)
        expect(searchParams.get('method')).toBe(wap ? 'alipay.trade.wap.pay' : 'alipay.trade.page.pay')
        expect(searchParams.get('return_url')).toBe(pay?.returnUrl || null)
        expect(searchParams.get('notify_url')).toBe(pay?.notifyUrl || null)
        expect(JSON.parse(searchParams.get('biz_content') ?? '')).toMatchObject({ out_trade_no: pay?.outTradeNo })
      }
    }),
    { numRuns: 60 },
  )
})

test("each link has its own timestamp, not the first link's", async () => {
  let now = new Date('2026-11-23T02:12:22Z')
  const signer = { appId: '1', privateKey: app.privateKey, signType: 'RSA2', clock: () => now } as const
  const makeLink = linkMaker('https://gateway.example/gateway.do', signer)
  const first = await makeLink({ method: 'm', bizContent: '{}' })
  now = new Date('2026-11-23T16:00:01.999Z')
  const second = await makeLink({ method: 'm', bizContent: '{}' })
  expect(new URL(first).searchParams.get('timestamp')).toBe('2026-11-23 10:12:22')
  expect(new URL(second).searchParams.get('timestamp')).toBe('2026-11-24 00:00:01')
  expect([verifies(first), verifies(second)]).toEqual([true, true])
})
