/** Days against their bills, and the repairs, over a gateway in memory: what each does to the books, and what it must never do. */
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Staff } from '../../apps/shop/src/accounts/desk.ts'
import { readRows } from '../../apps/shop/src/backoffice/orders.ts'
import { type Fen, formatYuan, toFen } from '../../apps/shop/src/money.ts'
import { readOrder } from '../../apps/shop/src/orders/read.ts'
import type { BillLine } from '../../apps/shop/src/payments/providers/provider.ts'
import { planRefund, refundLines } from '../../apps/shop/src/payments/refunds.ts'
import { refundUnmatched } from '../../apps/shop/src/payments/unmatched.ts'
import { reconcileDueDays, reconcileWanted } from '../../apps/shop/src/reconciliation/daily.ts'
import { dayOf, midnight } from '../../apps/shop/src/reconciliation/days.ts'
import { readDay } from '../../apps/shop/src/reconciliation/read.ts'
import { type Repair, repairDifference } from '../../apps/shop/src/reconciliation/repair.ts'
import { reconcileDay, requestDay } from '../../apps/shop/src/reconciliation/run.ts'
import { METHODS } from './gateway.ts'
import { openStage, type Play, play, type Stage, settleDown } from './stage.ts'

let stage: Stage
let staff: Staff

beforeAll(async () => {
  stage = await openStage()
  const user = { id: await stage.newBuyer(), username: 'model1', displayName: 'model', role: 'owner' }
  staff = { user: user as Staff['user'], sessionId: '', address: '127.0.0.1' }
}, 60_000)

afterAll(() => stage.close())

// Each test has its own days, and begins at noon of the first: none of it meets a midnight by chance.
beforeEach(() => {
  const noon = midnight(today()).getTime() + (10 * 24 + 12) * 3_600_000
  stage.pass((noon - stage.payments.clock().getTime()) / 1000)
})

const db = () => stage.payments.db
const today = () => dayOf(stage.payments.clock())
const nextDay = () => stage.pass(86_400)
const yuan = (amount: number) => toFen(Math.round(amount * 100))

interface Paid {
  readonly order: Play
  readonly attemptNo: string
  readonly tradeNo: string
  readonly amount: Fen
}

async function paid(courseIds: number[] = [1], payType = 'alipay'): Promise<Paid> {
  const order = await play(stage, await stage.newBuyer(), courseIds, payType)
  expect(await order.do('pay')).toBe('done')
  expect(await order.do('notify')).toBe('done')
  const [attempt] = await db()
    .selectFrom('payment_attempts')
    .select(['attempt_no', 'trade_no', 'amount_fen'])
    .where('order_id', '=', order.orderId)
    .execute()
  if (!attempt?.trade_no) throw new Error('not paid')
  return { order, attemptNo: attempt.attempt_no, tradeNo: attempt.trade_no, amount: attempt.amount_fen }
}

const line = (of: Paid, kind: 'payment' | 'refund', amount: Fen, requestNo = ''): BillLine => ({
  ...{ kind, tradeNo: of.tradeNo, attemptNo: of.attemptNo, requestNo, amount, fee: 0 },
  at: stage.payments.clock(),
})

async function run(day: string, lines: readonly BillLine[], provider = 'alipay') {
  stage.gateway.bills.set(`${provider} ${day}`, lines)
  expect(await reconcileDay(stage.payments, { provider, day })).toBe('done')
  return open(day, provider)
}

const open = (day: string, provider = 'alipay') =>
  db()
    .selectFrom('reconciliation_differences')
    .selectAll()
    .where('provider', '=', provider)
    .where('day', '=', day)
    .where('gone_at', 'is', null)
    .where('repaired_at', 'is', null)
    .orderBy('id')
    .execute()

const kinds = (rows: readonly { kind: string }[]) => rows.map(({ kind }) => kind)

async function repair(row: { id: number } | undefined, how: Repair): Promise<string> {
  if (!row) throw new Error('there is no difference')
  try {
    await repairDifference(stage.payments, staff, { id: row.id, repair: how, note: 'model' }, (_, work) => work())
    return 'done'
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}

const orderOf = ({ order }: Paid) =>
  db().selectFrom('orders').selectAll().where('id', '=', order.orderId).executeTakeFirstOrThrow()
const accessOf = async ({ order }: Paid) =>
  (
    await db()
      .selectFrom('enrolments')
      .select('course_id')
      .where('order_id', '=', order.orderId)
      .where('revoked_at', 'is', null)
      .orderBy('course_id')
      .execute()
  ).map((row) => row.course_id)
const refundsOf = ({ order }: Paid) =>
  db().selectFrom('refunds').selectAll().where('order_id', '=', order.orderId).orderBy('id').execute()

test('a refund made by hand and recorded a day later stands in the bill of its own day, and is missing from no other', async () => {
  const one = await paid()
  const day = today()
  const bill = [line(one, 'payment', one.amount), line(one, 'refund', one.amount, 'HAND-3')]
  nextDay()
  const found = await run(day, bill)
  expect(kinds(found)).toEqual(['REFUND_MISSING_HERE'])
  expect(await repair(found[0], 'record')).toBe('done')
  const recordedOn = today()
  nextDay()
  expect(kinds(await run(recordedOn, []))).toEqual([])
  expect(kinds(await run(day, bill))).toEqual([])
  expect(await refundsOf(one)).toMatchObject([{ request_no: 'HAND-3', billed_on: day, status: 'succeeded' }])
})

test('a refund by hand that its gateway has only accepted is not recorded before it is made', async () => {
  const one = await paid([1], 'wechat')
  const day = today()
  nextDay()
  const bill = [line(one, 'payment', one.amount), line(one, 'refund', one.amount, 'HAND-3A')]
  const [found] = await run(day, bill, 'wechat')
  stage.gateway.acceptedRefunds.add('HAND-3A')
  expect(await repair(found, 'record')).toBe('REFUND_UNDER_WAY')
  expect(await refundsOf(one)).toEqual([])
  expect(await accessOf(one)).toEqual([1])
  stage.gateway.trades.get(one.attemptNo)?.refunds.set('HAND-3A', one.amount)
  expect(await repair(found, 'record')).toBe('done')
  expect(await refundsOf(one)).toMatchObject([{ request_no: 'HAND-3A', status: 'succeeded' }])
  expect(await accessOf(one)).toEqual([])
})

test('a refund that was made by hand is never sent, whatever a bill lacks', async () => {
  const one = await paid()
  const day = today()
  nextDay()
  const bill = [line(one, 'payment', one.amount), line(one, 'refund', yuan(10), 'HAND-3B')]
  expect(await repair((await run(day, bill))[0], 'record')).toBe('done')
  // The bill changes under us: what we wrote down from it is no longer there.
  await db()
    .updateTable('refunds')
    .set({ finished_at: new Date(`${day}T12:00:00+08:00`) })
    .where('request_no', '=', 'HAND-3B')
    .execute()
  const found = await run(day, [line(one, 'payment', one.amount)])
  expect(kinds(found)).toEqual(['REFUND_MISSING_THERE'])
  const before = stage.gateway.sent.length
  expect(await repair(found[0], 'refund')).toBe('REPAIR_UNFIT')
  expect(stage.gateway.sent.length).toBe(before)
})

test('refunds by hand in parts: the line is known where there is one, and with the last fen order and access go', async () => {
  const one = await paid()
  const day = today()
  nextDay()
  const payment = line(one, 'payment', one.amount)
  const first = line(one, 'refund', yuan(20), 'HAND-4A')
  expect(await repair((await run(day, [payment, first]))[0], 'record')).toBe('done')
  expect((await orderOf(one)).status).toBe('partially_refunded')
  expect(await accessOf(one)).toEqual([1])
  const plan = await planRefund(db(), one.order.orderId, [{ courseId: 1 }])
  expect(plan.amount).toBe(one.amount - yuan(20))
  const second = line(one, 'refund', toFen(one.amount - yuan(20)), 'HAND-4B')
  expect(await repair((await run(day, [payment, first, second]))[0], 'record')).toBe('done')
  expect((await orderOf(one)).status).toBe('refunded')
  expect(await accessOf(one)).toEqual([])
})

test('refunds by hand of no clear line: nothing more than is left is shown, and with the last fen all access goes', async () => {
  const two = await paid([1, 2])
  const day = today()
  nextDay()
  const payment = line(two, 'payment', two.amount)
  const first = line(two, 'refund', yuan(17), 'HAND-4C')
  expect(await repair((await run(day, [payment, first]))[0], 'record')).toBe('done')
  expect((await orderOf(two)).status).toBe('partially_refunded')
  expect(await accessOf(two)).toEqual([1, 2])
  const all = [{ courseId: 1 }, { courseId: 2 }]
  const plan = await planRefund(db(), two.order.orderId, all)
  expect(plan).toMatchObject({ amount: two.amount - yuan(17), orderAfter: 'refunded' })
  const seen = () => readOrder(db(), two.order.userId, two.order.orderNo)
  expect((await seen()).refundable).toBe(formatYuan(plan.amount))
  // What is shown can be sent.
  const rest = line(two, 'refund', toFen(two.amount - yuan(17) - yuan(1)), 'HAND-4D')
  expect(await repair((await run(day, [payment, first, rest]))[0], 'record')).toBe('done')
  const by = { actor: 'staff', userId: staff.user.id } as const
  const shown = (await planRefund(db(), two.order.orderId, [{ courseId: 1 }])).amount
  expect(shown).toBe(yuan(1))
  expect(await seen()).toMatchObject({ refundable: '1.00', lines: [{ refundable: '1.00' }, { refundable: '1.00' }] })
  const row = async () => (await readRows(db(), [two.order.orderId]))[0]
  expect(await row()).toMatchObject({
    refundedAmount: formatYuan(toFen(two.amount - yuan(1))),
    refundingAmount: '0.00',
  })
  // Both lines, of which the first takes all that is left.
  expect((await planRefund(db(), two.order.orderId, all)).amount).toBe(yuan(1))
  await db()
    .transaction()
    .execute((tx) =>
      refundLines(tx, {
        orderId: two.order.orderId,
        lines: [{ courseId: 1 }],
        shown,
        reason: '',
        by,
        now: stage.payments.clock(),
      }),
    )
  expect((await row())?.refundingAmount).toBe('1.00')
  stage.gateway.trades.get(two.attemptNo)?.refunds.set('HAND-4C', yuan(17)).set('HAND-4D', rest.amount)
  await settleDown(stage, [])
  expect(await seen()).toMatchObject({ status: 'refunded', refundable: '0.00' })
  expect((await seen()).lines.map((each) => each.refundable)).toEqual(['0.00', '0.00'])
  expect(await accessOf(two)).toEqual([])
})

test('a number that the gateway has closed is no refund: not missing here, and never recorded', async () => {
  const one = await paid([1], 'wechat')
  const payment = line(one, 'payment', one.amount)
  expect(await one.order.do('refund a line')).toBe('done')
  const [refund] = await refundsOf(one)
  const closed = refund?.request_no ?? ''
  expect(await one.order.do('send refunds')).toBe('done')
  const day = today()
  nextDay()
  // Accepted there and on its way: the bill has it, we know of it, and nothing is missing.
  const bill = [payment, line(one, 'refund', one.amount, closed)]
  expect(kinds(await run(day, bill, 'wechat'))).toEqual([])
  // A difference that an earlier run had found.
  const old = {
    provider: 'wechat',
    day,
    kind: 'REFUND_MISSING_HERE',
    trade_no: one.tradeNo,
    attempt_no: one.attemptNo,
  } as const
  const { id } = await db()
    .insertInto('reconciliation_differences')
    .values({
      ...old,
      request_no: closed,
      order_id: one.order.orderId,
      theirs_fen: one.amount,
      ours_fen: null,
      found_at: stage.payments.clock(),
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  stage.gateway.slow = true
  stage.pass(60)
  expect(await repair({ id }, 'record')).toBe('REFUND_UNDER_WAY')
  stage.gateway.slow = false
  stage.gateway.closedRefunds.add(closed)
  stage.pass(3600)
  expect(await one.order.do('send refunds')).toBe('done')
  expect((await refundsOf(one))[0]).toMatchObject({ status: 'refused', number_spent: true })
  expect(await repair({ id }, 'record')).toBe('REFUND_NUMBER_SPENT')
  expect((await refundsOf(one))[0]?.request_no).toBe(closed)
  expect(await one.order.do('send again')).toBe('done')
  expect(await repair({ id }, 'record')).toBe('REFUND_NUMBER_SPENT')
  const again = await refundsOf(one)
  expect(again).toHaveLength(1)
  // Its new number has stood in no bill yet.
  expect(again[0]).toMatchObject({ status: 'approved', billed_on: null })
  expect(kinds(await run(day, bill, 'wechat'))).toEqual([])
})

test('a refund that is sent once more is made good when it was made, not when its gateway has accepted it', async () => {
  const one = await paid([1], 'wechat')
  expect(await one.order.do('refund a line')).toBe('done')
  for (let times = 0; times < 2; times += 1) {
    expect(await one.order.do('send refunds')).toBe('done')
    stage.pass(60)
  }
  const [{ request_no: number = '', billed_on } = {}] = await refundsOf(one)
  expect(billed_on).toBeNull()
  const day = today()
  const payment = line(one, 'payment', one.amount)
  // Booked as made, and yet never made there.
  stage.gateway.trades.get(one.attemptNo)?.refunds.clear()
  stage.gateway.acceptedRefunds.delete(number)
  nextDay()
  const [missing] = await run(day, [payment], 'wechat')
  expect(missing).toMatchObject({ kind: 'REFUND_MISSING_THERE', request_no: number })
  stage.gateway.slow = true
  const acceptedOn = today()
  expect(await repair(missing, 'refund')).toBe('REFUND_UNDER_WAY')
  expect(kinds(await open(day, 'wechat'))).toEqual(['REFUND_MISSING_THERE'])
  // The bill names it on the day that it was accepted, and on no other.
  nextDay()
  expect(await run(acceptedOn, [line(one, 'refund', one.amount, number)], 'wechat')).toEqual([])
  stage.gateway.closedRefunds.add(number)
  expect(await repair(missing, 'refund')).toBe('REFUND_NUMBER_SPENT')
  stage.gateway.closedRefunds.delete(number)
  stage.gateway.slow = false
  expect(await repair(missing, 'refund')).toBe('done')
  const madeOn = today()
  nextDay()
  expect(await run(madeOn, [], 'wechat')).toEqual([])
  expect(await run(day, [payment], 'wechat')).toEqual([])
  expect(await refundsOf(one)).toMatchObject([{ status: 'succeeded', billed_on: acceptedOn }])
})

test('the same number of two trades is two refunds', async () => {
  const [one, other] = [await paid(), await paid()]
  const day = today()
  nextDay()
  const bill = [one, other].flatMap((each) => [
    line(each, 'payment', each.amount),
    line(each, 'refund', each.amount, 'HAND-9'),
  ])
  const found = await run(day, bill)
  expect(kinds(found)).toEqual(['REFUND_MISSING_HERE', 'REFUND_MISSING_HERE'])
  for (const row of found) expect(await repair(row, 'record')).toBe('done')
  expect(await run(day, bill)).toEqual([])
  for (const each of [one, other]) {
    expect((await orderOf(each)).status).toBe('refunded')
    expect(await refundsOf(each)).toHaveLength(1)
  }
  nextDay()
  expect(
    kinds(
      await run(
        day,
        bill.filter((row) => row.tradeNo !== other.tradeNo || row.kind === 'payment'),
      ),
    ),
  ).toEqual([])
})

test('days are caught up with in their order, and those that are not done are kept in sight', async () => {
  const asked: string[] = []
  const { payments } = stage
  const provider = payments.providers.get('alipay')
  if (!provider) throw new Error('no provider')
  const noting = {
    ...provider,
    bill: async (day: string) => {
      asked.push(day)
      return { state: 'not yet' } as const
    },
  }
  await reconcileDueDays({ ...payments, providers: new Map([['alipay', noting]]) })
  expect(asked).toHaveLength(7)
  expect(asked).toEqual([...asked].sort())
  const rows = await db()
    .selectFrom('reconciliations')
    .select(['day', 'status'])
    .where('provider', '=', 'alipay')
    .execute()
  // Days before the last seven as well: nobody reconciles them by itself any more, and they must not be forgotten.
  expect(rows.filter(({ status }) => status === 'failed').length).toBeGreaterThan(7)
})

test('a run that was killed is waited for, not taken as done; and it can be asked for again', async () => {
  const day = today()
  nextDay()
  const wanted = { provider: 'alipay', day }
  stage.gateway.bills.set(`alipay ${day}`, [])
  const now = stage.payments.clock()
  const until = new Date(now.getTime() + 5 * 60_000)
  await db()
    .insertInto('reconciliations')
    .values({ ...wanted, status: 'running', requested_at: now, started_at: now, running_until: until })
    .execute()
  await expect(reconcileWanted(stage.payments, wanted)).rejects.toThrow('coming again')
  expect((await readDay(db(), wanted, stage.payments.clock())).status).toBe('running')
  stage.pass(6 * 60)
  expect(await readDay(db(), wanted, stage.payments.clock())).toMatchObject({
    status: 'failed',
    problem: 'INTERRUPTED',
  })
  await db()
    .transaction()
    .execute((tx) => requestDay(tx, wanted, stage.payments.clock()))
  expect((await readDay(db(), wanted, stage.payments.clock())).status).toBe('waiting')
  expect(await reconcileDay(stage.payments, wanted)).toBe('done')
})

async function unknownTrade(amount: Fen, method = 'alipay'): Promise<Paid> {
  const order = await play(stage, await stage.newBuyer(), [1], method)
  const attemptNo = `unknown${order.orderNo.slice(7)}`
  const tradeNo = `unknown-${order.orderNo}`
  const trade = stage.gateway.trades.get(order.orderNo)
  if (!trade) throw new Error('no trade')
  const refunds = new Map<string, Fen>()
  stage.gateway.trades.set(attemptNo, { ...trade, attemptNo, tradeNo, amount, state: 'paid', refunds })
  expect(await order.do('cancel')).toBe('done')
  return { order, attemptNo, tradeNo, amount }
}

test('a trade that is on the list for another reason goes back once, from wherever it is refunded', async () => {
  const unknown = await unknownTrade(yuan(39))
  const day = today()
  nextDay()
  const bill = [line(unknown, 'payment', unknown.amount)]
  const [found] = await run(day, bill)
  expect(found?.kind).toBe('UNKNOWN_TRADE')
  const listed = await db()
    .insertInto('unmatched_payments')
    .values({
      ...{ provider: 'alipay', trade_no: unknown.tradeNo, attempt_no: unknown.attemptNo, amount_fen: unknown.amount },
      ...{ reason: 'SECOND_TRADE', order_id: null, course_id: null, refund_id: null, found_at: stage.payments.clock() },
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  const refund = (id: number) =>
    db()
      .transaction()
      .execute((tx) => refundUnmatched(tx, staff, { id, reason: 'model', now: stage.payments.clock() }))
  await refund(listed.id)
  expect(await repair(found, 'refund')).toBe('REPAIR_UNFIT')
  const rows = () => db().selectFrom('unmatched_payments').selectAll().where('trade_no', '=', unknown.tradeNo).execute()
  expect(await rows()).toHaveLength(1)
  // The other way round: a notification lists it beside what the repair has paid back.
  const copy = await db()
    .insertInto('unmatched_payments')
    .values({
      ...{ provider: 'alipay', trade_no: unknown.tradeNo, attempt_no: unknown.attemptNo, amount_fen: unknown.amount },
      ...{
        reason: 'UNKNOWN_ATTEMPT',
        order_id: null,
        course_id: null,
        refund_id: null,
        found_at: stage.payments.clock(),
      },
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await expect(refund(copy.id)).rejects.toMatchObject({ code: 'REFUND_TOO_MUCH' })
})

test('refunds of money that is on no order are missing on either side, and are repaired', async () => {
  const unknown = await unknownTrade(yuan(39))
  const day = today()
  nextDay()
  const payment = line(unknown, 'payment', unknown.amount)
  const back = line(unknown, 'refund', unknown.amount, 'HAND-U')
  const found = await run(day, [payment, back])
  expect(kinds(found)).toEqual(['REFUND_MISSING_HERE', 'UNKNOWN_TRADE'])
  expect(await repair(found[0], 'record')).toBe('done')
  expect(await run(day, [payment, back])).toEqual([])
  const listed = await db()
    .selectFrom('unmatched_payments')
    .selectAll()
    .where('trade_no', '=', unknown.tradeNo)
    .execute()
  expect(listed).toMatchObject([{ resolution: 'refunded', refunded_fen: unknown.amount }])

  const other = await unknownTrade(yuan(39))
  const second = today()
  nextDay()
  const [trade] = await run(second, [line(other, 'payment', other.amount)])
  expect(await repair(trade, 'refund')).toBe('done')
  const refundedOn = today()
  await settleDown(stage, [])
  // Booked as made, and yet never made there.
  stage.gateway.trades.get(other.attemptNo)?.refunds.clear()
  nextDay()
  const missing = (await run(refundedOn, [])).filter((row) => row.trade_no === other.tradeNo)
  expect(kinds(missing)).toEqual(['REFUND_MISSING_THERE'])
  expect(await repair(missing[0], 'refund')).toBe('done')
  expect(stage.gateway.trades.get(other.attemptNo)?.refunds.size).toBe(1)
  expect((await run(refundedOn, [])).filter((row) => row.trade_no === other.tradeNo)).toEqual([])
})

test('what the bill lacks is asked about: a payment that the gateway knows is late there, another was never made', async () => {
  const one = await paid()
  const day = today()
  nextDay()
  const [late] = await run(day, [])
  expect(late?.kind).toBe('PAID_HERE_UNPAID_THERE')
  expect(await repair(late, 'ask')).toBe('done')
  expect(await run(day, [])).toEqual([])

  const invented = await paid()
  const other = today()
  stage.gateway.trades.delete(invented.attemptNo)
  nextDay()
  const [never] = await run(other, [])
  expect(await repair(never, 'ask')).toBe('NOT_PAID_THERE')
  expect(kinds(await open(other))).toEqual(['PAID_HERE_UNPAID_THERE'])
  expect((await orderOf(one)).status).toBe('paid')
})

test('noting what stood in a bill never waits in a circle with whoever sends a refund', async () => {
  const one = await paid()
  expect(await one.order.do('refund a line')).toBe('done')
  const [refund] = await refundsOf(one)
  if (!refund) throw new Error('no refund')
  const bill = [line(one, 'payment', one.amount), line(one, 'refund', one.amount, refund.request_no)]
  const wanted = { provider: 'alipay', day: today() }
  stage.gateway.bills.set(`alipay ${today()}`, bill)
  let noting: Promise<string> | undefined
  await db()
    .transaction()
    .execute(async (tx) => {
      await sql`select from refunds where id = ${refund.id} for no key update`.execute(tx)
      noting = reconcileDay(stage.payments, wanted)
      await new Promise((done) => setTimeout(done, 200))
      await tx
        .updateTable('payment_attempts')
        .set({ refund_claimed_until: null })
        .where('id', '=', refund.attempt_id)
        .execute()
    })
  await noting
  expect((await refundsOf(one))[0]?.billed_on).toBe(today())
})

test.each(METHODS)(
  '%s: a day with one of each difference: found, repaired, gone, the same in every run',
  async (method) => {
    const day = today()
    const good = await paid([1], method)
    const order = async () => {
      const placed = await play(stage, await stage.newBuyer(), [1], method)
      expect(await placed.do('pay')).toBe('done')
      const trade = stage.gateway.trades.get(placed.orderNo)
      if (!trade) throw new Error('no trade')
      return { order: placed, attemptNo: placed.orderNo, tradeNo: trade.tradeNo, amount: trade.amount }
    }
    const refunded = async () => {
      const one = await paid([1], method)
      expect(await one.order.do('refund a line')).toBe('done')
      for (let times = 0; times < 2; times += 1) {
        stage.pass(60)
        await one.order.do('send refunds')
      }
      const [refund] = await refundsOf(one)
      expect(refund?.status).toBe('succeeded')
      return { ...one, requestNo: refund?.request_no ?? '' }
    }
    const [untold, changed] = [await order(), await order()]
    await db()
      .updateTable('payment_attempts')
      .set({ amount_fen: yuan(38) })
      .where('attempt_no', '=', changed.attemptNo)
      .execute()
    const unknown = await unknownTrade(yuan(39), method)
    const [late, byHand, dear] = [await paid([1], method), await paid([1], method), await paid([1], method)]
    const [unmade, odd, back] = [await refunded(), await refunded(), await refunded()]
    stage.gateway.trades.get(unmade.attemptNo)?.refunds.clear()
    nextDay()
    const bill = [
      ...[good, untold, changed, unknown, byHand, unmade, odd, back].map((each) => line(each, 'payment', each.amount)),
      { ...line(dear, 'payment', dear.amount), fee: 39, expectedFee: 23 },
      line(byHand, 'refund', byHand.amount, 'HAND-ALL'),
      line(odd, 'refund', toFen(odd.amount - 100), odd.requestNo),
      line(back, 'refund', back.amount, back.requestNo),
    ]
    const REPAIRS: Record<string, Repair> = {
      PAID_THERE_UNPAID_HERE: 'settle',
      PAID_HERE_UNPAID_THERE: 'ask',
      AMOUNT_DIFFERS: 'refund',
      UNKNOWN_TRADE: 'refund',
      REFUND_MISSING_HERE: 'record',
      REFUND_MISSING_THERE: 'refund',
      REFUND_AMOUNT_DIFFERS: 'seen',
      FEE_DIFFERS: 'seen',
    }
    const found = await run(day, bill, method)
    expect(found.map(({ kind, attempt_no }) => [kind, attempt_no]).sort()).toEqual(
      [
        ['PAID_THERE_UNPAID_HERE', untold.attemptNo],
        ['PAID_HERE_UNPAID_THERE', late.attemptNo],
        ['AMOUNT_DIFFERS', changed.attemptNo],
        ['UNKNOWN_TRADE', unknown.attemptNo],
        ['REFUND_MISSING_HERE', byHand.attemptNo],
        ['REFUND_MISSING_THERE', unmade.attemptNo],
        ['REFUND_AMOUNT_DIFFERS', odd.attemptNo],
        ['FEE_DIFFERS', dear.attemptNo],
      ].sort(),
    )
    expect(await run(day, bill, method)).toEqual(found)
    for (const row of found)
      expect([row.kind, await repair(row, REPAIRS[row.kind] ?? 'seen')]).toEqual([row.kind, 'done'])
    for (let times = 0; times < 2; times += 1) expect(await run(day, bill, method)).toEqual([])
    expect((await orderOf(untold)).status).toBe('paid')
    expect((await orderOf(byHand)).status).toBe('refunded')
    expect(stage.gateway.trades.get(unmade.attemptNo)?.refunds.get(unmade.requestNo)).toBe(unmade.amount)
  },
)
