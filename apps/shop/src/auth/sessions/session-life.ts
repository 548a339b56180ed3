/** How long a session lasts: thirty days for buyers; for staff twelve hours, or two without use. */
import { sql } from 'kysely'

export type Role = 'buyer' | 'owner' | 'finance' | 'support' | 'editor'

const HOUR_MS = 3_600_000
const BUYER_MS = 30 * 24 * HOUR_MS
const STAFF_MS = 12 * HOUR_MS

/** The latest end of a session that starts now. */
export const endOfSession = (role: Role, now: Date): Date =>
  new Date(now.getTime() + (role === 'buyer' ? BUYER_MS : STAFF_MS))

/**
 * Whether a row of `sessions`, joined with `users`, is still valid. Uses the current role, so that a session from
 * before its user became staff lasts no longer than the others.
 */
export const sessionLasts = (now: Date) => sql<boolean>`sessions.ended_at is null and sessions.expires_at > ${now}
  and (users.role = 'buyer'
    or (sessions.created_at > ${now}::timestamptz - interval '12 hours'
      and coalesce(sessions.seen_at, sessions.created_at) > ${now}::timestamptz - interval '2 hours'))`
