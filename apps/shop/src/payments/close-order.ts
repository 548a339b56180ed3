/** Closes unpaid orders: at the gateway first, then here; and if the gateway says that it was paid, it is paid. */
import { faultPoint } from '#fault-point'
import type { Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { orderNumbered } from '../orders/read.ts'
import { lockOrder, transition } from '../orders/transition.ts'
import type { By } from '../states.ts'
import { CLOCK_MARGIN_MS } from './ask-times.ts'
import { openAttempts, unsettledAttempts } from './attempts.ts'
import { closeAttemptHere, closeThere } from './close-attempts.ts'
import { oneAtATime } from './one-at-a-time.ts'
import type { Payments } from './payments.ts'

export type Closing = 'closed' | 'paid' | 'already closed'

interface Why {
  readonly event: 'cancel' | 'expire'
  readonly by: By
  readonly reason: string
  /** What is written along with it, in the same transaction. */
  readonly also?: (tx: Transaction) => Promise<void>
}

/** Each "pay again" that comes in between costs one more; a buyer who presses it all the while is told to come back. */
const MOST_ROUNDS = 6

/**
 * Asks, closes what waits there, asks again, and only then closes here.
 * @throws ShopError GATEWAY_UNAVAILABLE when the gateway gives no answer: the order stays as it is
 */
export async function closeOrder(payments: Payments, orderId: number, why: Why): Promise<Closing> {
  const asked = new Set<string>()
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    for (const attempt of await unsettledAttempts(payments.db, orderId)) {
      asked.add(attempt.attempt_no)
      if (await closeThere(payments, attempt)) return 'paid'
    }
    faultPoint('close: asked again, not closed here')
    const closing = await payments.db
      .transaction()
      .execute((tx) => closeHere(tx, orderId, why, asked, payments.clock()))
    if (closing !== 'another attempt') return closing
  }
  throw new ShopError('GATEWAY_UNAVAILABLE', { retryAfterSeconds: 5 })
}

/** With the order's row held: closed only if every open attempt was asked about; a new one may have come meanwhile. */
async function closeHere(
  tx: Transaction,
  orderId: number,
  { event, by, reason, also }: Why,
  asked: ReadonlySet<string>,
  now: Date,
): Promise<Closing | 'another attempt'> {
  const order = await lockOrder(tx, orderId)
  if (order?.status !== 'unpaid') {
    return order?.status === 'cancelled' || order?.status === 'expired' ? 'already closed' : 'paid'
  }
  const open = await openAttempts(tx, orderId)
  if (open.some((attempt) => !asked.has(attempt.attempt_no))) return 'another attempt'
  for (const { attempt_no: attemptNo } of open) await closeAttemptHere(tx, orderId, attemptNo, { by, reason, now })
  faultPoint('close: attempts closed, order open')
  await transition(tx, event, { orderId, at: now, by, reason })
  await also?.(tx)
  return 'closed'
}

/**
 * Cancels for the buyer. Of one order it is tried once at a time, however often somebody presses.
 * @returns what throws ShopError ORDER_NOT_FOUND, also for an order of somebody else; ORDER_NOT_CANCELLABLE; GATEWAY_UNAVAILABLE
 */
export function createOrderCanceller(
  payments: Payments,
): (order: { userId: number; orderNo: string }) => Promise<void> {
  const cancel = oneAtATime(async (orderId: number) => {
    const { user_id: userId } = await payments.db
      .selectFrom('orders')
      .select('user_id')
      .where('id', '=', orderId)
      .executeTakeFirstOrThrow()
    const by = { actor: 'buyer', userId } as const
    const closing = await closeOrder(payments, orderId, { event: 'cancel', by, reason: '' })
    if (closing !== 'closed') throw new ShopError('ORDER_NOT_CANCELLABLE')
  })
  return async ({ userId, orderNo }) => cancel(await orderNumbered(payments.db, orderNo, userId))
}

/** Expires every order whose pay link ended, a margin ago. One that the gateway does not answer for waits for the next run. */
export async function expireOrders(payments: Payments): Promise<number> {
  const ended = new Date(payments.clock().getTime() - CLOCK_MARGIN_MS)
  let expired = 0
  let after = 0
  for (;;) {
    const due = await payments.db
      .selectFrom('orders')
      .select('id')
      .where('status', '=', 'unpaid')
      .where('expires_at', '<', ended)
      .where('id', '>', after)
      .orderBy('id')
      .limit(100)
      .execute()
    if (due.length === 0) return expired
    after = due.at(-1)?.id ?? after
    for (let start = 0; start < due.length; start += AT_ONCE) {
      const closings = due.slice(start, start + AT_ONCE).map(({ id }) => expireQuietly(payments, id))
      expired += (await Promise.all(closings)).filter((closing) => closing === 'closed').length
    }
  }
}

const AT_ONCE = 8

/** One order's trouble must not keep the others waiting. */
async function expireQuietly(payments: Payments, orderId: number): Promise<Closing | undefined> {
  try {
    return await closeOrder(payments, orderId, { event: 'expire', by: { actor: 'job' }, reason: 'not paid in time' })
  } catch (error) {
    payments.log.warn({ orderId, err: error }, 'order not expired yet')
    return undefined
  }
}
