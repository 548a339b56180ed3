/**
 * Closes unpaid orders, at the gateway first and then locally; an order that the gateway reports as paid is settled.
 */
import { faultPoint } from '#fault-point'
import type { Transaction } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import { singleFlight } from '../../http/load/single-flight.ts'
import { findOrderId } from '../../orders/read.ts'
import type { ReasonOrWords } from '../../orders/reasons.ts'
import type { By } from '../../orders/state-table.ts'
import { lockOrder, transition } from '../../orders/transition.ts'
import { openAttempts, unsettledAttempts } from '../attempts/attempts.ts'
import { CLOCK_MARGIN_MS } from '../attempts/query-times.ts'
import type { Payments } from '../payments.ts'
import { closeAtGateway, closeLocally } from './close-attempts.ts'

export type Closing = 'closed' | 'paid' | 'already closed'

interface Why {
  readonly event: 'cancel' | 'expire'
  readonly by: By
  readonly reason: ReasonOrWords
  /** Further writes in the same transaction. */
  readonly also?: (tx: Transaction) => Promise<void>
}

/** Each concurrent "pay again" costs one more round; a buyer who keeps pressing it is asked to try again later. */
const MAX_ROUNDS = 6

/**
 * Queries the open attempts, closes those that are waiting for payment, queries them again, and only then closes the
 * order locally.
 * @throws ShopError GATEWAY_UNAVAILABLE when the gateway gives no answer: the order stays as it is
 */
export async function closeOrder(payments: Payments, orderId: number, why: Why): Promise<Closing> {
  const asked = new Set<string>()
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    for (const attempt of await unsettledAttempts(payments.db, orderId)) {
      asked.add(attempt.attempt_no)
      if (await closeAtGateway(payments, attempt)) return 'paid'
    }
    faultPoint('close: asked again, not closed here')
    const closing = await payments.db
      .transaction()
      .execute((tx) => closeOrderLocally(tx, orderId, why, asked, payments.clock()))
    if (closing !== 'another attempt') return closing
  }
  throw new ShopError('GATEWAY_UNAVAILABLE', { retryAfterSeconds: 5 })
}

/**
 * With the order's row locked: closes it only if every open attempt was queried, since a new one may have been opened
 * meanwhile.
 */
async function closeOrderLocally(
  tx: Transaction,
  orderId: number,
  { event, by, reason, also }: Why,
  asked: ReadonlySet<string>,
  now: Date,
): Promise<Closing | 'another attempt'> {
  const order = await lockOrder(tx, orderId)
  // guard: closes-unpaid-only
  if (order?.status !== 'unpaid') {
    return order?.status === 'cancelled' || order?.status === 'expired' ? 'already closed' : 'paid'
  }
  const open = await openAttempts(tx, orderId)
  if (open.some((attempt) => !asked.has(attempt.attempt_no))) return 'another attempt'
  for (const { attempt_no: attemptNo } of open) await closeLocally(tx, orderId, attemptNo, { by, reason, now })
  faultPoint('close: attempts closed, order open')
  await transition(tx, event, { orderId, at: now, by, reason })
  await also?.(tx)
  return 'closed'
}

/**
 * Cancels an order for its buyer. Concurrent requests for one order share one attempt.
 * @returns a function that throws ShopError ORDER_NOT_FOUND, also for another buyer's order; ORDER_NOT_CANCELLABLE;
 * GATEWAY_UNAVAILABLE
 */
export function createOrderCanceller(
  payments: Payments,
): (order: { userId: number; orderNo: string }) => Promise<void> {
  const cancel = singleFlight(async (orderId: number) => {
    const { user_id: userId } = await payments.db
      .selectFrom('orders')
      .select('user_id')
      .where('id', '=', orderId)
      .executeTakeFirstOrThrow()
    const by = { actor: 'buyer', userId } as const
    const closing = await closeOrder(payments, orderId, { event: 'cancel', by, reason: '' })
    if (closing !== 'closed') throw new ShopError('ORDER_NOT_CANCELLABLE')
  })
  return async ({ userId, orderNo }) => cancel(await findOrderId(payments.db, orderNo, userId))
}

/**
 * Expires every order whose pay link ended at least the clock margin ago. If the gateway gives no answer, the next run
 * tries again.
 */
export async function expireOrders(payments: Payments): Promise<number> {
  // guard: expires-after-link
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

/** One order's failure must not delay the others. */
async function expireQuietly(payments: Payments, orderId: number): Promise<Closing | undefined> {
  try {
    const reason = { code: 'NOT_PAID_IN_TIME' } as const
    return await closeOrder(payments, orderId, { event: 'expire', by: { actor: 'job' }, reason })
  } catch (error) {
    payments.log.warn({ orderId, err: error }, 'order could not be expired; trying again later')
    return undefined
  }
}
