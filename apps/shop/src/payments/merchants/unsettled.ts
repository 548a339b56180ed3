/**
 * What is unsettled at merchants that the shop could no longer query: it waits for their settings, unless the owner
 * gives it up by name.
 */
import { sql } from 'kysely'
import type { Reader, Transaction } from '../../db/connect.ts'
import { moveAttempt } from '../attempts/attempts.ts'

export interface Unsettled {
  /** Numbers of attempts and trial payments that may still turn out to be paid. */
  readonly payments: readonly string[]
  /** Numbers of refunds that are undecided, or may be under way. */
  readonly refunds: readonly string[]
}

/** @param known the merchants that can be queried: everything opened elsewhere is unsettled for good */
export async function unsettledElsewhere(db: Reader, provider: string, known: readonly string[]): Promise<Unsettled> {
  const elsewhere = (column: string) => sql`(${sql.ref(column)} is null or ${sql.ref(column)} <> all(${known}::text[]))`
  const { rows } = await sql<{ payments: string[]; refunds: string[] }>`
    select array(select attempt_no from payment_attempts a
                 where a.provider = ${provider} and (a.status = 'open' or a.ask_at is not null) and ${elsewhere('a.merchant')}
                 union all
                 select attempt_no from trial_payments t
                 where t.provider = ${provider} and t.confirmed_at is null and t.closed_at is null
                   and ${elsewhere('t.merchant')}) as payments,
           array(select request_no from refunds r left join payment_attempts a on a.id = r.attempt_id
                   left join unmatched_payments u on u.id = r.unmatched_id
                 where r.status in ('requested', 'approved', 'sent') and coalesce(a.provider, u.provider) = ${provider}
                   and (case when a.id is null then ${elsewhere('u.merchant')} else ${elsewhere('a.merchant')} end)) as refunds`.execute(
    db,
  )
  return rows[0] ?? { payments: [], refunds: [] }
}

/**
 * Ends those payments here, without the gateway's word: money that arrived for them is no longer looked for. Refunds are
 * never given up.
 */
export async function giveUpPayments(
  tx: Transaction,
  { payments }: Unsettled,
  { now, userId }: { now: Date; userId: number },
): Promise<void> {
  const by = { actor: 'staff', userId } as const
  for (const attemptNo of [...payments].sort()) {
    const closing = { attemptNo, at: now, by, reason: { code: 'GIVEN_UP' }, set: { ask_at: null } } as const
    await moveAttempt(tx, 'close', closing)
  }
  if (payments.length === 0) return
  const ended = { ask_at: null }
  await tx
    .updateTable('payment_attempts')
    .set(ended)
    .where('attempt_no', 'in', payments)
    .where('status', '=', 'closed')
    .execute()
  await tx
    .updateTable('trial_payments')
    .set({ closed_at: now })
    .where('attempt_no', 'in', payments)
    .where('confirmed_at', 'is', null)
    .where('closed_at', 'is', null)
    .execute()
}
