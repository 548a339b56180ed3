/** What others did since an owner last acknowledged it: payment keys, staff, exports, large refunds. */
import { sql } from 'kysely'
import type { Database } from '../db/connect.ts'

const SHOWN = 5
const DAYS = 30

/** The audit entries that this owner has not acknowledged, the newest first, and their number. */
export async function readSecurityNews(db: Database, userId: number, now: Date) {
  const since = new Date(now.getTime() - DAYS * 86_400_000)
  const rows = await db
    .selectFrom('audit_log')
    .innerJoin('users as me', (join) => join.on('me.id', '=', userId))
    .select(['audit_log.id', 'at', 'audit_log.username', 'action', 'subject'])
    .select((of) => of.fn.countAll<string>().over().as('count'))
    .where('sensitive', '=', true)
    .whereRef('audit_log.id', '>', 'me.audit_seen_id')
    .whereRef('at', '>=', 'me.created_at')
    .where('at', '>', since)
    .where((of) => of.or([of('user_id', 'is', null), of('user_id', '!=', userId)]))
    .orderBy('audit_log.id', 'desc')
    .limit(SHOWN)
    .execute()
  return { count: Number(rows[0]?.count ?? 0), rows }
}

/** Acknowledges all entries up to this one. An older page that acknowledges less has no effect. */
export async function noteSecurityNews(db: Database, userId: number, upTo: number): Promise<void> {
  const written = db.selectFrom('audit_log').select((of) => of.fn.coalesce(of.fn.max('id'), sql<number>`0`).as('last'))
  await db
    .updateTable('users')
    .set({ audit_seen_id: sql`greatest(audit_seen_id, least(${upTo}, (${written})))` })
    .where('id', '=', userId)
    .execute()
}
