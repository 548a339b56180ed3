/**
 * Days compared with their bills, and the repairs, over an in-memory gateway: what each does to the books, and what it
 * must never do.
 */
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { readRows } from '../../apps/shop/src/back-office/orders/list.ts'
import { HEALTH_CHECKS, runCheck } from '../../apps/shop/src/health/checks.ts'
import { type Fen, formatYuan, toFen } from '../../apps/shop/src/money.ts'
import { readOrder } from '../../apps/shop/src/orders/read.ts'
import type { BillAnswer, PaymentProvider } from '../../apps/shop/src/payments/contract.ts'
import { findProvider } from '../../apps/shop/src/payments/payments.ts'
import { planRefund, refundLines } from '../../apps/shop/src/payments/refunds/create.ts'
import { refundUnmatched } from '../../apps/shop/src/payments/settlement/unmatched.ts'
import { reconcileDueDays, reconcileWanted } from '../../apps/shop/src/reconciliation/daily.ts'
import { readDay } from '../../apps/shop/src/reconciliation/read.ts'
import type { Repair } from '../../apps/shop/src/reconciliation/repair.ts'
import { reconcileDay, requestDay } from '../../apps/shop/src/reconciliation/run.ts'
import { kinds, openDays, type Paid, yuan } from './days.ts'
import { METHODS } from './gateway.ts'
import { placeOrder, settleDown } from './harness.ts'

const days = openDays()
const { db, today, nextDay, paid, line, run, open, repair, orderOf, accessOf, refundsOf } = days

test('a refund made by hand and recorded a day later is in the bill of its own day, and not missing from any other', async () => {
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

test('a repair that records or sends money needs a fresh credential proof, however small: no limit counts it with the others', async () => {
  const one = await paid()
  const day = today()
  nextDay()
  const [found] = await run(day, [line(one, 'payment', one.amount), line(one, 'refund', yuan(1), 'HAND-3B')])
  expect(await repair(found, 'record', null)).toBe('PROOF_REQUIRED')
  expect(await refundsOf(one)).toEqual([])
  expect(await repair(found, 'record')).toBe('done')
})

test('a manual refund that its gateway has only accepted is not recorded before it is made', async () => {
  const one = await paid([1], 'wechat')
  const day = today()
  nextDay()
  const bill = [line(one, 'payment', one.amount), line(one, 'refund', one.amount, 'HAND-3A')]
  const [found] = await run(day, bill, 'wechat')
  days.harness.gateway.acceptedRefunds.add('HAND-3A')
  expect(await repair(found, 'record')).toBe('REFUND_UNDER_WAY')
  expect(await refundsOf(one)).toEqual([])
  expect(await accessOf(one)).toEqual([1])
  days.harness.gateway.trades.get(one.attemptNo)?.refunds.set('HAND-3A', one.amount)
  expect(await repair(found, 'record')).toBe('done')
  expect(await refundsOf(one)).toMatchObject([{ request_no: 'HAND-3A', status: 'succeeded' }])
  expect(await accessOf(one)).toEqual([])
})

test('a refund that was made by hand is never sent, even if a bill lacks it', async () => {
  const one = await paid()
  const day = today()
  nextDay()
  const bill = [line(one, 'payment', one.amount), line(one, 'refund', yuan(10), 'HAND-3B')]
  expect(await repair((await run(day, bill))[0], 'record')).toBe('done')
  // The bill changes afterwards: what we recorded from it is no longer there.
  await db()
    .updateTable('refunds')
    .set({ finished_at: new Date(`${day}T12:00:00+08:00`) })
    .where('request_no', '=', 'HAND-3B')
    .execute()
  const found = await run(day, [line(one, 'payment', one.amount)])
  expect(kinds(found)).toEqual(['REFUND_MISSING_THERE'])
  const before = days.harness.gateway.sent.length
  expect(await repair(found[0], 'refund')).toBe('REPAIR_UNFIT')
  expect(days.harness.gateway.sent.length).toBe(before)
})

test('partial manual refunds: with a single line the line is known, and the last fen ends order and access', async () => {
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

test('manual refunds of unclear lines: no more than the remainder is shown, and the last fen ends all access', async () => {
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
  // The amount shown as refundable can be refunded.
  const rest = line(two, 'refund', toFen(two.amount - yuan(17) - yuan(1)), 'HAND-4D')
  expect(await repair((await run(day, [payment, first, rest]))[0], 'record')).toBe('done')
  const by = { actor: 'staff', userId: days.staff.user.id } as const
  const shown = (await planRefund(db(), two.order.orderId, [{ courseId: 1 }])).amount
  expect(shown).toBe(yuan(1))
  expect(await seen()).toMatchObject({ refundable: '1.00', lines: [{ refundable: '1.00' }, { refundable: '1.00' }] })
  const row = async () => (await readRows(db(), [two.order.orderId]))[0]
  expect(await row()).toMatchObject({
    refundedAmount: formatYuan(toFen(two.amount - yuan(1))),
    refundingAmount: '0.00',
  })
  // Both lines, the first of which takes the whole remainder.
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
        now: days.harness.payments.clock(),
      }),
    )
  expect((await row())?.refundingAmount).toBe('1.00')
  days.harness.gateway.trades.get(two.attemptNo)?.refunds.set('HAND-4C', yuan(17)).set('HAND-4D', rest.amount)
  await settleDown(days.harness, [])
  expect(await seen()).toMatchObject({ status: 'refunded', refundable: '0.00' })
  expect((await seen()).lines.map((each) => each.refundable)).toEqual(['0.00', '0.00'])
  expect(await accessOf(two)).toEqual([])
})

test('a number that the gateway has closed is not a refund: not missing in the shop, and never recorded', async () => {
  const one = await paid([1], 'wechat')
  const payment = line(one, 'payment', one.amount)
  expect(await one.order.do('refund a line')).toBe('done')
  const [refund] = await refundsOf(one)
  const closed = refund?.request_no ?? ''
  expect(await one.order.do('send refunds')).toBe('done')
  const day = today()
  nextDay()
  // Accepted at the gateway: the bill has it, the shop knows it, and nothing is missing.
  const bill = [payment, line(one, 'refund', one.amount, closed)]
  expect(kinds(await run(day, bill, 'wechat'))).toEqual([])
  // A difference found by an earlier run.
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
      found_at: days.harness.payments.clock(),
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  days.harness.gateway.slow = true
  days.harness.pass(60)
  expect(await repair({ id }, 'record')).toBe('REFUND_UNDER_WAY')
  days.harness.gateway.slow = false
  days.harness.gateway.closedRefunds.add(closed)
  days.harness.pass(3600)
  expect(await one.order.do('send refunds')).toBe('done')
  expect((await refundsOf(one))[0]).toMatchObject({ status: 'refused', number_spent: true })
  expect(await repair({ id }, 'record')).toBe('REFUND_NUMBER_SPENT')
  expect((await refundsOf(one))[0]?.request_no).toBe(closed)
  expect(await one.order.do('send again')).toBe('done')
  expect(await repair({ id }, 'record')).toBe('REFUND_NUMBER_SPENT')
  const again = await refundsOf(one)
  expect(again).toHaveLength(1)
  // Its new number has not appeared in a bill yet.
  expect(again[0]).toMatchObject({ status: 'approved', billed_on: null })
  expect(kinds(await run(day, bill, 'wechat'))).toEqual([])
})

test('a refund that is sent again counts as resent when it was made, not when its gateway accepted it', async () => {
  const one = await paid([1], 'wechat')
  expect(await one.order.do('refund a line')).toBe('done')
  for (let times = 0; times < 2; times += 1) {
    expect(await one.order.do('send refunds')).toBe('done')
    days.harness.pass(60)
  }
  const [{ request_no: number = '', billed_on } = {}] = await refundsOf(one)
  expect(billed_on).toBeNull()
  const day = today()
  const payment = line(one, 'payment', one.amount)
  // Recorded as made, but never made at the gateway.
  days.harness.gateway.trades.get(one.attemptNo)?.refunds.clear()
  days.harness.gateway.acceptedRefunds.delete(number)
  nextDay()
  const [missing] = await run(day, [payment], 'wechat')
  expect(missing).toMatchObject({ kind: 'REFUND_MISSING_THERE', request_no: number })
  days.harness.gateway.slow = true
  const acceptedOn = today()
  expect(await repair(missing, 'refund')).toBe('REFUND_UNDER_WAY')
  expect(kinds(await open(day, 'wechat'))).toEqual(['REFUND_MISSING_THERE'])
  // The bill lists it on the day it was accepted, and on no other.
  nextDay()
  expect(await run(acceptedOn, [line(one, 'refund', one.amount, number)], 'wechat')).toEqual([])
  days.harness.gateway.closedRefunds.add(number)
  expect(await repair(missing, 'refund')).toBe('REFUND_NUMBER_SPENT')
  days.harness.gateway.closedRefunds.delete(number)
  days.harness.gateway.slow = false
  expect(await repair(missing, 'refund')).toBe('done')
  const madeOn = today()
  nextDay()
  expect(await run(madeOn, [], 'wechat')).toEqual([])
  expect(await run(day, [payment], 'wechat')).toEqual([])
  expect(await refundsOf(one)).toMatchObject([{ status: 'succeeded', billed_on: acceptedOn }])
})

test('the same refund number for two trades means two refunds', async () => {
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

test('missed days are processed in order, and unfinished ones stay visible', async () => {
  const requested: string[] = []
  const { payments } = days.harness
  const provider = payments.providers.get('alipay')
  if (!provider) throw new Error('no provider')
  const noting = {
    ...provider,
    bill: async (day: string) => {
      requested.push(day)
      return { state: 'not yet' } as const
    },
  }
  await reconcileDueDays({ ...payments, providers: new Map([['alipay', noting]]) })
  expect(requested).toHaveLength(7)
  expect(requested).toEqual([...requested].sort())
  const rows = await db()
    .selectFrom('reconciliations')
    .select(['day', 'status'])
    .where('provider', '=', 'alipay')
    .execute()
  // Also days before the last seven: they are no longer reconciled automatically, and must not be forgotten.
  expect(rows.filter(({ status }) => status === 'failed').length).toBeGreaterThan(7)
})

test('a killed run counts as running, not as done, and can be requested again', async () => {
  const day = today()
  nextDay()
  const wanted = { provider: 'alipay', day }
  days.harness.gateway.bills.set(`alipay ${day}`, [])
  const now = days.harness.payments.clock()
  const until = new Date(now.getTime() + 5 * 60_000)
  await db()
    .insertInto('reconciliations')
    .values({ ...wanted, status: 'running', requested_at: now, started_at: now, running_until: until })
    .execute()
  await expect(reconcileWanted(days.harness.payments, wanted)).rejects.toThrow('coming again')
  expect((await readDay(db(), wanted, days.harness.payments.clock())).status).toBe('running')
  days.harness.pass(6 * 60)
  expect(await readDay(db(), wanted, days.harness.payments.clock())).toMatchObject({
    status: 'failed',
    problem: 'INTERRUPTED',
  })
  await db()
    .transaction()
    .execute((tx) => requestDay(tx, wanted, days.harness.payments.clock()))
  expect((await readDay(db(), wanted, days.harness.payments.clock())).status).toBe('waiting')
  expect(await reconcileDay(days.harness.payments, wanted)).toBe('done')
})

async function unknownTrade(amount: Fen, method = 'alipay'): Promise<Paid> {
  const order = await placeOrder(days.harness, await days.harness.newBuyer(), [1], method)
  const attemptNo = `unknown${order.orderNo.slice(7)}`
  const tradeNo = `unknown-${order.orderNo}`
  const trade = days.harness.gateway.trades.get(order.orderNo)
  if (!trade) throw new Error('no trade')
  const refunds = new Map<string, Fen>()
  days.harness.gateway.trades.set(attemptNo, { ...trade, attemptNo, tradeNo, amount, state: 'paid', refunds })
  expect(await order.do('cancel')).toBe('done')
  return { order, attemptNo, tradeNo, amount }
}

test('a trade listed for another reason is refunded once, from wherever it is refunded', async () => {
  const unknown = await unknownTrade(yuan(39))
  const day = today()
  nextDay()
  const bill = [line(unknown, 'payment', unknown.amount)]
  const [found] = await run(day, bill)
  expect(found?.kind).toBe('UNKNOWN_TRADE')
  const listed = await db()
    .insertInto('unmatched_payments')
    .values({
      provider: 'alipay',
      trade_no: unknown.tradeNo,
      attempt_no: unknown.attemptNo,
      amount_fen: unknown.amount,
      ...{
        reason: 'SECOND_TRADE',
        order_id: null,
        course_id: null,
        refund_id: null,
        found_at: days.harness.payments.clock(),
      },
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  const refund = (id: number) =>
    db()
      .transaction()
      .execute((tx) =>
        refundUnmatched({ tx, staff: days.staff, now: days.harness.payments.clock() }, { id, note: 'model' }),
      )
  await refund(listed.id)
  expect(await repair(found, 'refund')).toBe('REPAIR_UNFIT')
  const rows = () => db().selectFrom('unmatched_payments').selectAll().where('trade_no', '=', unknown.tradeNo).execute()
  expect(await rows()).toHaveLength(1)
  // The other way round: a notification lists a trade that the repair has already refunded.
  const copy = await db()
    .insertInto('unmatched_payments')
    .values({
      provider: 'alipay',
      trade_no: unknown.tradeNo,
      attempt_no: unknown.attemptNo,
      amount_fen: unknown.amount,
      ...{
        reason: 'UNKNOWN_ATTEMPT',
        order_id: null,
        course_id: null,
        refund_id: null,
        found_at: days.harness.payments.clock(),
      },
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await expect(refund(copy.id)).rejects.toMatchObject({ code: 'REFUND_TOO_MUCH' })
})

test('refunds of unmatched money missing on either side are found and repaired', async () => {
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
  await settleDown(days.harness, [])
  // Recorded as made, but never made at the gateway.
  days.harness.gateway.trades.get(other.attemptNo)?.refunds.clear()
  nextDay()
  const missing = (await run(refundedOn, [])).filter((row) => row.trade_no === other.tradeNo)
  expect(kinds(missing)).toEqual(['REFUND_MISSING_THERE'])
  expect(await repair(missing[0], 'refund')).toBe('done')
  expect(days.harness.gateway.trades.get(other.attemptNo)?.refunds.size).toBe(1)
  expect((await run(refundedOn, [])).filter((row) => row.trade_no === other.tradeNo)).toEqual([])
})

test('payments that the bill lacks are queried: one that the gateway knows is late in the bill, another was never made', async () => {
  const one = await paid()
  const day = today()
  nextDay()
  const [late] = await run(day, [])
  expect(late?.kind).toBe('PAID_HERE_UNPAID_THERE')
  expect(await repair(late, 'ask')).toBe('done')
  expect(await run(day, [])).toEqual([])

  const invented = await paid()
  const other = today()
  days.harness.gateway.trades.delete(invented.attemptNo)
  nextDay()
  const [never] = await run(other, [])
  expect(await repair(never, 'ask')).toBe('NOT_PAID_THERE')
  expect(kinds(await open(other))).toEqual(['PAID_HERE_UNPAID_THERE'])
  expect((await orderOf(one)).status).toBe('paid')
})

test('recording what a bill contained never deadlocks with sending a refund', async () => {
  const one = await paid()
  expect(await one.order.do('refund a line')).toBe('done')
  const [refund] = await refundsOf(one)
  if (!refund) throw new Error('no refund')
  const bill = [line(one, 'payment', one.amount), line(one, 'refund', one.amount, refund.request_no)]
  const wanted = { provider: 'alipay', day: today() }
  days.harness.gateway.bills.set(`alipay ${today()}`, bill)
  let noting: Promise<string> | undefined
  await db()
    .transaction()
    .execute(async (tx) => {
      await sql`select from refunds where id = ${refund.id} for no key update`.execute(tx)
      noting = reconcileDay(days.harness.payments, wanted)
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
      const placed = await placeOrder(days.harness, await days.harness.newBuyer(), [1], method)
      expect(await placed.do('pay')).toBe('done')
      const trade = days.harness.gateway.trades.get(placed.orderNo)
      if (!trade) throw new Error('no trade')
      return { order: placed, attemptNo: placed.orderNo, tradeNo: trade.tradeNo, amount: trade.amount }
    }
    const refunded = async () => {
      const one = await paid([1], method)
      expect(await one.order.do('refund a line')).toBe('done')
      for (let times = 0; times < 2; times += 1) {
        days.harness.pass(60)
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
    days.harness.gateway.trades.get(unmade.attemptNo)?.refunds.clear()
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
    expect(days.harness.gateway.trades.get(unmade.attemptNo)?.refunds.get(unmade.requestNo)).toBe(unmade.amount)
  },
)

/** Runs the day again with another answer of the gateway. */
async function runAgain(day: string, answer: BillAnswer) {
  days.harness.gateway.bills.set(`alipay ${day}`, answer)
  const outcome = await reconcileDay(days.harness.payments, { provider: 'alipay', day })
  return { outcome, ...(await readDay(db(), { provider: 'alipay', day }, days.harness.payments.clock())) }
}

test('fees are added with their sign, and the totals that the bill states are kept', async () => {
  const one = await paid()
  const day = today()
  nextDay()
  const lines = [
    { ...line(one, 'payment', one.amount), fee: 83 },
    { ...line(one, 'refund', yuan(1), 'HAND-F'), fee: -60 },
  ]
  const summary = { serviceFee: -23 }
  expect(await runAgain(day, { state: 'ready', lines, summary })).toMatchObject({ fees: '0.23', summary })
})

test('a bill that contradicts itself has a state of its own, and nothing of it counts', async () => {
  const one = await paid()
  const day = today()
  nextDay()
  expect(await runAgain(day, { state: 'contradictory' })).toMatchObject({
    ...{ outcome: 'contradictory', status: 'contradictory', problem: 'BILL_CONTRADICTS_ITSELF', trades: null },
  })
  expect(await open(day)).toEqual([])
  expect(kinds(await run(day, [line(one, 'payment', one.amount)]))).toEqual([])
})

test('a day that is run again after its bill is gone keeps its result', async () => {
  const one = await paid()
  const day = today()
  nextDay()
  const found = await run(day, [line(one, 'payment', yuan(1))])
  expect(kinds(found)).toEqual(['AMOUNT_DIFFERS'])
  for (const state of ['not offered', 'none'] as const) {
    expect(await runAgain(day, { state })).toMatchObject({
      ...{ outcome: 'not offered', status: 'done', problem: 'BILL_NOT_OFFERED', trades: 1, runs: 1 },
    })
    expect(await open(day)).toEqual(found)
  }
  // So does one whose gateway is away.
  days.harness.gateway.mood = 'away'
  const again = reconcileDay(days.harness.payments, { provider: 'alipay', day })
  await expect(again).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE' })
  days.harness.gateway.mood = 'answers'
  const after = await readDay(db(), { provider: 'alipay', day }, days.harness.payments.clock())
  expect(after).toMatchObject({ status: 'done', problem: 'GATEWAY_UNAVAILABLE', trades: 1 })
})

test('a day whose bill the gateway does not offer waits for nobody', async () => {
  const day = '2015-06-01'
  expect(await runAgain(day, { state: 'not offered' })).toMatchObject({ status: 'not_offered', trades: null })
  days.harness.pass(3600)
  const check = HEALTH_CHECKS.find(({ name }) => name === 'day_not_reconciled')
  if (!check) throw new Error('no check')
  expect((await runCheck(db(), check)).rows.map(({ subject }) => subject)).not.toContain(day)
})

test("one method's error does not end the other's run", async () => {
  const day = today()
  const { payments, gateway } = days.harness
  await Promise.all(METHODS.map((method) => paid([1], method)))
  nextDay()
  gateway.bills.set(`wechat ${day}`, { state: 'none' })
  const broken: PaymentProvider = {
    ...findProvider(payments, 'alipay'),
    bill: async () => {
      throw new TypeError('a bug')
    },
  }
  await reconcileDueDays({ ...payments, providers: new Map([...payments.providers, ['alipay', broken]]) })
  const rows = await db().selectFrom('reconciliations').select(['provider', 'status']).where('day', '=', day).execute()
  expect(rows.sort((left, right) => (left.provider < right.provider ? -1 : 1))).toEqual([
    { provider: 'alipay', status: 'failed' },
    { provider: 'wechat', status: 'done' },
  ])
})
