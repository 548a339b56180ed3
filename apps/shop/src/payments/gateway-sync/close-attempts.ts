/**
 * Closes payment attempts, at the gateway first and then locally: those of an unpaid order when its buyer pays again,
 * and those still open on a paid order, so that it cannot be paid twice.
 */
import { faultPoint } from '#fault-point'
import type { Transaction } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import type { ReasonOrWords } from '../../orders/reasons.ts'
import type { By } from '../../orders/state-table.ts'
import { lockOrder } from '../../orders/transition.ts'
import { type AttemptRef, moveAttempt, openAttempts, unsettledAttempts } from '../attempts/attempts.ts'
import { CLOCK_MARGIN_MS } from '../attempts/query-times.ts'
import { findProvider, isGatewayUnavailable, type Payments } from '../payments.ts'
import { queryAttempt } from './query.ts'

/**
 * Queries the attempt, closes it at the gateway if it is waiting for payment, and queries it again.
 * @returns true when its order is paid by it; otherwise it can no longer be paid there, except by a link that was never
 * opened
 * @throws ShopError GATEWAY_UNAVAILABLE when the gateway gives no answer
 */
export async function closeAtGateway(payments: Payments, attempt: AttemptRef): Promise<boolean> {
  // guard: queried-before-closing
  const before = await queryAttempt(payments, attempt)
  const provider = findProvider(payments, attempt.provider)
  // A number that the gateway does not know may still be on its way there; closing makes it unusable.
  const spend = before.trade.state === 'none' && provider.links.signed === 'at the gateway'
  // guard: closed-at-gateway
  if (before.trade.state !== 'waiting' && !spend) return before.paid
  faultPoint('close: asked, not closed there')
  await provider.close(attempt.attempt_no, attempt.merchant)
  faultPoint('close: closed there, not asked again')
  const after = await queryAttempt(payments, attempt)
  if (after.trade.state === 'waiting') throw new ShopError('GATEWAY_UNAVAILABLE')
  return after.paid
}

/**
 * The task: closes every attempt of an order that can still be paid. While the order is unpaid, the newest attempt with a
 * link is left open, even if it was opened after the task was queued: its buyer is using it. Newer ones are waiting for
 * theirs.
 * @throws ShopError so that the task is retried
 */
export async function closeLeftAttempts(payments: Payments, orderId: number): Promise<void> {
  const { db } = payments
  const order = await db.selectFrom('orders').select('status').where('id', '=', orderId).executeTakeFirst()
  const left = await unsettledAttempts(db, orderId)
  const open = order?.status === 'unpaid' ? await openAttempts(db, orderId) : []
  // guard: payable-attempt-kept
  const linked = open.findIndex((attempt) => attempt.link_until !== null)
  const kept = open.slice(0, linked < 0 ? open.length : linked + 1).map((attempt) => attempt.attempt_no)
  await closeAttempts(
    payments,
    orderId,
    left.filter((attempt) => !kept.includes(attempt.attempt_no)),
  )
}

/** Closes each attempt; an unreachable gateway does not keep the others open. @throws the first failure, at the end */
export async function closeAttempts(
  payments: Payments,
  orderId: number,
  attempts: readonly AttemptRef[],
): Promise<void> {
  const failures: unknown[] = []
  for (const attempt of attempts) {
    try {
      if (await closeAtGateway(payments, attempt)) continue
      await payments.db.transaction().execute(async (tx) => {
        const by = { actor: 'job' } as const
        const reason = { code: 'NOT_NEEDED' } as const
        await closeLocally(tx, orderId, attempt.attempt_no, { by, reason, now: payments.clock() })
      })
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures.find((error) => !isGatewayUnavailable(error)) ?? failures[0]
}

/** Closes attempts as far as their gateways answer: one that is unreachable must not stop the buyer. */
export async function closeQuietly(
  payments: Payments,
  orderId: number,
  attempts: readonly AttemptRef[],
): Promise<void> {
  try {
    await closeAttempts(payments, orderId, attempts)
  } catch (error) {
    if (!isGatewayUnavailable(error)) throw error
  }
}

/**
 * Records an attempt as closed after its gateway has closed it, or does not know it. A link that was never opened
 * cannot be closed there, so the gateway is queried a last time after the link has expired.
 */
export async function closeLocally(
  tx: Transaction,
  orderId: number,
  attemptNo: string,
  { by, reason, now }: { by: By; reason: ReasonOrWords; now: Date },
): Promise<void> {
  const order = await lockOrder(tx, orderId)
  if (!order) return
  const lastLook = new Date(Math.max(order.expires_at.getTime(), now.getTime()) + CLOCK_MARGIN_MS)
  // guard: last-query
  await moveAttempt(tx, 'close', { attemptNo, at: now, by, reason, set: { ask_at: lastLook } })
}

/**
 * The last query of a closed attempt: if it is closed at the gateway too, polling ends. If it is waiting for payment
 * there, it is closed there, and queried again later.
 */
export async function queryBeforeClosing(payments: Payments, attempt: AttemptRef): Promise<void> {
  const { trade } = await queryAttempt(payments, attempt)
  const { provider, attempt_no: attemptNo, merchant } = attempt
  if (trade.state === 'waiting') return findProvider(payments, provider).close(attemptNo, merchant)
  await payments.db
    .updateTable('payment_attempts')
    .set({ ask_at: null })
    .where('attempt_no', '=', attemptNo)
    .where('status', '=', 'closed')
    .execute()
}
