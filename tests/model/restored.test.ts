/**
 * A database restored from a backup, or a standby that lost a second, repeats what the shop had done automatically, under
 * the same numbers, so that its gateway refunds nothing twice.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Transaction } from '../../apps/shop/src/db/connect.ts'
import { findProvider } from '../../apps/shop/src/payments/payments.ts'
import { settle } from '../../apps/shop/src/payments/settlement/settle.ts'
import { type Harness, openHarness, type PlacedOrder, placeOrder } from './harness.ts'

let harness: Harness
beforeAll(async () => {
  harness = await openHarness()
})
afterAll(() => harness.close())

/** Returns what was read in the transaction, and rolls it back. */
async function undone<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> {
  let result: Result | undefined
  const restored = new Error('restored')
  await harness.payments.db
    .transaction()
    .execute(async (tx) => {
      result = await work(tx)
      throw restored
    })
    .catch((error: unknown) => {
      if (error !== restored) throw error
    })
  if (result === undefined) throw new Error('nothing was done')
  return result
}

/** Settles the order's newest attempt as its gateway reports it. */
async function settleAsReported(tx: Transaction, { orderId }: PlacedOrder): Promise<string> {
  const { provider, attempt_no: attemptNo } = await tx
    .selectFrom('payment_attempts')
    .select(['provider', 'attempt_no'])
    .where('order_id', '=', orderId)
    .orderBy('id', 'desc')
    .executeTakeFirstOrThrow()
  const trade = await findProvider(harness.payments, provider).queryTrade(attemptNo, null)
  if (trade.state !== 'paid') throw new Error(`it is ${trade.state} there`)
  const { tradeNo, amount, paidAt } = trade
  const paid = { provider, attemptNo, tradeNo, amount, paidAt, source: 'query', now: harness.payments.clock() } as const
  return (await settle(tx, paid)).outcome
}

const refundsOf = (tx: Transaction, { orderId }: PlacedOrder) =>
  tx
    .selectFrom('refunds')
    .select(['request_no', 'amount_fen', 'reason'])
    .where('order_id', '=', orderId)
    .orderBy('id')
    .execute()

async function twice<Result>(work: (tx: Transaction) => Promise<Result>): Promise<[Result, Result]> {
  const first = await undone(work)
  harness.pass(3600)
  return [first, await undone(work)]
}

test('a payment that its order does not need is refunded under the same number', async () => {
  // A link that was never opened cannot be closed at the gateway.
  const cancelled = await placeOrder(harness, await harness.newBuyer(), [2])
  expect(await cancelled.do('cancel')).toBe('done')
  await cancelled.do('pay late')
  const [first, again] = await twice(async (tx) => {
    expect(await settleAsReported(tx, cancelled)).toBe('unmatched')
    return refundsOf(tx, cancelled)
  })
  expect(first).toHaveLength(1)
  expect(again).toEqual(first)
})

test('each course that was owned already is refunded under the same number', async () => {
  const userId = await harness.newBuyer()
  const both = await placeOrder(harness, userId, [1, 2])
  const single = [await placeOrder(harness, userId, [1]), await placeOrder(harness, userId, [2])]
  for (const order of [...single, both]) {
    await order.do('open the link')
    await order.do('pay')
  }
  for (const order of single) await harness.payments.db.transaction().execute((tx) => settleAsReported(tx, order))
  const [first, again] = await twice(async (tx) => {
    expect(await settleAsReported(tx, both)).toBe('settled')
    return refundsOf(tx, both)
  })
  expect(new Set(first.map((refund) => refund.request_no)).size).toBe(2)
  expect(again).toEqual(first)
})

test('a late payment is moved to an order with the same number', async () => {
  const order = await placeOrder(harness, await harness.newBuyer(), [3])
  harness.pass(3600)
  expect(await order.do('expire')).toBe('done')
  await order.do('pay late')
  const [first, again] = await twice(async (tx) => {
    expect(await settleAsReported(tx, order)).toBe('settled')
    const mine = tx.selectFrom('orders').select('order_no').where('user_id', '=', order.userId)
    return (await mine.orderBy('id').execute()).map((row) => row.order_no)
  })
  expect(first).toHaveLength(2)
  expect(again).toEqual(first)
})
