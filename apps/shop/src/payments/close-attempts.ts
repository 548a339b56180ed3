/**
 * Closes payment attempts: at the gateway first, then here. Of an unpaid order when its buyer pays anew; of a paid one
 * whatever is still open, so that nobody pays it twice.
 */
import { faultPoint } from '#fault-point'
import type { Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { lockOrder } from '../orders/transition.ts'
import type { By } from '../states.ts'
import { askAbout } from './ask.ts'
import { CLOCK_MARGIN_MS } from './ask-times.ts'
import { type AttemptRef, moveAttempt, openAttempts, unsettledAttempts } from './attempts.ts'
import { isAway, type Payments, providerNamed } from './payments.ts'

/**
 * Asks about the attempt, closes what waits there, and asks again.
 * @returns true when its order is paid by it; otherwise nothing can be paid there any more, but for a link nobody has opened
 * @throws ShopError GATEWAY_UNAVAILABLE when the gateway gives no answer
 */
export async function closeThere(payments: Payments, attempt: AttemptRef): Promise<boolean> {
  const before = await askAbout(payments, attempt)
  const provider = providerNamed(payments, attempt.provider)
  // A number that its gateway has never heard of may be on its way there still: closing spends it.
  const spend = before.trade.state === 'none' && provider.links.made === 'there'
  if (before.trade.state !== 'waiting' && !spend) return before.paid
  faultPoint('close: asked, not closed there')
  await provider.close(attempt.attempt_no, attempt.merchant)
  faultPoint('close: closed there, not asked again')
  const after = await askAbout(payments, attempt)
  if (after.trade.state === 'waiting') throw new ShopError('GATEWAY_UNAVAILABLE')
  return after.paid
}

/**
 * The task: all that may still be paid of an order, but the newest one while the order is unpaid: that is the one its buyer
 * is using, whichever it was when the task was made. @throws ShopError to come again
 */
export async function closeLeftAttempts(payments: Payments, orderId: number): Promise<void> {
  const { db } = payments
  const order = await db.selectFrom('orders').select('status').where('id', '=', orderId).executeTakeFirst()
  const left = await unsettledAttempts(db, orderId)
  const [newest] = order?.status === 'unpaid' ? await openAttempts(db, orderId) : []
  await closeAttempts(
    payments,
    orderId,
    left.filter((attempt) => attempt.attempt_no !== newest?.attempt_no),
  )
}

/** Closes each of them; a gateway that is away keeps none of another one open. @throws what the first failure was, at the end */
export async function closeAttempts(
  payments: Payments,
  orderId: number,
  attempts: readonly AttemptRef[],
): Promise<void> {
  const failures: unknown[] = []
  for (const attempt of attempts) {
    try {
      if (await closeThere(payments, attempt)) continue
      await payments.db.transaction().execute(async (tx) => {
        const by = { actor: 'job' } as const
        await closeAttemptHere(tx, orderId, attempt.attempt_no, { by, reason: 'not needed', now: payments.clock() })
      })
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures.find((error) => !isAway(error)) ?? failures[0]
}

/**
 * Notes an attempt as closed that its gateway has closed, or has never heard of. A link that nobody had opened could not
 * be closed there; once it has ended, the gateway is asked a last time.
 */
export async function closeAttemptHere(
  tx: Transaction,
  orderId: number,
  attemptNo: string,
  { by, reason, now }: { by: By; reason: string; now: Date },
): Promise<void> {
  const order = await lockOrder(tx, orderId)
  if (!order) return
  const lastLook = new Date(Math.max(order.expires_at.getTime(), now.getTime()) + CLOCK_MARGIN_MS)
  await moveAttempt(tx, 'close', { attemptNo, at: now, by, reason, set: { ask_at: lastLook } })
}

/** Closed here and over there: no more questions. One that still waits there is closed there, and looked at again. */
export async function lookForTheLastTime(payments: Payments, attempt: AttemptRef): Promise<void> {
  const { trade } = await askAbout(payments, attempt)
  const { provider, attempt_no: attemptNo, merchant } = attempt
  if (trade.state === 'waiting') return providerNamed(payments, provider).close(attemptNo, merchant)
  await payments.db
    .updateTable('payment_attempts')
    .set({ ask_at: null })
    .where('attempt_no', '=', attemptNo)
    .where('status', '=', 'closed')
    .execute()
}
