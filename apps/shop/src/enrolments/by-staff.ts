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
export async function grantByStaff(tx: Transaction, grant: AccessByStaff): Promise<void> {
  if (!(await grantCourse(tx, grant))) throw new ShopError('COURSE_ALREADY_OWNED')
}

/**
 * @param importId the import that gives it, if it is not one of the staff by hand
 * @returns whether it was granted now; not when the user owned it already
 * @throws ShopError COURSE_NOT_FOUND
 */
export async function grantCourse(
  tx: Transaction,
  grant: Pick<AccessByStaff, 'userId' | 'courseId' | 'now'> & { importId?: number },
): Promise<boolean> {
  const { userId, courseId, now, importId } = grant
  const course = await tx.selectFrom('courses').select('id').where('id', '=', courseId).executeTakeFirst()
  if (!course) throw new ShopError('COURSE_NOT_FOUND')
  const by = importId === undefined ? { granted_by: 'staff' } : { granted_by: 'import', import_id: importId }
  const granted = await tx
    .insertInto('enrolments')
    .values({ user_id: userId, course_id: courseId, granted_at: now, ...by })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst()
  return granted !== undefined
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
