/** Asks the gateway about attempts that nobody has told us about, and settles by the same door as a notification. */
import { sql } from 'kysely'
import { ShopError } from '../errors.ts'
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

/**
 * Asks about one attempt; what the gateway says is settled or noted before this returns.
 * @throws ShopError GATEWAY_UNAVAILABLE
 */
export async function askAbout(payments: Payments, attempt: OpenAttempt): Promise<GatewayTrade> {
  const { provider, attempt_no: attemptNo } = attempt
  const trade = await providerNamed(payments, provider).ask(attemptNo)
  if (trade.state === 'paid') {
    const { tradeNo, amount, paidAt } = trade
    const now = payments.clock()
    await payments.db
      .transaction()
      .execute((tx) => settle(tx, { provider, attemptNo, tradeNo, amount, paidAt, source: 'query', now }))
  }
  if (trade.state === 'closed') {
    await payments.db
      .updateTable('payment_attempts')
      .set({ status: 'closed', ask_at: null })
      .where('attempt_no', '=', attemptNo)
      .where('status', '=', 'open')
      .execute()
  }
  return trade
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

async function askQuietly(payments: Payments, attempt: OpenAttempt): Promise<void> {
  try {
    await askAbout(payments, attempt)
  } catch (error) {
    if (!(error instanceof ShopError)) throw error
    payments.log.warn(
      { attemptNo: attempt.attempt_no, code: error.code },
      'the gateway gave no answer; asking again later',
    )
  }
}

/** Moves their next question on before the first is put, so that a crash in between only delays it. */
async function claimDue(payments: Payments): Promise<OpenAttempt[]> {
  const now = payments.clock()
  const gaps = sql`(array[${sql.join(ASK_AGAIN_SECONDS)}]::int[])[least(asked + 1, ${ASK_AGAIN_SECONDS.length})]`
  return payments.db
    .updateTable('payment_attempts')
    .set({ asked: sql`asked + 1`, ask_at: sql`${now}::timestamptz + make_interval(secs => ${gaps})` })
    .where('id', 'in', (where) =>
      where
        .selectFrom('payment_attempts')
        .select('id')
        .where('status', '=', 'open')
        .where('ask_at', '<=', now)
        .orderBy('ask_at')
        .limit(64)
        .modifyEnd(sql`for update skip locked`),
    )
    .returning(['provider', 'attempt_no'])
    .execute()
}
