/** Queries the gateway about attempts, and settles payments through the same function as a notification. */
import { faultPoint } from '#fault-point'
import type { Transaction } from '../../db/connect.ts'
import { pipelinedTransaction } from '../../db/statements/pipelined-transaction.ts'
import { ShopError } from '../../errors.ts'
import { singleFlight } from '../../http/load/single-flight.ts'
import { publishOrder } from '../../orders/events.ts'
import { findOrderId } from '../../orders/read.ts'
import { type AttemptRef, moveAttempt, unsettledAttempts } from '../attempts/attempts.ts'
import type { GatewayTrade } from '../contract.ts'
import { findProvider, isGatewayUnavailable, type Payments } from '../payments.ts'
import { answeredBy } from '../settlement/paid-at-merchant.ts'
import { attemptToSettle, settle } from '../settlement/settle.ts'

/** The gateway's answer, and its effect here. */
export interface QueryResult {
  readonly trade: GatewayTrade
  /** Whether the attempt has paid its order, now or before. */
  readonly paid: boolean
}

/**
 * Queries one attempt; the gateway's answer is settled or recorded before this returns.
 * @param also further writes in the transaction that applies the answer
 * @throws ShopError GATEWAY_UNAVAILABLE
 */
export async function queryAttempt(
  payments: Payments,
  attempt: AttemptRef,
  also?: (tx: Transaction, answer: GatewayTrade['state']) => Promise<void>,
): Promise<QueryResult> {
  const { provider, attempt_no: attemptNo } = attempt
  const trade = await query(payments, attempt)
  faultPoint('ask: answered, not settled')
  const now = payments.clock()
  if (trade.state === 'paid') {
    const { tradeNo, amount, paidAt, isRefunded = false } = trade
    const source = 'query' as const
    const paid = { provider, attemptNo, tradeNo, amount, paidAt, isRefunded, source, now, ...answeredBy(trade) }
    // guard: query-transaction
    const settlement = await pipelinedTransaction(payments.db, async ({ tx, begin }) => {
      const [held] = await begin(attemptToSettle(tx, paid))
      const settled = await settle(tx, paid, held[0])
      await also?.(tx, trade.state)
      return settled
    })
    return { trade, paid: settlement.outcome !== 'unmatched' }
  }
  if (trade.state === 'closed') {
    const by = { actor: 'gateway' } as const
    const reason = { code: 'CLOSED_AT_GATEWAY' } as const
    await payments.db.transaction().execute(async (tx) => {
      await moveAttempt(tx, 'close', { attemptNo, at: now, by, reason, set: { ask_at: null } })
      await also?.(tx, trade.state)
    })
  } else if (also) {
    await payments.db.transaction().execute((tx) => also(tx, trade.state))
  }
  return { trade, paid: false }
}

/**
 * Queries the gateway and records whether it answered: without an answer it is unknown whether the attempt was paid.
 */
async function query(payments: Payments, attempt: AttemptRef): Promise<GatewayTrade> {
  const { provider, attempt_no: attemptNo, merchant } = attempt
  try {
    const trade = await findProvider(payments, provider).queryTrade(attemptNo, merchant)
    await recordAnswer(payments, attemptNo, true)
    return trade
  } catch (error) {
    if (isGatewayUnavailable(error)) await recordAnswer(payments, attemptNo, false)
    throw error
  }
}

/** Written only when it changes; pages that follow the order are notified. */
async function recordAnswer(payments: Payments, attemptNo: string, answered: boolean): Promise<void> {
  const changed = await payments.db
    .updateTable('payment_attempts')
    .from('orders')
    .set({ unanswered_since: answered ? null : payments.clock() })
    .whereRef('orders.id', '=', 'payment_attempts.order_id')
    .where('attempt_no', '=', attemptNo)
    .where('payment_attempts.status', '<>', 'paid')
    .where('unanswered_since', answered ? 'is not' : 'is', null)
    .returning('orders.order_no')
    .executeTakeFirst()
  if (changed) await payments.db.transaction().execute((tx) => publishOrder(tx, changed.order_no))
}

/**
 * Queries every attempt of an order that may still be paid, including by an old link. A missing answer is no reason to
 * refuse the buyer: the page keeps watching, and polling goes on, at short intervals again. Concurrent requests for one
 * order share one query.
 * @returns a function that throws ShopError ORDER_NOT_FOUND, also for another buyer's order
 */
export function createOrderQuery(payments: Payments): (order: { userId: number; orderNo: string }) => Promise<void> {
  const ask = singleFlight(async (orderId: number) => {
    for (const attempt of await unsettledAttempts(payments.db, orderId)) await queryQuietly(payments, attempt)
  })
  return async ({ userId, orderNo }) => ask(await findOrderId(payments.db, orderNo, userId))
}

/** Queries the attempt; if there is no answer, the job queries it again soon. @returns the answer */
export async function queryQuietly(payments: Payments, attempt: AttemptRef): Promise<GatewayTrade | undefined> {
  try {
    return (await queryAttempt(payments, attempt)).trade
  } catch (error) {
    if (!isGatewayUnavailable(error)) throw error
    await payments.db
      .updateTable('payment_attempts')
      .set({ ask_at: payments.clock(), asked: 0 })
      .where('attempt_no', '=', attempt.attempt_no)
      .where('status', '=', 'open')
      .execute()
    return undefined
  }
}

/**
 * Queries the gateway about the attempt that an unmatched payment names, before the payment is refunded: where it is the
 * order's own money, reported with a wrong amount, it settles that order instead.
 * @throws ShopError GATEWAY_UNAVAILABLE; NOT_PAID_THERE
 */
export async function queryBeforeRefund(
  payments: Payments,
  { provider, attemptNo, reason }: { provider: string; attemptNo: string; reason: string },
): Promise<void> {
  const attempt = await payments.db
    .selectFrom('payment_attempts')
    .select(['provider', 'attempt_no', 'merchant'])
    .where('provider', '=', provider)
    .where('attempt_no', '=', attemptNo)
    .where('status', '<>', 'paid')
    .executeTakeFirst()
  if (!attempt) return
  const { trade } = await queryAttempt(payments, attempt)
  // What may be the order's own payment, but is not paid yet, must not be refunded as soon as it arrives.
  if (reason === 'AMOUNT_DIFFERS' && trade.state !== 'paid') throw new ShopError('NOT_PAID_THERE')
}
