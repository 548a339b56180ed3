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
  /** Numbers of refunds that are undecided or may be under way, and of trades whose money has not gone back. */
  readonly refunds: readonly string[]
}

/** Which merchants: these, or all but these. What was opened at an unrecorded one belongs to either only if asked for. */
export type Where = ({ readonly at: readonly string[] } | { readonly elsewhere: readonly string[] }) & {
  readonly unrecorded: boolean
}

/** Unmatched money that has not gone back counts as a refund: it can be sent only with its merchant's keys. */
export async function unsettled(db: Reader, provider: string, where: Where): Promise<Unsettled> {
  const there = (column: string) => {
    const merchant = sql.ref(column)
    const named =
      'at' in where ? sql`${merchant} = any(${where.at}::text[])` : sql`${merchant} <> all(${where.elsewhere}::text[])`
    return sql`(case when ${merchant} is null then ${where.unrecorded} else ${named} end)`
  }
  const { rows } = await sql<{ payments: string[]; refunds: string[] }>`
    select array(select attempt_no from payment_attempts a
                 where a.provider = ${provider} and (a.status = 'open' or a.ask_at is not null) and ${there('a.merchant')}
                 union all
                 select attempt_no from trial_payments t
                 where t.provider = ${provider} and t.confirmed_at is null and t.closed_at is null
                   and ${there('t.merchant')}) as payments,
           array(select request_no from refunds r left join payment_attempts a on a.id = r.attempt_id
                   left join unmatched_payments u on u.id = r.unmatched_id
                 where r.status in ('requested', 'approved', 'sent') and coalesce(a.provider, u.provider) = ${provider}
                   and (case when a.id is null then ${there('u.merchant')} else ${there('a.merchant')} end)
                 union all
                 select trade_no from unmatched_payments u
                 where u.provider = ${provider} and u.resolved_at is null and u.refund_id is null
                   and u.refunded_fen < u.amount_fen and u.merchant is not null and ${there('u.merchant')}) as refunds`.execute(
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
