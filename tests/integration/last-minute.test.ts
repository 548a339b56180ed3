/** An order in its last minutes: every method says that it is expiring, none answers with a server error. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { borrowShop } from '../harness/shared/borrow.ts'
import type { RunningSystem } from '../harness/system.ts'

let system: RunningSystem
beforeAll(async () => {
  system = await borrowShop()
})
afterAll(() => system?.stop())

test.each(['alipay', 'wechat'])('%s: the payment of an order that ends within a minute', async (payType) => {
  const buyer = await system.buyer()
  const order = { courseIds: [1], totalAmount: '39.00', payType }
  const { body } = await buyer.call<{ orderNo: string }>('POST', '/api/orders', order)
  const path = `/api/orders/${body.orderNo}/payment`
  const endsIn = (seconds: number) =>
    system.sql(
      `with o as (update orders set expires_at = now() + $2 * interval '1 second' where order_no = $1 returning id)
       update payment_attempts set link = null, link_until = null where order_id in (select id from o)`,
      [body.orderNo, seconds],
    )
  const said = async (method: 'GET' | 'POST') => {
    const answer = await buyer.call<{ code?: string }>(method, path, method === 'POST' ? {} : undefined)
    return [answer.status, answer.body.code]
  }
  expect(await said('GET')).toEqual([200, undefined])
  await endsIn(50)
  expect(await said('GET')).toEqual([409, 'ORDER_ENDS_SOON'])
  expect(await said('POST')).toEqual([409, 'ORDER_ENDS_SOON'])
  // An open attempt can still be paid until it expires; another attempt would come too late.
  await endsIn(100)
  // (WeChat Pay refuses a code with another expiry than at first; only this test causes that.)
  if (payType === 'alipay') expect(await said('GET')).toEqual([200, undefined])
  expect(await said('POST')).toEqual([409, 'ORDER_ENDS_SOON'])
  await endsIn(-1)
  expect(await said('GET')).toEqual([409, 'ORDER_NOT_PAYABLE'])
})
