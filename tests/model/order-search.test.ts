/** A search by course title compares a limited number of titles and says so when there are more. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findOrders } from '../../apps/shop/src/back-office/orders/find.ts'
import { type Harness, openHarness } from './harness.ts'

let harness: Harness
beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())

test('orders of the newest courses are found by title; the answer says that older titles were not compared', async () => {
  const { db } = harness.payments
  const { rows } = await harness.connection.pool.query<{ id: string; title: string }>(
    'select id, title from courses order by id desc',
  )
  const [newest, oldest] = [rows[0], rows.at(-1)]
  if (!newest || !oldest) throw new Error('there are no courses')
  const userId = await harness.newBuyer()
  await harness.asOwner(`
    with placed as (
      insert into orders (order_no, user_id, subject, status, total_fen, pay_type, course_ids, created_at, expires_at, closed_at)
      select lpad(n::text, 32, '0'), ${userId}, 'x', 'expired', 100, 'alipay', array[n], now(), now(), now()
      from unnest(array[${newest.id}, ${oldest.id}]) n returning id, course_ids)
    insert into order_lines (order_id, position, course_id, course_title, price_fen)
    select id, 0, course_ids[1], 'x', 100 from placed`)
  const found = (title: string, compared?: number) => findOrders(db, { q: title }, 10, undefined, compared)

  expect(await found(newest.title)).toMatchObject({ ids: { length: 1 }, tooMany: false })
  expect(await found(oldest.title)).toMatchObject({ ids: { length: 1 }, tooMany: false })
  expect(await found(newest.title, 1)).toMatchObject({ ids: { length: 1 }, tooMany: true })
  expect(await found(oldest.title, 1)).toMatchObject({ ids: { length: 0 }, tooMany: true })
})
