/**
 * Notifications of what is settled already, by far the most where a gateway repeats itself: they change nothing and are
 * only kept. Those that arrive at once are recognised together and kept together, each acknowledged after its commit.
 */
import { sql } from 'kysely'
import { isAnyOf } from '../database/any-of.ts'
import { inBatches } from '../database/batches.ts'
import type { Database } from '../database/connect.ts'
import type { PaidNotice } from './providers/provider.ts'

/** A notification's row, in the forms that the database keeps. */
export interface NotificationRow {
  readonly provider: string
  readonly received_at: Date
  readonly address: string
  readonly content_type: string
  /** JSON. */
  readonly headers: string
  readonly body: Buffer
  readonly body_bytes: number
  /** JSON. */
  readonly checks: string
  readonly effect: string
  readonly accepted: boolean
  readonly attempt_no: string | null
  readonly notify_id: string | null
  readonly trade_no: string | null
}

export interface Repeats {
  /** Whether the attempt is paid already by this very trade and amount; what is paid stays paid. */
  isRepeat(provider: string, paid: PaidNotice): Promise<boolean>
  /** Resolves once it is committed. */
  keep(row: NotificationRow): Promise<void>
}

export function createRepeats(db: Database): Repeats {
  const look = inBatches((attemptNos: readonly string[]) => findPaid(db, attemptNos))
  const keep = inBatches((rows: readonly NotificationRow[]) => keepAll(db, rows))
  return {
    async isRepeat(provider, paid) {
      const known = await look(paid.attemptNo)
      return known?.provider === provider && known.trade_no === paid.tradeNo && known.amount_fen === paid.amount
    },
    keep,
  }
}

async function findPaid(db: Database, attemptNos: readonly string[]) {
  const rows = await db
    .selectFrom('payment_attempts')
    .select(['attempt_no', 'provider', 'trade_no', 'amount_fen'])
    .where((attempt) => isAnyOf(attempt.ref('attempt_no'), attemptNos, 'text'))
    .where('status', '=', 'paid')
    .execute()
  const byNumber = new Map(rows.map((row) => [row.attempt_no, row]))
  return attemptNos.map((attemptNo) => byNumber.get(attemptNo))
}

/** One statement whose text is the same however many there are. */
async function keepAll(db: Database, rows: readonly NotificationRow[]): Promise<undefined[]> {
  const all = <Name extends keyof NotificationRow>(name: Name) => rows.map((row) => row[name])
  await sql`
    insert into notifications (provider, received_at, address, content_type, headers, body, body_bytes, checks, effect,
      accepted, attempt_no, notify_id, trade_no)
    select provider, received_at, address, content_type, headers::jsonb, body, body_bytes, checks::jsonb, effect,
      accepted, attempt_no, notify_id, trade_no
    from unnest(${all('provider')}::text[], ${all('received_at')}::timestamptz[], ${all('address')}::text[],
      ${all('content_type')}::text[], ${all('headers')}::text[], ${all('body')}::bytea[], ${all('body_bytes')}::int[],
      ${all('checks')}::text[], ${all('effect')}::text[], ${all('accepted')}::boolean[], ${all('attempt_no')}::text[],
      ${all('notify_id')}::text[], ${all('trade_no')}::text[])
      as kept (provider, received_at, address, content_type, headers, body, body_bytes, checks, effect, accepted,
        attempt_no, notify_id, trade_no)`.execute(db)
  return rows.map(() => undefined)
}
