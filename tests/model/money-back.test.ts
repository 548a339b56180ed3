/** Money that may go back by more than one way: from the list, from its order, by hand, by a request that waits. It goes once. */
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { sumUpDays } from '../../apps/shop/src/backoffice/count-days.ts'
import { grantByStaff, revokeByStaff } from '../../apps/shop/src/enrolments/by-staff.ts'
import { HEALTH_CHECKS, runCheck } from '../../apps/shop/src/health/checks.ts'
import { type Fen, toFen } from '../../apps/shop/src/money.ts'
import { receiveNotification } from '../../apps/shop/src/payments/inbox.ts'
import { providerNamed } from '../../apps/shop/src/payments/payments.ts'
import { declineRefund, sendRefundAgain } from '../../apps/shop/src/payments/refund-decisions.ts'
import { askBeforePayingBack, refundUnmatched } from '../../apps/shop/src/payments/unmatched.ts'
import { reconcileDay } from '../../apps/shop/src/reconciliation/run.ts'
import { kinds, openDays, type Paid, yuan } from './days.ts'
import { play, settleDown } from './stage.ts'

const days = openDays()
const { db, today, nextDay, paid, line, run, open, repair, orderOf, accessOf, refundsOf } = days

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error))
const outcome = (work: Promise<unknown>) => work.then(() => 'done', codeOf)
const now = () => days.stage.payments.clock()

/** A notification that its gateway has signed, with another amount. */
function lie({ attemptNo, tradeNo }: Paid, amount: Fen) {
  const body = Buffer.from(JSON.stringify({ attemptNo, tradeNo, amount, at: now().toISOString() }))
  const raw = { body, bodyBytes: body.length, contentType: '', headers: {}, address: '', receivedAt: now() }
  return receiveNotification(days.stage.payments, providerNamed(days.stage.payments, 'alipay'), raw)
}

const listed = ({ tradeNo }: Paid) =>
  db().selectFrom('unmatched_payments').selectAll().where('trade_no', '=', tradeNo).orderBy('id').execute()

/** As the desk's button does. */
async function payBackFromList(of: Paid): Promise<string> {
  const [row] = await listed(of)
  if (!row) return 'nothing is listed'
  return outcome(
    (async () => {
      const { provider, attempt_no: attemptNo, reason } = row
      await askBeforePayingBack(days.stage.payments, { provider, attemptNo, reason })
      const wanted = { id: row.id, reason: 'model', now: now() }
      await db()
        .transaction()
        .execute((tx) => refundUnmatched(tx, days.staff, wanted))
    })(),
  )
}

const goneAt = ({ attemptNo }: Paid) => [...(days.stage.gateway.trades.get(attemptNo)?.refunds.values() ?? [])]

/** The checks that name the order. */
async function ills({ order }: Paid): Promise<string[]> {
  const found = await Promise.all(
    HEALTH_CHECKS.map(async (check) => ({ name: check.name, rows: (await runCheck(db(), check)).rows })),
  )
  return found.filter(({ rows }) => rows.some((row) => row.order_no === order.orderNo)).map(({ name }) => name)
}

async function sendPatiently(of: Paid): Promise<void> {
  for (let tries = 0; tries < 5; tries += 1) {
    await of.order.do('send refunds')
    days.stage.pass(70)
  }
}

test('told of with another amount after it was settled, an order’s money is not put on the list', async () => {
  const one = await paid()
  expect(await lie(one, toFen(one.amount - 1))).toMatchObject({ accepted: false })
  expect(await listed(one)).toEqual([])
})

test('told of with another amount first, an order’s money cannot go back from the list: its order is served', async () => {
  const one = await paid([1], 'alipay', false)
  expect(await lie(one, toFen(one.amount - 1))).toMatchObject({ accepted: false })
  expect(await listed(one)).toMatchObject([{ reason: 'AMOUNT_DIFFERS', resolved_at: null }])
  expect(await payBackFromList(one)).toBe('MONEY_OF_AN_ORDER')
  await settleDown(days.stage, [])
  expect(await listed(one)).toMatchObject([{ resolution: 'settled', refund_id: null }])
  expect([(await orderOf(one)).status, await accessOf(one), goneAt(one)]).toEqual(['paid', [1], []])
})

test('what came with another amount goes back only once the gateway itself says that it came', async () => {
  const one = await paid([1], 'alipay', false)
  const trade = days.stage.gateway.trades.get(one.attemptNo)
  if (!trade) throw new Error('no trade')
  await lie(one, toFen(one.amount - 1))
  trade.state = 'waiting'
  expect(await payBackFromList(one)).toBe('NOT_PAID_THERE')
  Object.assign(trade, { state: 'paid', amount: toFen(one.amount - 1) })
  expect(await payBackFromList(one)).toBe('done')
  await settleDown(days.stage, [])
  expect(goneAt(one)).toEqual([one.amount - 1])
  expect([(await orderOf(one)).status, (await listed(one))[0]?.resolution]).toEqual(['unpaid', 'refunded'])
})

test('of a payment that its order does not need, what was left by hand goes back from the list', async () => {
  const order = await play(days.stage, await days.stage.newBuyer(), [1])
  expect(await order.do('cancel')).toBe('done')
  const trade = days.stage.gateway.trades.get(order.orderNo)
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
  await settleDown(days.stage, [])
  expect(goneAt(one).reduce((sum, each) => sum + each, 0)).toBe(one.amount)
  expect(await listed(one)).toMatchObject([{ resolution: 'refunded' }])
  expect(await ills(one)).toEqual([])
})

test('a refused refund whose money went back by hand is settled: for money of no order, and for an order’s line', async () => {
  const two = await paid()
  expect(await two.order.do('refund a line')).toBe('done')
  days.stage.gateway.mood = 'refuses refunds'
  await sendPatiently(two)
  expect(await refundsOf(two)).toMatchObject([{ status: 'refused' }])
  expect(await ills(two)).toContain('refund_refused')
  days.stage.gateway.mood = 'answers'
  days.stage.gateway.trades.get(two.attemptNo)?.refunds.set('HAND-ALL', two.amount)
  const day = today()
  nextDay()
  const bill = [line(two, 'payment', two.amount), line(two, 'refund', two.amount, 'HAND-ALL')]
  expect(await repair((await run(day, bill))[0], 'record')).toBe('done')
  expect([(await orderOf(two)).status, await ills(two)]).toEqual(['refunded', []])
})

test('what was paid back by hand while its buyer’s request waits is not taken for another course', async () => {
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
  expect(await one.order.do('ask for a refund')).toBe('done')
  days.stage.gateway.trades.get(one.attemptNo)?.refunds.set('HAND-ASKED', asked.price_fen)
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
  // Two lines of one price: nobody can know which, so no access goes.
  expect(await repair(missing, 'record')).toBe('done')
  expect(lines).toEqual([{ course_id: asked.id }])
  expect(await accessOf(one)).toEqual([asked.id, kept.id].sort((left, right) => left - right))
  expect((await orderOf(one)).status).toBe('partially_refunded')
})

test('access that staff give back while a refund is only asked for ends with the order’s refund', async () => {
  const one = await paid()
  const by = { userId: one.order.userId, courseId: 1, staffId: days.staff.user.id, reason: 'model', now: now() }
  const inTransaction = <Result>(work: Parameters<ReturnType<ReturnType<typeof db>['transaction']>['execute']>[0]) =>
    db().transaction().execute(work) as Promise<Result>
  await inTransaction((tx) => revokeByStaff(tx, by))
  expect(await one.order.do('ask for a refund')).toBe('done')
  expect(await inTransaction((tx) => grantByStaff(tx, by))).toMatchObject({ orderNo: one.order.orderNo })
  expect(await one.order.do('decline')).toBe('done')
  expect(await one.order.do('refund all')).toBe('done')
  await settleDown(days.stage, [])
  const left = await db()
    .selectFrom('enrolments')
    .select('course_id')
    .where('user_id', '=', one.order.userId)
    .where('revoked_at', 'is', null)
    .execute()
  expect([(await orderOf(one)).status, left]).toEqual(['refunded', []])
})

test('a refund that is made good days later is on the dashboard once, on the day that it was made', async () => {
  const one = await paid()
  expect(await one.order.do('refund a line')).toBe('done')
  expect(await one.order.do('send refunds')).toBe('done')
  const day = today()
  await sumUpDays(db(), now())
  days.stage.gateway.trades.get(one.attemptNo)?.refunds.clear()
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

test('a payment of a day’s last minutes that is settled by hand is missing from no later bill', async () => {
  days.stage.pass(11 * 3600 + 55 * 60)
  const one = await paid([1], 'alipay', false)
  const day = today()
  days.stage.pass(10 * 3600)
  const found = await run(day, [line(one, 'payment', one.amount)])
  expect(kinds(found)).toEqual(['PAID_THERE_UNPAID_HERE'])
  expect(await repair(found[0], 'settle')).toBe('done')
  const next = today()
  nextDay()
  expect(kinds(await run(next, []))).toEqual([])
})

test('a run that had read the books before a repair leaves that repair as it is', async () => {
  const one = await paid([1], 'alipay', false)
  const day = today()
  nextDay()
  const bill = [line(one, 'payment', one.amount)]
  const [difference] = await run(day, bill)
  const two = await paid()
  days.stage.gateway.bills.set(`alipay ${day}`, [...bill, line(two, 'payment', two.amount)])
  const { pool } = days.stage.connection
  const [beforeBooks, beforeEnd] = [await pool.connect(), await pool.connect()]
  try {
    for (const client of [beforeBooks, beforeEnd]) await client.query('begin')
    await beforeBooks.query('select 1 from payment_attempts where attempt_no = $1 for update', [two.attemptNo])
    const running = reconcileDay(days.stage.payments, { provider: 'alipay', day })
    await heldUp('update "payment_attempts"')
    await beforeEnd.query(`select 1 from reconciliations where provider = 'alipay' and day = $1 for update`, [day])
    await beforeBooks.query('rollback')
    await heldUp('update "reconciliations"')
    expect(await repair(difference, 'settle')).toBe('done')
    await beforeEnd.query('rollback')
    expect(await running).toBe('done')
  } finally {
    beforeBooks.release()
    beforeEnd.release()
  }
  expect((await open(day)).filter(({ trade_no }) => trade_no === one.tradeNo)).toEqual([])
})

/** Waits until a statement that begins like this waits for a lock. */
async function heldUp(beginning: string): Promise<void> {
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
