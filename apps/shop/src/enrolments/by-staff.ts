/** Access that staff grant and take away, each with its reason. */
import type { Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { addHistory } from '../orders/history.ts'

export interface AccessByStaff {
  readonly userId: number
  readonly courseId: number
  readonly staffId: number
  readonly reason: string
  readonly now: Date
}

/** @throws ShopError COURSE_NOT_FOUND, COURSE_ALREADY_OWNED */
export async function grantByStaff(tx: Transaction, { userId, courseId, now }: AccessByStaff): Promise<void> {
  const course = await tx.selectFrom('courses').select('id').where('id', '=', courseId).executeTakeFirst()
  if (!course) throw new ShopError('COURSE_NOT_FOUND')
  const granted = await tx
    .insertInto('enrolments')
    .values({ user_id: userId, course_id: courseId, granted_at: now, granted_by: 'staff' })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst()
  if (!granted) throw new ShopError('COURSE_ALREADY_OWNED')
}

/** Money does not go back by this: a refund takes access by itself. @throws ShopError COURSE_NOT_OWNED */
export async function revokeByStaff(tx: Transaction, revoke: AccessByStaff): Promise<void> {
  const { userId, courseId, staffId, reason, now } = revoke
  const revoked = await tx
    .updateTable('enrolments')
    .set({ revoked_at: now })
    .where('user_id', '=', userId)
    .where('course_id', '=', courseId)
    .where('revoked_at', 'is', null)
    .returning('order_id')
    .executeTakeFirst()
  if (!revoked) throw new ShopError('COURSE_NOT_OWNED')
  if (revoked.order_id === null) return
  await addHistory(tx, {
    orderId: revoked.order_id,
    at: now,
    subject: 'access',
    number: String(courseId),
    event: 'revoke',
    from: 'active',
    to: 'revoked',
    actor: 'staff',
    userId: staffId,
    reason,
  })
}
