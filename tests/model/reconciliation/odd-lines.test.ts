/** What a bill may hold besides our own trades, each once: repeats, other applications' trades, other amounts. */
import { expect, test } from 'vitest'
import { kinds, yuan } from '../days.ts'
import { settleDown } from '../harness.ts'
import { days, db, line, nextDay, paid, refundsOf, repair, run, today, unknownTrade } from './rig.ts'

test('a refund that the gateway says it has made is explained, and not dated anew day after day', async () => {
  const one = await paid()
  expect(await one.order.do('refund a line')).toBe('done')
  expect(await one.order.do('send refunds')).toBe('done')
  const day = today()
  const [before] = await refundsOf(one)
  const sent = days.harness.gateway.sent.length
  nextDay()
  // The bill of that day lacks it, for whatever reason, and so does the next.
  const bill = [line(one, 'payment', one.amount)]
  const [missing] = await run(day, bill)
  expect(await repair(missing, 'refund')).toBe('done')
  const next = today()
  nextDay()
  expect(kinds(await run(next, []))).toEqual([])
  expect(kinds(await run(day, bill))).toEqual([])
  expect((await refundsOf(one))[0]?.finished_at).toEqual(before?.finished_at)
  expect(days.harness.gateway.sent).toHaveLength(sent)
})

test('a listed trade with another amount than the bill is a difference, and is refunded with what the bill says', async () => {
  const unknown = await unknownTrade(yuan(39))
  const day = today()
  nextDay()
  const listed = { provider: 'alipay', trade_no: unknown.tradeNo, attempt_no: unknown.attemptNo, amount_fen: yuan(40) }
  await db()
    .insertInto('unmatched_payments')
    .values({ ...listed, reason: 'UNKNOWN_ATTEMPT', found_at: days.harness.payments.clock() })
    .execute()
  const bill = [line(unknown, 'payment', unknown.amount)]
  const [found] = await run(day, bill)
  expect(found).toMatchObject({ kind: 'AMOUNT_DIFFERS', ours_fen: yuan(40), theirs_fen: yuan(39) })
  expect(await repair(found, 'refund')).toBe('done')
  expect(kinds(await run(day, bill))).toEqual([])
  await settleDown(days.harness, [])
  expect([...(days.harness.gateway.trades.get(unknown.attemptNo)?.refunds.values() ?? [])]).toEqual([yuan(39)])
})

test("a trade that is or may be another application's is marked as such, and cannot be refunded from here", async () => {
  const [one, two, ours] = [await unknownTrade(yuan(39)), await unknownTrade(yuan(39)), await paid()]
  const day = today()
  nextDay()
  const found = await run(day, [
    { ...line(one, 'payment', one.amount), attemptNo: 'SHOP-1001' },
    { ...line(one, 'refund', yuan(1), 'SHOP-R1'), attemptNo: 'SHOP-1001' },
    { ...line(two, 'payment', two.amount), isOfAnotherApplication: true },
    // A trade of ours counts whatever application the bill names: the shop may have used that one before.
    { ...line(ours, 'payment', ours.amount), isOfAnotherApplication: true },
  ])
  expect(kinds(found)).toEqual(['ANOTHER_APPLICATION', 'ANOTHER_APPLICATION', 'ANOTHER_APPLICATION'])
  for (const row of found) {
    expect(await repair(row, 'refund')).toBe('REPAIR_UNFIT')
    expect(await repair(row, 'seen')).toBe('done')
  }
})

test('a payment that a bill lists twice is a difference', async () => {
  const one = await paid()
  const day = today()
  nextDay()
  const [found, ...others] = await run(day, [line(one, 'payment', one.amount), line(one, 'payment', one.amount)])
  expect(others).toEqual([])
  expect(found).toMatchObject({ kind: 'BILLED_TWICE', ours_fen: one.amount, theirs_fen: 2 * one.amount })
})
