/** The sessions of one person: which there are, and their end. */
import { type Static, Type } from 'typebox'
import type { Reader, Transaction } from '../database/connect.ts'
import { Moment, writeMoment, writeMomentOrNull } from '../http/shapes.ts'

export const SessionShape = Type.Object(
  {
    id: Type.String(),
    userAgent: Type.String({ description: 'What its browser or program says it is' }),
    address: Type.String({ description: 'Where it was logged in from' }),
    since: Moment,
    seenAt: Type.Union([Moment, Type.Null()], { description: 'Last use of the back office, to ten minutes' }),
    current: Type.Boolean({ description: 'The one that asks' }),
  },
  { $id: 'Session' },
)

/** Who is logged in as this person now, the one seen last first. @param current the session that asks */
export async function listSessions(
  db: Reader,
  userId: number,
  current: string,
  now: Date,
): Promise<Static<typeof SessionShape>[]> {
  const rows = await db
    .selectFrom('sessions')
    .select(['id', 'user_agent', 'address', 'created_at', 'seen_at'])
    .where('user_id', '=', userId)
    .where('ended_at', 'is', null)
    .where('expires_at', '>', now)
    .orderBy((of) => of.fn.coalesce('seen_at', 'created_at'), 'desc')
    .orderBy('id')
    .limit(200)
    .execute()
  return rows.map((row) => ({
    id: row.id,
    userAgent: row.user_agent,
    address: row.address,
    since: writeMoment(row.created_at),
    seenAt: writeMomentOrNull(row.seen_at),
    current: row.id === current,
  }))
}

/** Ends all sessions of a person, or all but one. @returns how many there were */
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

/** Ends one session, if it is this person's and has not ended. @returns whether it did */
export async function endSession(tx: Transaction, userId: number, sessionId: string, now: Date): Promise<boolean> {
  const ended = await tx
    .updateTable('sessions')
    .set({ ended_at: now })
    .where('id', '=', sessionId)
    .where('user_id', '=', userId)
    .where('ended_at', 'is', null)
    .returning('id')
    .executeTakeFirst()
  return ended !== undefined
}
