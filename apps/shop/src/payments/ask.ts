/** Asks the gateway about attempts that nobody has told us about, and settles by the same door as a notification. */
import { sql } from 'kysely'
import { type Payments, providerNamed } from './payments.ts'
import type { GatewayTrade } from './providers/provider.ts'
import { settle } from './settle.ts'

export interface OpenAttempt {
  readonly provider: string
  readonly attempt_no: string
}

/** How long after each question the next one comes, in seconds; the last is repeated. */
const ASK_AGAIN_SECONDS = [30, 60, 120, 300, 600, 1800]
/** When an attempt is first asked about, in seconds after it was opened. */
export const FIRST_ASK_SECONDS = 60
const AT_ONCE = 8

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
export async function askAbout(payments: Payments, attempt: OpenAttempt): Promise<Asked> {
  const { provider, attempt_no: attemptNo } = attempt
  const trade = await providerNamed(payments, provider).ask(attemptNo)
  if (trade.state === 'paid') {
    const { tradeNo, amount, paidAt } = trade
    const now = payments.clock()
    const settlement = await payments.db
      .transaction()
      .execute((tx) => settle(tx, { provider, attemptNo, tradeNo, amount, paidAt, source: 'query', now }))
    return { trade, paid: settlement.outcome !== 'set-aside' }
  }
  if (trade.state === 'closed') {
    await payments.db
      .updateTable('payment_attempts')
      .set({ status: 'closed', ask_at: null })
      .where('attempt_no', '=', attemptNo)
      .where('status', '=', 'open')
      .execute()
  }
  return { trade, paid: false }
}

/** Asks about every attempt whose time has come. Any number of processes may do this: each attempt is claimed by one. */
export async function askDueAttempts(payments: Payments): Promise<number> {
  let asked = 0
  for (;;) {
    const due = await claimDue(payments)
    if (due.length === 0) return asked
    for (let start = 0; start < due.length; start += AT_ONCE) {
      await Promise.all(due.slice(start, start + AT_ONCE).map((attempt) => askQuietly(payments, attempt)))
    }
    asked += due.length
  }
}

async function askQuietly(payments: Payments, attempt: DueAttempt): Promise<void> {
  try {
    const { trade } = await askAbout(payments, attempt)
    if (attempt.status === 'closed') await lookedForTheLastTime(payments, attempt, trade)
  } catch (error) {
    // One attempt's trouble must not keep the others waiting; it comes up again at its next time.
    payments.log.warn({ attemptNo: attempt.attempt_no, err: error }, 'not known yet what became of an attempt')
  }
}

/** Closed here and over there: no more questions. One that still waits there is closed there, and looked at again. */
async function lookedForTheLastTime(payments: Payments, attempt: OpenAttempt, trade: GatewayTrade): Promise<void> {
  if (trade.state === 'waiting') return providerNamed(payments, attempt.provider).close(attempt.attempt_no)
  await payments.db
    .updateTable('payment_attempts')
    .set({ ask_at: null })
    .where('attempt_no', '=', attempt.attempt_no)
    .where('status', '=', 'closed')
    .execute()
}

interface DueAttempt extends OpenAttempt {
  readonly status: 'open' | 'paid' | 'closed'
}

/** Moves their next question on before the first is put, so that a crash in between only delays it. */
async function claimDue(payments: Payments): Promise<DueAttempt[]> {
  const now = payments.clock()
  const gaps = sql`(array[${sql.join(ASK_AGAIN_SECONDS)}]::int[])[least(asked + 1, ${ASK_AGAIN_SECONDS.length})]`
  return payments.db
    .updateTable('payment_attempts')
    .set({ asked: sql`asked + 1`, ask_at: sql`${now}::timestamptz + make_interval(secs => ${gaps})` })
    .where('id', 'in', (where) =>
      where
        .selectFrom('payment_attempts')
        .select('id')
        .where('ask_at', '<=', now)
        .orderBy('ask_at')
        .limit(64)
        .modifyEnd(sql`for update skip locked`),
    )
    .returning(['provider', 'attempt_no', 'status'])
    .execute()
}
