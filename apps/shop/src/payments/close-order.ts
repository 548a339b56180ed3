/** Closes unpaid orders: at the gateway first, then here; and if the gateway says that it was paid, it is paid. */
import { ShopError } from '../errors.ts'
import type { Actor } from '../orders/states.ts'
import { transition } from '../orders/transition.ts'
import { askAbout, type OpenAttempt } from './ask.ts'
import { type Payments, providerNamed } from './payments.ts'

/** The gateway's clock and ours may differ by this much: an order ends that long after its pay link did. */
export const CLOCK_MARGIN_MS = 60_000

export type Closing = 'closed' | 'paid' | 'already closed'

/**
 * Asks, closes what waits there, asks again, and only then closes here.
 * @throws ShopError GATEWAY_UNAVAILABLE when the gateway gives no answer: the order stays as it is
 */
export async function closeOrder(
  payments: Payments,
  orderId: number,
  why: { event: 'cancel' | 'expire'; actor: Actor; reason: string },
): Promise<Closing> {
  const attempts = await payments.db
    .selectFrom('payment_attempts')
    .select(['provider', 'attempt_no'])
    .where('order_id', '=', orderId)
    .where('status', '=', 'open')
    .execute()
  for (const attempt of attempts) {
    if (await wasPaid(payments, attempt)) return 'paid'
  }
  return payments.db.transaction().execute(async (tx) => {
    const moved = await transition(tx, why.event, {
      orderId,
      at: payments.clock(),
      actor: why.actor,
      reason: why.reason,
    })
    if (!moved) {
      const { status } = await tx
        .selectFrom('orders')
        .select('status')
        .where('id', '=', orderId)
        .executeTakeFirstOrThrow()
      return status === 'cancelled' || status === 'expired' ? 'already closed' : 'paid'
    }
    await tx
      .updateTable('payment_attempts')
      .set({ status: 'closed', ask_at: null })
      .where('order_id', '=', orderId)
      .where('status', '=', 'open')
      .execute()
    return 'closed'
  })
}

async function wasPaid(payments: Payments, attempt: OpenAttempt): Promise<boolean> {
  const before = await askAbout(payments, attempt)
  if (before.state !== 'waiting') return before.state === 'paid'
  await providerNamed(payments, attempt.provider).close(attempt.attempt_no)
  const after = await askAbout(payments, attempt)
  if (after.state === 'waiting') throw new ShopError('GATEWAY_UNAVAILABLE')
  return after.state === 'paid'
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
    for (const { id } of due) {
      after = id
      try {
        const closing = await closeOrder(payments, id, { event: 'expire', actor: 'job', reason: 'not paid in time' })
        if (closing === 'closed') expired += 1
      } catch (error) {
        if (!(error instanceof ShopError)) throw error
        payments.log.warn({ orderId: id, code: error.code }, 'order not expired yet: the gateway gave no answer')
      }
    }
  }
}
