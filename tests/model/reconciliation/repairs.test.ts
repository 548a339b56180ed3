/** Repairs of what bill and books disagree about: unmatched payments, resent refunds, payments that the bill lacks. */
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { refundUnmatched } from '../../../apps/shop/src/payments/settlement/unmatched.ts'
import { reconcileDay } from '../../../apps/shop/src/reconciliation/run.ts'
import { kinds, yuan } from '../days.ts'
import { settleDown } from '../harness.ts'
import { days, db, line, nextDay, open, orderOf, paid, refundsOf, repair, run, today, unknownTrade } from './rig.ts'

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
  days.harness.gateway.unmake(one.attemptNo)
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
  const shorter = bill.filter((row) => row.tradeNo !== other.tradeNo || row.kind === 'payment')
  expect(await run(day, shorter)).toMatchObject([{ kind: 'REFUND_MISSING_THERE', trade_no: other.tradeNo }])
})

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
  days.harness.gateway.unmake(other.attemptNo)
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
