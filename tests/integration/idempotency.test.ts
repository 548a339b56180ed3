/** `Idempotency-Key` on every request that creates something: a repeat gets the same answer, another body is refused, concurrent ones act once. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { borrowShop } from '../harness/shared/borrow.ts'
import type { RunningSystem } from '../harness/system.ts'

let system: RunningSystem

beforeAll(async () => {
  system = await borrowShop()
})

afterAll(() => system.stop())

interface Body {
  readonly code?: string
  readonly user?: { id: number }
  readonly orderNo?: string
  readonly payUrl?: string
}

const keyed = () => ({ 'idempotency-key': randomUUID() })

test('a repeated registration makes one account, answers each time with a session, and stores nothing of the password', async () => {
  const headers = keyed()
  const body = { username: 'once-only', password: 'a long password' }
  const register = (with_ = body) => system.client().call<Body>('POST', '/api/users', with_, headers)
  const answers = await Promise.all([register(), register(), register()])
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201])
  expect(new Set(answers.map((answer) => answer.body.user?.id)).size).toBe(1)
  expect((await register({ ...body, username: 'another' })).body.code).toBe('IDEMPOTENCY_KEY_REUSED')
  expect((await register({ ...body, password: 'another password' })).body.code).toBe('IDEMPOTENCY_KEY_REUSED')
  expect((await system.client().call<Body>('POST', '/api/users', body, keyed())).body.code).toBe('USERNAME_TAKEN')
  const kept = await system.sql<{ all: string }>('select string_agg(k::text, $1) as all from idempotency_keys k', [' '])
  expect(kept[0]?.all).not.toMatch(/password|token/)
})

test('one idempotency key makes one order and one payment attempt', async () => {
  const buyer = await system.buyer()
  const headers = keyed()
  const order = { courseIds: [1], totalAmount: '39.00', payType: 'alipay' }
  const place = (body: unknown = order) => buyer.call<Body>('POST', '/api/orders', body, headers)
  const placed = await Promise.all([place(), place(), place()])
  expect(new Set(placed.map((answer) => JSON.stringify(answer.body))).size).toBe(1)
  expect((await place({ ...order, courseIds: [2] })).status).toBe(422)

  const { orderNo } = placed[0]?.body ?? {}
  const again = keyed()
  const pay = (body?: unknown) => buyer.call<Body>('POST', `/api/orders/${orderNo}/payment`, body, again)
  const first = await pay()
  expect((await pay()).body).toEqual(first.body)
  expect((await pay({ payType: 'alipay' })).body.code).toBe('IDEMPOTENCY_KEY_REUSED')
  const attempts = await system.sql<{ n: number }>(
    'select count(*)::int as n from payment_attempts a join orders o on o.id = a.order_id where o.order_no = $1',
    [orderNo],
  )
  expect(attempts[0]?.n).toBe(2)
})

test('taking a free course: the same key for another course is refused', async () => {
  const buyer = await system.buyer()
  const free = await system.sql<{ id: number }>(
    "select id from courses where price_fen = 0 and status = 'published' order by id",
  )
  const [one, two] = free.map(({ id }) => id)
  const headers = keyed()
  const take = (id: number | undefined) => buyer.call<Body>('POST', `/api/courses/${id}/enrolment`, undefined, headers)
  expect((await Promise.all([take(one), take(one)])).map(({ status }) => status)).toEqual([204, 204])
  expect((await take(two)).body.code).toBe('IDEMPOTENCY_KEY_REUSED')
  expect(await buyer.ownedIds()).toEqual([one])
})
