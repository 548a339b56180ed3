/** A person's sessions: listing and ending them. */
import { type Static, Type } from 'typebox'
import type { Reader, Transaction } from '../../db/connect.ts'
import { Moment, viewOf } from '../../http/shapes.ts'
import { sessionLasts } from './session-life.ts'

export const SessionShape = Type.Object(
  {
    id: Type.String(),
    userAgent: Type.String({ description: 'The user agent of the browser or program' }),
    address: Type.String({ description: 'The address of the login' }),
    since: Moment,
    seenAt: Type.Union([Moment, Type.Null()], { description: 'Last use of the back office, to a minute' }),
    current: Type.Boolean({ description: 'The session of this request' }),
  },
  { $id: 'Session' },
)

/** The person's active sessions, the most recently used first. @param current the session of this request */
export async function listSessions(
  db: Reader,
  userId: number,
  current: string,
  now: Date,
): Promise<Static<typeof SessionShape>[]> {
  const rows = await db
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .select(['sessions.id', 'user_agent', 'address', 'sessions.created_at as since', 'seen_at'])
    .where('user_id', '=', userId)
    .where(sessionLasts(now))
    .orderBy((of) => of.fn.coalesce('seen_at', 'sessions.created_at'), 'desc')
    .orderBy('sessions.id')
    .limit(200)
    .execute()
  return rows.map((row) => ({ ...viewOf(row), current: row.id === current }))
}

/** Ends all sessions of a person except `except`. @returns how many were ended */
export async function endSessions(tx: Transaction, userId: number, now: Date, except?: string): Promise<number> {
  let ending = tx
    .updateTable('sessions')
    .set({ ended_at: now })
    .where('user_id', '=', userId)
    .where('ended_at', 'is', null)
    .where('expires_at', '>', now)
  if (except !== undefined) ending = ending.where('id', '!=', except)
  const { numUpdatedRows } = await ending.executeTakeFirst()
  return Number(numUpdatedRows)
}

/** Ends one session if it is this person's and active. @returns whether it did */
export async function endSession(db: Reader, userId: number, sessionId: string, now: Date): Promise<boolean> {
  const ended = await db
    .updateTable('sessions')
    .set({ ended_at: now })
    .where('id', '=', sessionId)
    .where('user_id', '=', userId)
    .where('ended_at', 'is', null)
    .returning('id')
    .executeTakeFirst()
  return ended !== undefined
}
