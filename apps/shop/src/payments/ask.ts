/** Asks the gateway about attempts, and settles by the same door as a notification. */
import { faultPoint } from '#fault-point'
import { type AttemptRef, moveAttempt } from './attempts.ts'
import { type Payments, providerNamed } from './payments.ts'
import type { GatewayTrade } from './providers/provider.ts'
import { settle } from './settle.ts'

/** What the gateway says, and what that did here. */
export interface Asked {
  readonly trade: GatewayTrade
  /** Whether its order is paid by it, now or before. */
  readonly paid: boolean
}

/**
 * Asks about one attempt; what the gateway says is settled or noted before this returns.
 * @throws ShopError GATEWAY_UNAVAILABLE
 */
export async function askAbout(payments: Payments, attempt: AttemptRef): Promise<Asked> {
  const { provider, attempt_no: attemptNo } = attempt
  const trade = await providerNamed(payments, provider).ask(attemptNo)
  faultPoint('ask: answered, not settled')
  const now = payments.clock()
  if (trade.state === 'paid') {
    const { tradeNo, amount, paidAt } = trade
    const settlement = await payments.db
      .transaction()
      .execute((tx) => settle(tx, { provider, attemptNo, tradeNo, amount, paidAt, source: 'query', now }))
    return { trade, paid: settlement.outcome !== 'set-aside' }
  }
  if (trade.state === 'closed') {
    const by = { actor: 'gateway' } as const
    await payments.db
      .transaction()
      .execute((tx) =>
        moveAttempt(tx, 'close', { attemptNo, at: now, by, reason: 'closed there', set: { ask_at: null } }),
      )
  }
  return { trade, paid: false }
}
