/** The rows of the inbox, and the one statement that inserts them. */
import { type Compilable, sql } from 'kysely'
import type { Database, Reader } from '../../db/connect.ts'

/** A notification's row, as the database stores it. */
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
  readonly reason_code: string | null
  readonly accepted: boolean
  readonly attempt_no: string | null
  readonly notify_id: string | null
  readonly trade_no: string | null
}

/** Contained in the checks of every notification with a valid signature. */
export const VERIFIED = '[{"check":"signature","passed":true}]'

/**
 * How many copies of a notification with a valid signature are stored in a month. A gateway repeats one less than
 * twenty times; more than that means somebody has intercepted one and keeps sending it.
 */
export const MAX_DUPLICATES = 100

/** Builds one statement, whose text is the same for any number of rows. It returns a row for each one stored. */
export function insertNotifications(db: Reader, rows: readonly NotificationRow[]): Compilable<{ kept: number }> {
  const all = <Name extends keyof NotificationRow>(name: Name) => rows.map((row) => row[name])
  const statement = sql<{ kept: number }>`
    insert into notifications (provider, received_at, address, content_type, headers, body, body_bytes, checks, effect,
      reason_code, accepted, attempt_no, notify_id, trade_no)
    select provider, received_at, address, content_type, headers::jsonb, body, body_bytes, checks::jsonb, effect,
      reason_code, accepted, attempt_no, notify_id, trade_no
    from unnest(${all('provider')}::text[], ${all('received_at')}::timestamptz[], ${all('address')}::text[],
      ${all('content_type')}::text[], ${all('headers')}::text[], ${all('body')}::bytea[], ${all('body_bytes')}::int[],
      ${all('checks')}::text[], ${all('effect')}::text[], ${all('reason_code')}::text[], ${all('accepted')}::boolean[],
      ${all('attempt_no')}::text[], ${all('notify_id')}::text[], ${all('trade_no')}::text[])
      as came (provider, received_at, address, content_type, headers, body, body_bytes, checks, effect, reason_code,
        accepted, attempt_no, notify_id, trade_no)
    where came.notify_id is null or not came.checks::jsonb @> ${VERIFIED}::jsonb or ${MAX_DUPLICATES}::int > (
      select count(*) from (
        select from notifications same
        where same.notify_id = came.notify_id and same.received_at > came.received_at - interval '31 days'
          and same.received_at < came.received_at + interval '1 day'
          and same.checks @> ${VERIFIED}::jsonb
        limit ${MAX_DUPLICATES}::int) known)
    returning 1 as kept`
  return { compile: () => statement.compile(db) }
}

/** @returns how many were stored */
export async function keepNotifications(db: Database, rows: readonly NotificationRow[]): Promise<number> {
  const { rows: kept } = await db.executeQuery(insertNotifications(db, rows).compile())
  return kept.length
}
