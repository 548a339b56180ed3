/** Access to a course has sources: an order, an import, staff. It ends only when none of them is left. */
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createEncryption } from '../../apps/shop/src/encryption.ts'
import { owns } from '../../apps/shop/src/enrolments/access.ts'
import { grantCourse, revokeByStaff } from '../../apps/shop/src/enrolments/by-staff.ts'
import { stepImport } from '../../apps/shop/src/enrolments/imports/run.ts'
import { planRefund } from '../../apps/shop/src/payments/refunds/create.ts'
import { type Harness, openHarness, placeOrder, settleDown } from './harness.ts'

let harness: Harness
let userId: number
let importId: number

beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness?.close())
beforeEach(async () => {
  userId = await harness.newBuyer()
  const { rows } = await harness.connection.pool.query<{ id: number }>(
    `insert into imports (file_name, uploaded_by, uploaded_at, status, problems, problem_count, row_count, new_accounts,
       new_grants) values ('students.csv', $1, now(), 'running', '[]', 0, 2, 0, 2) returning id`,
    [userId],
  )
  importId = rows[0]?.id ?? 0
})

async function bought(courseIds: number[]) {
  const order = await placeOrder(harness, userId, courseIds)
  for (const action of ['open the link', 'pay', 'query'] as const) expect(await order.do(action)).toBe('done')
  return order
}
const grant = (courseId: number) =>
  harness.payments.db
    .transaction()
    .execute((tx) => grantCourse(tx, { userId, courseId, importId, now: harness.payments.clock() }))
const has = (courseId: number) => owns(harness.payments.db, userId, courseId)

test('a course that was imported for somebody who had bought it outlives the refund', async () => {
  const order = await bought([1, 2])
  expect([await grant(1), await grant(1)]).toEqual([false, false])
  const plan = await planRefund(harness.payments.db, order.orderId, [{ courseId: 1 }, { courseId: 2 }])
  expect(plan.lines.map(({ takesAccess }) => takesAccess)).toEqual([false, true])
  await order.do('refund all')
  await settleDown(harness, [order])
  expect([await has(1), await has(2)]).toEqual([true, false])
  // Bought again for somebody who has it: not sold twice.
  await expect(placeOrder(harness, userId, [1])).rejects.toMatchObject({ code: 'COURSE_ALREADY_OWNED' })
})

test('an import at the moment of the refund is not lost, in either order', async () => {
  for (let time = 0; time < 8; time += 1) {
    userId = await harness.newBuyer()
    const order = await bought([1])
    await order.do('refund all')
    await Promise.all([settleDown(harness, [order]), grant(1), order.do('send refunds')])
    expect(await has(1)).toBe(true)
  }
})

test('access that staff take away is gone, with every source of it', async () => {
  const order = await bought([1])
  await grant(1)
  const now = harness.payments.clock()
  const revoke = { userId, courseId: 1, staffId: userId, reason: 'asked to', now }
  await harness.payments.db.transaction().execute((tx) => revokeByStaff(tx, revoke))
  await order.do('refund all')
  await settleDown(harness, [order])
  expect(await has(1)).toBe(false)
})

test('an import and a payment of the same courses do not wait for each other', async () => {
  const { db } = harness.payments
  const { username } = await db
    .selectFrom('users')
    .select('username')
    .where('id', '=', userId)
    .executeTakeFirstOrThrow()
  for (const [line, courseId] of [
    [1, 2],
    [2, 1],
  ] as const) {
    const row = { import_id: importId, line, username, display_name: username, course_id: courseId }
    await db.insertInto('import_rows').values(row).execute()
  }
  // A payment that is being settled has taken the first of its courses.
  const settling = await harness.connection.pool.connect()
  const take = (courseId: number) =>
    settling.query(
      `insert into enrolments (user_id, course_id, granted_at, granted_by) values ($1, $2, now(), 'order')
       on conflict do nothing`,
      [userId, courseId],
    )
  await settling.query('begin')
  await take(1)
  const encryption = createEncryption('a secret of thirty-two characters')
  const running = stepImport({ db, encryption, clock: harness.payments.clock }, { importId, step: 0 })
  const ended = running.then(
    () => 'done',
    (error: unknown) => (error instanceof pg.DatabaseError ? error.code : error),
  )
  const waits = `select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
  await expect.poll(async () => (await harness.connection.pool.query(waits)).rows[0]?.n).toBe(1)
  await take(2)
  await settling.query('commit')
  settling.release()
  expect(await ended).toBe('done')
})

test('the preview of a refund does not take a request for decided', async () => {
  const order = await bought([1, 2])
  await order.do('request a refund')
  const plan = await planRefund(harness.payments.db, order.orderId, [{ courseId: 2 }])
  expect(plan).toMatchObject({ orderAfter: 'partially_refunded', lines: [{ courseId: 2, takesAccess: true }] })
  await order.do('approve')
  const rest = await planRefund(harness.payments.db, order.orderId, [{ courseId: 2 }])
  expect(rest).toMatchObject({ orderAfter: 'refunded' })
})
