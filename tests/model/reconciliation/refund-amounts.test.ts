/** A refund that the bill lists with another amount than our books: the gateway's amount is recorded. */
import { expect, test } from 'vitest'
import { dayBefore } from '../../../apps/shop/src/beijing-day.ts'
import { type Fen, toFen } from '../../../apps/shop/src/money.ts'
import { refundLines } from '../../../apps/shop/src/payments/refunds/create.ts'
import type { Paid } from '../days.ts'
import { broken } from '../invariants.ts'
import { accessOf, days, db, line, nextDay, orderOf, paid, refundsOf, repair, run, today } from './rig.ts'

/** A refund that was made, and that its gateway's bill lists with `billed`. */
async function billedAs(
  one: Paid,
  action: 'refund all' | 'refund a line' | 'refund a part',
  billed: (made: Fen) => number,
) {
  expect(await one.order.do(action)).toBe('done')
  expect(await one.order.do('send refunds')).toBe('done')
  const refund = (await refundsOf(one)).at(-1)
  if (!refund) throw new Error('a refund was to be made')
  const amount = toFen(billed(refund.amount_fen))
  days.harness.gateway.trades.get(one.attemptNo)?.refunds.set(refund.request_no, amount)
  const [day, bill] = [today(), [line(one, 'payment', one.amount), line(one, 'refund', amount, refund.request_no)]]
  nextDay()
  const [found] = await run(day, bill)
  expect(found?.kind).toBe('REFUND_AMOUNT_DIFFERS')
  return {
    amount,
    refund,
    repaired: async () => {
      expect(await repair(found, 'record')).toBe('done')
      expect(await run(day, bill)).toEqual([])
      const after = (await refundsOf(one)).find(({ id }) => id === refund.id)
      expect(after).toMatchObject({ status: 'succeeded', amount_fen: amount, finished_at: refund.finished_at })
      expect(await broken(days.harness, [one.order.userId])).toEqual([])
    },
  }
}

const paidOf = ({ attemptNo }: Paid) =>
  db().selectFrom('payment_attempts').selectAll().where('attempt_no', '=', attemptNo).executeTakeFirstOrThrow()

test('less than all went back: the rest can be refunded again, and the access is back', async () => {
  const one = await paid([1, 2])
  const { repaired, amount } = await billedAs(one, 'refund all', (made) => made - 100)
  expect([(await orderOf(one)).status, await accessOf(one)]).toEqual(['refunded', []])
  await repaired()
  // The lack is of the last line: access to the other stays ended.
  expect([(await orderOf(one)).status, await accessOf(one)]).toEqual(['partially_refunded', [2]])
  expect(await paidOf(one)).toMatchObject({ refunded_fen: amount, reserved_fen: 0 })
  const by = { actor: 'staff', userId: one.order.userId } as const
  const { orderId } = one.order
  await db()
    .transaction()
    .execute((tx) => refundLines(tx, { orderId, lines: [{ courseId: 2 }], reason: 'rest', by, now: new Date() }))
  const lines = db().selectFrom('order_lines').selectAll().where('order_id', '=', one.order.orderId)
  const line2 = await lines.where('course_id', '=', 2).executeTakeFirstOrThrow()
  expect(line2).toMatchObject({ refunded_fen: line2.price_fen - 100, reserved_fen: 100 })
})

test('more than a part went back: the excess is of no line; with all of the payment gone the access ends', async () => {
  const one = await paid([1])
  const { repaired } = await billedAs(one, 'refund a part', (made) => made + 50)
  await repaired()
  expect([(await orderOf(one)).status, await accessOf(one)]).toEqual(['partially_refunded', [1]])
  const other = await paid([1])
  const whole = await billedAs(other, 'refund a part', () => other.amount)
  await whole.repaired()
  expect([(await orderOf(other)).status, await accessOf(other)]).toEqual(['refunded', []])
})

test('an excess takes the sum of a refund that was not sent yet; more than came is refused', async () => {
  const one = await paid([1])
  const { repaired } = await billedAs(one, 'refund a part', () => one.amount)
  expect(await one.order.do('refund all')).toBe('done')
  await repaired()
  expect((await refundsOf(one)).map(({ status }) => status)).toEqual(['succeeded', 'refused'])
})

test('the access comes back by what ended it, not by when: the refund may have another time by now', async () => {
  const one = await paid([1, 2])
  const { amount, refund } = await billedAs(one, 'refund all', (made) => made - 100)
  // As a repair that has sent it again leaves it.
  await db()
    .updateTable('refunds')
    .set({ finished_at: new Date(0) })
    .where('id', '=', refund.id)
    .execute()
  const [found] = await days.open(String(refund.billed_on ?? dayBefore(today())))
  expect(await repair(found, 'record')).toBe('done')
  expect([(await refundsOf(one))[0]?.amount_fen, await accessOf(one)]).toEqual([amount, [2]])
})
