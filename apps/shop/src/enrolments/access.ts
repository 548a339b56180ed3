/**
 * Access to courses: granted by a paid order line or, for free courses, on request. The only writer of `enrolments`,
 * with `by-staff.ts`.
 */
import { sql } from 'kysely'
import type { Database, Reader, Transaction } from '../db/connect.ts'
import { ShopError } from '../errors.ts'
import { toFen } from '../money.ts'
import { addHistory } from '../orders/history.ts'
import type { ReasonOrWords } from '../orders/reasons.ts'

/** Which of these courses the user owns. */
export async function ownedAmong(db: Reader, userId: number, courseIds: readonly number[]): Promise<number[]> {
  if (courseIds.length === 0) return []
  const rows = await enrolmentsAmong(db, userId, courseIds).execute()
  return rows.map((row) => row.course_id)
}

/** Builds the query for them. */
export const enrolmentsAmong = (db: Reader, userId: number, courseIds: readonly number[]) =>
  db
    .selectFrom('enrolments')
    .select('course_id')
    .where('user_id', '=', userId)
    .where('course_id', 'in', [...courseIds])
    .where('revoked_at', 'is', null)

export const owns = async (db: Reader, userId: number, courseId: number): Promise<boolean> =>
  (await ownedAmong(db, userId, [courseId])).length > 0

/**
 * Builds the insert that grants the courses of a paid order, each at most once. It returns the courses granted now; the
 * user owned the others already.
 */
export const grantsForOrder = (
  tx: Pick<Transaction, 'insertInto'>,
  grant: { userId: number; orderId: number; courseIds: readonly number[]; at: Date },
) =>
  tx
    .insertInto('enrolments')
    .values(
      // Sorted, so that two overlapping orders lock the rows in the same order.
      [...grant.courseIds]
        .sort((left, right) => left - right)
        .map((courseId) => ({
          user_id: grant.userId,
          course_id: courseId,
          order_id: grant.orderId,
          granted_at: grant.at,
          // guard: access-granted
          granted_by: 'order',
        })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .returning('course_id')

/**
 * Revokes the access to these courses that this order granted, and no access from elsewhere: a grant that stood by takes
 * over. Recorded in the order's history.
 */
export async function revokeForOrder(
  tx: Transaction,
  revoke: { orderId: number; courseIds: readonly number[]; at: Date; reason: ReasonOrWords; byRefund: boolean },
): Promise<void> {
  const { orderId, courseIds, at, reason, byRefund } = revoke
  if (courseIds.length === 0) return
  const revoked = await tx
    .updateTable('enrolments')
    .set({ revoked_at: at, revoked_by_refund: byRefund })
    .where('id', 'in', (rows) =>
      rows
        .selectFrom('enrolments')
        .select('id')
        .where('order_id', '=', orderId)
        .where('course_id', 'in', [...courseIds])
        .where('revoked_at', 'is', null)
        // The order in which everything locks a user's enrolments.
        .orderBy('course_id')
        .modifyEnd(sql`for no key update`),
    )
    .returning(['user_id', 'course_id'])
    .execute()
  // guard: standby-takes-over
  for (const { user_id, course_id } of revoked.toSorted(byCourse)) await useStandby(tx, user_id, course_id)
  const about = { orderId, at, subject: 'access', event: 'revoke', from: 'active', to: 'revoked', reason } as const
  await addHistory(tx, ...revoked.map((row) => ({ ...about, number: String(row.course_id), actor: 'shop' as const })))
}

/**
 * Gives back the access that refunds of this order took, where the line is not refunded in full after all. What staff took
 * stays taken. Recorded in the order's history.
 */
export async function restoreForOrder(
  tx: Transaction,
  { orderId, at, reason }: { orderId: number; at: Date; reason: ReasonOrWords },
): Promise<void> {
  const restored = await tx
    .updateTable('enrolments')
    .from('order_lines')
    .set({ revoked_at: null, revoked_by_refund: false })
    .whereRef('order_lines.order_id', '=', 'enrolments.order_id')
    .whereRef('order_lines.course_id', '=', 'enrolments.course_id')
    .where('enrolments.order_id', '=', orderId)
    .where((line) =>
      line.or([
        line('order_lines.refunded_fen', '<', line.ref('order_lines.price_fen')),
        line.and([
          line('order_lines.price_fen', '=', toFen(0)),
          line.not(
            line.exists(
              line
                .selectFrom('refund_lines')
                .innerJoin('refunds', 'refunds.id', 'refund_lines.refund_id')
                .select('refund_id')
                .where('refunds.status', '=', 'succeeded')
                .whereRef('refund_lines.order_id', '=', 'order_lines.order_id')
                .whereRef('refund_lines.course_id', '=', 'order_lines.course_id'),
            ),
          ),
        ]),
      ]),
    )
    .where('enrolments.revoked_at', 'is not', null)
    .where('enrolments.revoked_by_refund', '=', true)
    // Access from elsewhere, or a grant that stood by and took over, is enough.
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('enrolments as other')
            .select('other.id')
            .whereRef('other.user_id', '=', 'enrolments.user_id')
            .whereRef('other.course_id', '=', 'enrolments.course_id')
            .where('other.revoked_at', 'is', null),
        ),
      ),
    )
    .returning('enrolments.course_id')
    .execute()
  const about = { orderId, at, subject: 'access', event: 'grant', from: 'revoked', to: 'active', reason } as const
  await addHistory(tx, ...restored.map((row) => ({ ...about, number: String(row.course_id), actor: 'shop' as const })))
}

const byCourse = (left: { course_id: number }, right: { course_id: number }) => left.course_id - right.course_id

const useStandby = (tx: Transaction, userId: number, courseId: number) =>
  tx
    .updateTable('enrolments')
    .set({ standby: false, revoked_at: null, revoked_by_refund: false })
    .where('user_id', '=', userId)
    .where('course_id', '=', courseId)
    .where('standby', '=', true)
    .execute()

/** Adds a free course to "my courses". @throws ShopError COURSE_NOT_FOUND, COURSE_NOT_FREE */
export async function enrolInFreeCourse(db: Reader, userId: number, courseId: number, now: Date): Promise<void> {
  const course = await db
    .selectFrom('courses')
    .select('price_fen')
    .where('id', '=', courseId)
    .where('status', '=', 'published')
    .executeTakeFirstOrThrow(() => new ShopError('COURSE_NOT_FOUND'))
  if (course.price_fen > 0) throw new ShopError('COURSE_NOT_FREE')
  await db
    .insertInto('enrolments')
    .values({ user_id: userId, course_id: courseId, granted_at: now, granted_by: 'free' })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** Stores the reader's place in the course. Without access nothing is stored. */
export async function keepPlace(db: Database, userId: number, courseId: number, lessonId: number): Promise<void> {
  await db
    .updateTable('enrolments')
    .set({ last_lesson_id: lessonId })
    .where('user_id', '=', userId)
    .where('course_id', '=', courseId)
    .where('revoked_at', 'is', null)
    .where((where) =>
      where.exists(
        where.selectFrom('lessons').select('id').where('id', '=', lessonId).where('course_id', '=', courseId),
      ),
    )
    .execute()
}
