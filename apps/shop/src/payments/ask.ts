/** Asks the gateway about attempts, and settles by the same door as a notification. */
import { faultPoint } from '#fault-point'
import { brief } from '../database/brief.ts'
import type { Transaction } from '../database/connect.ts'
import { orderNumbered } from '../orders/read.ts'
import { type AttemptRef, moveAttempt, unsettledAttempts } from './attempts.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { answeredBy } from './paid-where.ts'
import { isAway, type Payments, providerNamed } from './payments.ts'
import type { GatewayTrade } from './providers/provider.ts'
import { attemptToSettle, settle } from './settle.ts'

/** What the gateway says, and what that did here. */
export interface Asked {
  readonly trade: GatewayTrade
  /** Whether its order is paid by it, now or before. */
  readonly paid: boolean
}

/**
 * Asks about one attempt; what the gateway says is settled or noted before this returns.
 * @param also what else is written down with the answer, in the transaction of what the answer does
 * @throws ShopError GATEWAY_UNAVAILABLE
 */
export async function askAbout(
  payments: Payments,
  attempt: AttemptRef,
  also?: (tx: Transaction, answer: GatewayTrade['state']) => Promise<void>,
): Promise<Asked> {
  const { provider, attempt_no: attemptNo } = attempt
  const trade = await providerNamed(payments, provider).ask(attemptNo, attempt.merchant)
  faultPoint('ask: answered, not settled')
  const now = payments.clock()
  if (trade.state === 'paid') {
    const { tradeNo, amount, paidAt } = trade
    const paid = { provider, attemptNo, tradeNo, amount, paidAt, source: 'query', now, ...answeredBy(trade) }
    const settlement = await brief(payments.db, async ({ tx, begin }) => {
      const [held] = await begin(attemptToSettle(tx, paid))
      const settled = await settle(tx, paid, held[0])
      await also?.(tx, trade.state)
      return settled
    })
    return { trade, paid: settlement.outcome !== 'set-aside' }
  }
  if (trade.state === 'closed') {
    const by = { actor: 'gateway' } as const
    await payments.db.transaction().execute(async (tx) => {
      await moveAttempt(tx, 'close', { attemptNo, at: now, by, reason: 'closed there', set: { ask_at: null } })
      await also?.(tx, trade.state)
    })
  } else if (also) {
    await payments.db.transaction().execute((tx) => also(tx, trade.state))
  }
  return { trade, paid: false }
}

/**
 * Asks about everything of an order that may still be paid, through an old link as well. No answer is no reason to refuse the buyer: the page goes on watching,
 * and the job goes on asking, from now on at short intervals again. Of one order it is asked once at a time.
 * @returns what throws ShopError ORDER_NOT_FOUND, also for an order of somebody else
 */
export function createOrderAsker(payments: Payments): (order: { userId: number; orderNo: string }) => Promise<void> {
  const ask = oneAtATime(async (orderId: number) => {
    for (const attempt of await unsettledAttempts(payments.db, orderId)) await askQuietly(payments, attempt)
  })
  return async ({ userId, orderNo }) => ask(await orderNumbered(payments.db, orderNo, userId))
}

/** Asks; where there is no answer, the job asks soon. */
export async function askQuietly(payments: Payments, attempt: AttemptRef): Promise<void> {
  try {
    await askAbout(payments, attempt)
  } catch (error) {
    if (!isAway(error)) throw error
    await payments.db
      .updateTable('payment_attempts')
      .set({ ask_at: payments.clock(), asked: 0 })
      .where('attempt_no', '=', attempt.attempt_no)
      .where('status', '=', 'open')
      .execute()
  }
}
