/** The job that asks about attempts nobody has told us about, at growing intervals. */
import { sql } from 'kysely'
import { askAbout } from './ask.ts'
import { ASK_AGAIN_SECONDS } from './ask-times.ts'
import type { AttemptStatus } from './attempt-states.ts'
import type { AttemptRef } from './attempts.ts'
import { closeLeftAttempts, lookForTheLastTime } from './close-attempts.ts'
import type { Payments } from './payments.ts'

const AT_ONCE = 8

/** Asks about every attempt whose time has come. Any number of processes may do this: each attempt is claimed by one. */
export async function askDueAttempts(payments: Payments): Promise<number> {
  let asked = 0
  for (;;) {
    const due = await claimDue(payments)
    if (due.length === 0) return asked
    for (let start = 0; start < due.length; start += AT_ONCE) {
      await Promise.all(due.slice(start, start + AT_ONCE).map((attempt) => askOne(payments, attempt)))
    }
    asked += due.length
  }
}

async function askOne(payments: Payments, attempt: DueAttempt): Promise<void> {
  try {
    if (attempt.status === 'closed') return await lookForTheLastTime(payments, attempt)
    await askAbout(payments, attempt)
    if (await isDecided(payments, attempt.order_id)) await closeLeftAttempts(payments, attempt.order_id)
  } catch (error) {
    // One attempt's trouble must not keep the others waiting; it comes up again at its next time.
    payments.log.warn({ attemptNo: attempt.attempt_no, err: error }, 'not known yet what became of an attempt')
  }
}

/** An order that is paid needs no open attempt: should the job that closes them have been lost. */
async function isDecided({ db }: Payments, orderId: number): Promise<boolean> {
  const order = await db.selectFrom('orders').select('status').where('id', '=', orderId).executeTakeFirst()
  return order !== undefined && order.status !== 'unpaid'
}

interface DueAttempt extends AttemptRef {
  readonly order_id: number
  readonly status: AttemptStatus
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
    .returning(['provider', 'attempt_no', 'merchant', 'status', 'order_id'])
    .execute()
}
