/** Two hundred buyers at once. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type System, startSystem, until } from '../../harness/system.ts'

let system: System
beforeAll(async () => {
  system = await startSystem()
})
afterAll(() => system.stop())

test('200 buyers at once: 200 orders paid, 200 accesses, and the takings are the sum of the paid orders', async () => {
  const buyers = await Promise.all(Array.from({ length: 200 }, () => system.buyer()))
  const courses = [
    { ids: [1], price: '39.00' },
    { ids: [2], price: '49.00' },
    { ids: [3], price: '50.00' },
  ]
  const orders = await Promise.all(
    buyers.map(async (buyer, index) => {
      const { ids, price } = courses[index % 3] ?? { ids: [1], price: '39.00' }
      const { status, body } = await buyer.buy(ids, price)
      expect(status).toBe(201)
      await system.sandbox.pay(body.payUrl)
      return { buyer, orderNo: body.orderNo }
    }),
  )
  const count = async () =>
    (await system.sql<{ n: number }>(`select count(*)::int as n from orders where status = 'paid'`))[0]?.n
  await until(count, (n) => n === 200)
  expect(orders).toHaveLength(200)
  const [books] = await system.sql(`select
    (select count(*)::int from orders where status = 'paid') as paid,
    (select count(*)::int from enrolments) as accesses,
    (select count(distinct (user_id, course_id))::int from enrolments) as distinct_accesses,
    (select count(*)::int from order_payments) as payments,
    (select sum(total_fen)::bigint::text from orders where status = 'paid') as fen`)
  expect(books).toMatchObject({ paid: 200, accesses: 200, distinct_accesses: 200, payments: 200 })
  const summary = await system.sandbox.get<{ items: { appId: string; paidCount: number; paidAmount: string }[] }>(
    '/summary',
  )
  const takings = summary.items.find(({ appId }) => appId === '9021000100000001')
  expect(takings?.paidCount).toBe(200)
  expect(takings?.paidAmount.replace('.', '')).toBe(books?.['fen'])
})
