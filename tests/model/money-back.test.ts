/**
 * Money that could be refunded in several ways: from the list, from its order, by hand, by a pending request. It must
 * go once.
 */
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { grantByStaff, revokeByStaff } from '../../apps/shop/src/enrolments/by-staff.ts'
import { HEALTH_CHECKS, runCheck } from '../../apps/shop/src/health/checks.ts'
import { type Fen, toFen } from '../../apps/shop/src/money.ts'
import { queryBeforeRefund } from '../../apps/shop/src/payments/gateway-sync/query.ts'
import { receiveNotification } from '../../apps/shop/src/payments/notifications/inbox.ts'
import { findProvider } from '../../apps/shop/src/payments/payments.ts'
import { declineRefund, sendRefundAgain } from '../../apps/shop/src/payments/refunds/decisions.ts'
import { refundUnmatched } from '../../apps/shop/src/payments/settlement/unmatched.ts'
import { reconcileDay } from '../../apps/shop/src/reconciliation/run.ts'
import { sumUpDays } from '../../apps/shop/src/reconciliation/sales-days.ts'
import { kinds, openDays, type Paid, yuan } from './days.ts'
import { placeOrder, settleDown } from './harness.ts'

const days = openDays()
const { db, today, nextDay, paid, line, run, open, repair, orderOf, accessOf, refundsOf } = days

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error))
const outcome = (work: Promise<unknown>) => work.then(() => 'done', codeOf)
const now = () => days.harness.payments.clock()

/** A notification that its gateway has signed, with another amount. */
function lie({ attemptNo, tradeNo }: Paid, amount: Fen) {
  const body = Buffer.from(JSON.stringify({ attemptNo, tradeNo, amount, at: now().toISOString() }))
  const raw = { body, bodyBytes: body.length, contentType: '', headers: {}, address: '', receivedAt: now() }
  return receiveNotification(days.harness.payments, findProvider(days.harness.payments, 'alipay'), raw)
}

const listed = ({ tradeNo }: Paid) =>
  db().selectFrom('unmatched_payments').selectAll().where('trade_no', '=', tradeNo).orderBy('id').execute()

/** Refunds from the list, like the back office's button. */
async function payBackFromList(of: Paid): Promise<string> {
  const [row] = await listed(of)
  if (!row) return 'nothing is listed'
  return outcome(
    (async () => {
      const { provider, attempt_no: attemptNo, reason } = row
      await queryBeforeRefund(days.harness.payments, { provider, attemptNo, reason })
      await db()
        .transaction()
        .execute((tx) => refundUnmatched({ tx, staff: days.staff, now: now() }, { id: row.id, note: 'model' }))
    })(),
  )
}

const goneAt = ({ attemptNo }: Paid) => [...(days.harness.gateway.trades.get(attemptNo)?.refunds.values() ?? [])]

/** The health checks that name the order. */
async function ills({ order }: Paid): Promise<string[]> {
  const found = await Promise.all(
    HEALTH_CHECKS.map(async (check) => ({ name: check.name, rows: (await runCheck(db(), check)).rows })),
  )
  return found.filter(({ rows }) => rows.some((row) => row.order_no === order.orderNo)).map(({ name }) => name)
}

async function sendPatiently(of: Paid): Promise<void> {
  for (let tries = 0; tries < 5; tries += 1) {
    await of.order.do('send refunds')
    days.harness.pass(70)
  }
}

test('a settled payment notified again with another amount is not listed', async () => {
  const one = await paid()
  expect(await lie(one, toFen(one.amount - 1))).toMatchObject({ accepted: false })
  expect(await listed(one)).toEqual([])
})

test('a payment first notified with another amount cannot be refunded from the list: its order is settled', async () => {
  const one = await paid([1], 'alipay', false)
  expect(await lie(one, toFen(one.amount - 1))).toMatchObject({ accepted: false })
  expect(await listed(one)).toMatchObject([{ reason: 'AMOUNT_DIFFERS', resolved_at: null }])
  expect(await payBackFromList(one)).toBe('MONEY_OF_AN_ORDER')
  await settleDown(days.harness, [])
  expect(await listed(one)).toMatchObject([{ resolution: 'settled', refund_id: null }])
  expect([(await orderOf(one)).status, await accessOf(one), goneAt(one)]).toEqual(['paid', [1], []])
})

test('a payment with another amount is refunded only once the gateway confirms it', async () => {
  const one = await paid([1], 'alipay', false)
  const trade = days.harness.gateway.trades.get(one.attemptNo)
  if (!trade) throw new Error('no trade')
  await lie(one, toFen(one.amount - 1))
  trade.state = 'waiting'
  expect(await payBackFromList(one)).toBe('NOT_PAID_THERE')
  Object.assign(trade, { state: 'paid', amount: toFen(one.amount - 1) })
  expect(await payBackFromList(one)).toBe('done')
  await settleDown(days.harness, [])
  expect(goneAt(one)).toEqual([one.amount - 1])
  expect([(await orderOf(one)).status, (await listed(one))[0]?.resolution]).toEqual(['unpaid', 'refunded'])
})

test('of a payment that its order does not need, the remainder of a manual refund is refunded from the list', async () => {
  const order = await placeOrder(days.harness, await days.harness.newBuyer(), [1])
  expect(await order.do('cancel')).toBe('done')
  const trade = days.harness.gateway.trades.get(order.orderNo)
  if (!trade) throw new Error('no trade')
  Object.assign(trade, { state: 'paid', paidAt: now() })
  trade.refunds.set('HAND-PART', yuan(10))
  const one: Paid = { order, attemptNo: order.orderNo, tradeNo: trade.tradeNo, amount: trade.amount }
  expect(await order.do('notify')).toBe('done')
  await sendPatiently(one)
  const [whole] = await refundsOf(one)
  expect(whole).toMatchObject({ status: 'refused', amount_fen: one.amount })
  const day = today()
  nextDay()
  const bill = [line(one, 'payment', one.amount), line(one, 'refund', yuan(10), 'HAND-PART')]
  expect(await repair((await run(day, bill))[0], 'record')).toBe('done')

  const by = { actor: 'staff', userId: days.staff.user.id } as const
  const again = { requestNo: whole?.request_no ?? '', by, now: now() }
  expect(
    await outcome(
      db()
        .transaction()
        .execute((tx) => sendRefundAgain(tx, again)),
    ),
  ).toBe('REFUND_TOO_MUCH')
  expect(await payBackFromList(one)).toBe('done')
  expect(await payBackFromList(one)).toBe('REFUND_TOO_MUCH')
  await settleDown(days.harness, [])
  expect(goneAt(one).reduce((sum, each) => sum + each, 0)).toBe(one.amount)
  expect(await listed(one)).toMatchObject([{ resolution: 'refunded' }])
  expect(await ills(one)).toEqual([])
})

test('a refused refund whose money was refunded by hand is settled: for unmatched money and for an order’s line', async () => {
  const two = await paid()
  expect(await two.order.do('refund a line')).toBe('done')
  days.harness.gateway.mood = 'refuses refunds'
  await sendPatiently(two)
  expect(await refundsOf(two)).toMatchObject([{ status: 'refused' }])
  expect(await ills(two)).toContain('refund_refused')
  days.harness.gateway.mood = 'answers'
  days.harness.gateway.trades.get(two.attemptNo)?.refunds.set('HAND-ALL', two.amount)
  const day = today()
  nextDay()
  const bill = [line(two, 'payment', two.amount), line(two, 'refund', two.amount, 'HAND-ALL')]
  expect(await repair((await run(day, bill))[0], 'record')).toBe('done')
  expect([(await orderOf(two)).status, await ills(two)]).toEqual(['refunded', []])
})

test('a manual refund while the buyer’s request waits is not attributed to another course', async () => {
  const courses = await db()
    .selectFrom('courses')
    .select(['id', 'price_fen'])
    .where('price_fen', '>', toFen(0))
    .where('status', '=', 'published')
    .orderBy('price_fen')
    .limit(2)
    .execute()
  const [asked, kept] = courses
  if (!asked || !kept) throw new Error('too few courses')
  const same = { price_fen: asked.price_fen, original_price_fen: null }
  await db().updateTable('courses').set(same).where('id', '=', kept.id).execute()
  const one = await paid([asked.id, kept.id])
  expect(await one.order.do('request a refund')).toBe('done')
  days.harness.gateway.trades.get(one.attemptNo)?.refunds.set('HAND-ASKED', asked.price_fen)
  const day = today()
  nextDay()
  const bill = [line(one, 'payment', one.amount), line(one, 'refund', asked.price_fen, 'HAND-ASKED')]
  const [missing] = await run(day, bill)
  expect(await repair(missing, 'record')).toBe('REQUEST_UNDECIDED')

  const [request] = await refundsOf(one)
  const lines = await db()
    .selectFrom('refund_lines')
    .select('course_id')
    .where('refund_id', '=', request?.id ?? 0)
    .execute()
  const by = { actor: 'staff', userId: days.staff.user.id } as const
  const decline = { requestNo: request?.request_no ?? '', by, now: now(), answer: 'paid back by hand' }
  await db()
    .transaction()
    .execute((tx) => declineRefund(tx, decline))
  // Two lines of one price: it is unknown which was refunded, so no access is revoked.
  expect(await repair(missing, 'record')).toBe('done')
  expect(lines).toEqual([{ course_id: asked.id }])
  expect(await accessOf(one)).toEqual([asked.id, kept.id].sort((left, right) => left - right))
  expect((await orderOf(one)).status).toBe('partially_refunded')
})

test('access that staff restore while a refund is only requested ends with the order’s refund', async () => {
  const one = await paid()
  const by = { userId: one.order.userId, courseId: 1, staffId: days.staff.user.id, reason: 'model', now: now() }
  const inTransaction = <Result>(work: Parameters<ReturnType<ReturnType<typeof db>['transaction']>['execute']>[0]) =>
    db().transaction().execute(work) as Promise<Result>
  await inTransaction((tx) => revokeByStaff(tx, by))
  expect(await one.order.do('request a refund')).toBe('done')
  expect(await inTransaction((tx) => grantByStaff(tx, by))).toMatchObject({ orderNo: one.order.orderNo })
  expect(await one.order.do('decline')).toBe('done')
  expect(await one.order.do('refund all')).toBe('done')
  await settleDown(days.harness, [])
  const left = await db()
    .selectFrom('enrolments')
    .select('course_id')
    .where('user_id', '=', one.order.userId)
    .where('revoked_at', 'is', null)
    .execute()
  expect([(await orderOf(one)).status, left]).toEqual(['refunded', []])
})

test('a refund resent days later is on the dashboard once, on the day it was made', async () => {
  const one = await paid()
  expect(await one.order.do('refund a line')).toBe('done')
  expect(await one.order.do('send refunds')).toBe('done')
  const day = today()
  await sumUpDays(db(), now())
  days.harness.gateway.unmake(one.attemptNo)
  nextDay()
  const [missing] = await run(day, [line(one, 'payment', one.amount)])
  for (let passed = 0; passed < 5; passed += 1) {
    await sumUpDays(db(), now())
    nextDay()
  }
  expect(await repair(missing, 'refund')).toBe('done')
  await sumUpDays(db(), now())
  const { rows } = await sql<{ day: string; back: number }>`
    select day, sum(refunds_fen)::int as back from sales_days where day >= ${day}
    group by day having sum(refunds_fen) > 0`.execute(db())
  expect(rows).toEqual([{ day: today(), back: one.amount }])
})

test('a payment of a day’s last minutes that is settled by hand is not missing from a later bill', async () => {
  days.harness.pass(11 * 3600 + 55 * 60)
  const one = await paid([1], 'alipay', false)
  const day = today()
  days.harness.pass(10 * 3600)
  const found = await run(day, [line(one, 'payment', one.amount)])
  expect(kinds(found)).toEqual(['PAID_THERE_UNPAID_HERE'])
  expect(await repair(found[0], 'settle')).toBe('done')
  const next = today()
  nextDay()
  expect(kinds(await run(next, []))).toEqual([])
})

test('a run that read the books before a repair leaves that repair unchanged', async () => {
  const one = await paid([1], 'alipay', false)
  const day = today()
  nextDay()
  const bill = [line(one, 'payment', one.amount)]
  const [difference] = await run(day, bill)
  const two = await paid()
  days.harness.gateway.bills.set(`alipay ${day}`, [...bill, line(two, 'payment', two.amount)])
  const { pool } = days.harness.connection
  const [beforeBooks, beforeEnd] = [await pool.connect(), await pool.connect()]
  try {
    for (const client of [beforeBooks, beforeEnd]) await client.query('begin')
    await beforeBooks.query('select 1 from payment_attempts where attempt_no = $1 for update', [two.attemptNo])
    const running = reconcileDay(days.harness.payments, { provider: 'alipay', day })
    await statementWaits('update "payment_attempts"')
    await beforeEnd.query(`select 1 from reconciliations where provider = 'alipay' and day = $1 for update`, [day])
    await beforeBooks.query('rollback')
    await statementWaits('update "reconciliations"')
    expect(await repair(difference, 'settle')).toBe('done')
    await beforeEnd.query('rollback')
    expect(await running).toBe('done')
  } finally {
    beforeBooks.release()
    beforeEnd.release()
  }
  expect((await open(day)).filter(({ trade_no }) => trade_no === one.tradeNo)).toEqual([])
})

/** Waits until a statement that begins like this is blocked by a lock. */
async function statementWaits(beginning: string): Promise<void> {
  await expect
    .poll(
      async () => {
        const { rows } = await sql`
          select from pg_stat_activity where wait_event_type = 'Lock' and starts_with(query, ${beginning})`.execute(
          db(),
        )
        return rows.length
      },
      { timeout: 10_000 },
    )
    .toBeGreaterThan(0)
}
