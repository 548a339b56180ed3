/** The job that polls attempts for which no notification has arrived, at growing intervals. */
import { sql } from 'kysely'
import type { AttemptRef } from '../attempts/attempts.ts'
import { QUERY_AGAIN_SECONDS } from '../attempts/query-times.ts'
import type { AttemptStatus } from '../attempts/states.ts'
import type { Payments } from '../payments.ts'
import { closeLeftAttempts, queryBeforeClosing } from './close-attempts.ts'
import { queryAttempt } from './query.ts'

const AT_ONCE = 8

/** Queries every attempt that is due. Any number of processes may run this: each attempt is claimed by one. */
export async function queryDueAttempts(payments: Payments): Promise<number> {
  let asked = 0
  for (;;) {
    const due = await claimDue(payments)
    if (due.length === 0) return asked
    for (let start = 0; start < due.length; start += AT_ONCE) {
      await Promise.all(due.slice(start, start + AT_ONCE).map((attempt) => queryOne(payments, attempt)))
    }
    asked += due.length
  }
}

async function queryOne(payments: Payments, attempt: DueAttempt): Promise<void> {
  try {
    if (attempt.status === 'closed') return await queryBeforeClosing(payments, attempt)
    await queryAttempt(payments, attempt)
    if (await isDecided(payments, attempt.order_id)) await closeLeftAttempts(payments, attempt.order_id)
  } catch (error) {
    // One attempt's failure must not delay the others; it is queried again when it is next due.
    payments.log.warn({ attemptNo: attempt.attempt_no, err: error }, 'attempt could not be queried; trying again later')
  }
}

/** A paid order needs no open attempt; this covers a lost closing job. */
async function isDecided({ db }: Payments, orderId: number): Promise<boolean> {
  const order = await db.selectFrom('orders').select('status').where('id', '=', orderId).executeTakeFirst()
  return order !== undefined && order.status !== 'unpaid'
}

interface DueAttempt extends AttemptRef {
  readonly order_id: number
  readonly status: AttemptStatus
}

/** Schedules the next query before sending this one, so that a crash in between only delays it. */
async function claimDue(payments: Payments): Promise<DueAttempt[]> {
  const now = payments.clock()
  const gaps = sql`(array[${sql.join(QUERY_AGAIN_SECONDS)}]::int[])[least(asked + 1, ${QUERY_AGAIN_SECONDS.length})]`
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
