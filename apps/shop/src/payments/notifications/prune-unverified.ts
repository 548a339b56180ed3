/** Removes notifications with an invalid signature a week after they arrived, except those that staff replayed. */
import { sql } from 'kysely'
import type { Database } from '../../db/connect.ts'
import { VERIFIED } from './rows.ts'

const KEPT_DAYS = 7
/** Rows deleted per statement: few enough not to block other work. */
const BATCH = 1000

/** @returns how many were removed */
export async function pruneUnverified(db: Database, now: Date, batch = BATCH): Promise<number> {
  const before = new Date(now.getTime() - KEPT_DAYS * 86_400_000)
  for (let removed = 0; ; ) {
    const { numAffectedRows = 0n } = await sql`
      delete from notifications where (id, received_at) in (
        select id, received_at from notifications
        where not accepted and received_at < ${before} and not checks @> ${VERIFIED}::jsonb
          and not exists (select from notification_handlings where notification_id = notifications.id)
        order by id limit ${batch})`.execute(db)
    removed += Number(numAffectedRows)
    if (numAffectedRows < batch) return removed
  }
}
