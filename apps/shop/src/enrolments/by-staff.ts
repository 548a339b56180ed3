/** Access that staff grant and revoke, each with a reason. */
import { sql } from 'kysely'
import pg from 'pg'
import type { Transaction } from '../db/connect.ts'
import { ShopError } from '../errors.ts'
import { addHistory } from '../orders/history.ts'
import { decidedFen } from '../orders/lines.ts'
import type { OrderStatus } from '../orders/states.ts'
import { lockOrder } from '../orders/transition.ts'

export interface AccessByStaff {
  readonly userId: number
  readonly courseId: number
  readonly staffId: number
  readonly reason: string
  readonly now: Date
}

/** The change, for the audit log. */
export interface AccessChange {
  readonly from: 'none' | 'revoked' | 'active'
  /** The order that granted the access. */
  readonly orderNo: string | null
}

/**
 * Grants access. If the buyer has paid for the course, the order's own access is restored, so that a refund ends it as
 * usual; otherwise it is a gift.
 * @param orderNo the order whose access is to be restored
 * @throws ShopError COURSE_NOT_FOUND, COURSE_ALREADY_OWNED, ORDER_NOT_FOUND, LINE_NOT_PAID
 */
export async function grantByStaff(
  tx: Transaction,
  { orderNo, ...grant }: AccessByStaff & { orderNo?: string | undefined },
): Promise<AccessChange> {
  const order = orderNo === undefined ? await paidOrderOf(tx, grant) : await orderNumbered(tx, grant.userId, orderNo)
  if (order) return { from: await grantOfOrder(tx, grant, order.id), orderNo: order.order_no }
  if (!(await grantCourse(tx, grant))) throw new ShopError('COURSE_ALREADY_OWNED')
  return { from: 'none', orderNo: null }
}

/** Whether an order in this state has paid for the line, and the line is not refunded in full, nor about to be. */
export const isLinePaid = (status: OrderStatus, line: { price_fen: number; decided_fen: number }): boolean =>
  (status === 'paid' || status === 'partially_refunded') && (line.price_fen === 0 || line.decided_fen < line.price_fen)

async function orderNumbered(tx: Transaction, userId: number, orderNo: string) {
  const order = await tx
    .selectFrom('orders')
    .select(['id', 'order_no'])
    .where('order_no', '=', orderNo)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  if (!order) throw new ShopError('ORDER_NOT_FOUND')
  return order
}

/** The newest order that paid for the course and was not refunded. */
async function paidOrderOf(tx: Transaction, { userId, courseId }: AccessByStaff) {
  const orders = await tx
    .selectFrom('orders')
    .innerJoin('order_lines', 'order_lines.order_id', 'orders.id')
    .select(['orders.id', 'orders.order_no', 'orders.status', 'order_lines.price_fen'])
    .select(decidedFen.as('decided_fen'))
    .where('orders.user_id', '=', userId)
    .where('order_lines.course_id', '=', courseId)
    .where('orders.status', 'in', ['paid', 'partially_refunded'])
    .orderBy('orders.id', 'desc')
    .execute()
  return orders.find((order) => isLinePaid(order.status, order))
}

/** Locks the order's row, so that no refund of it ends in between. @returns the state of the access before */
async function grantOfOrder(tx: Transaction, grant: AccessByStaff, orderId: number): Promise<'none' | 'revoked'> {
  const { courseId, staffId, reason, now } = grant
  const order = await lockOrder(tx, orderId)
  const line = await tx
    .selectFrom('order_lines')
    .select(['price_fen', decidedFen.as('decided_fen')])
    .where('order_id', '=', orderId)
    .where('course_id', '=', courseId)
    .executeTakeFirst()
  if (!order || !line) throw new ShopError('COURSE_NOT_FOUND')
  if (!isLinePaid(order.status, line)) throw new ShopError('LINE_NOT_PAID')
  const own = await tx
    .selectFrom('enrolments')
    .select('id')
    .where('order_id', '=', orderId)
    .where('course_id', '=', courseId)
    .executeTakeFirst()
  const from = own ? 'revoked' : 'none'
  if (!(await restoreAccess(tx, grant, orderId))) throw new ShopError('COURSE_ALREADY_OWNED')
  await addHistory(tx, {
    ...{ orderId, at: now, subject: 'access', number: String(courseId), event: 'grant', from, to: 'active' },
    ...{ actor: 'staff', userId: staffId, reason },
  })
  return from
}

/**
 * Restores the line's own access, of which there is at most one; the time of the first grant is kept.
 * @returns whether it was missing
 */
async function restoreAccess(
  tx: Transaction,
  { userId, courseId, now }: AccessByStaff,
  orderId: number,
): Promise<boolean> {
  try {
    const revived = await tx
      .insertInto('enrolments')
      .values({ user_id: userId, course_id: courseId, order_id: orderId, granted_at: now, granted_by: 'staff' })
      .onConflict((conflict) =>
        conflict
          .columns(['order_id', 'course_id'])
          .where('order_id', 'is not', null)
          .doUpdateSet({ revoked_at: null, revoked_by_refund: false })
          .where('enrolments.revoked_at', 'is not', null),
      )
      .returning('id')
      .executeTakeFirst()
    return revived !== undefined
  } catch (error) {
    // The buyer has access from elsewhere, perhaps granted a moment ago.
    if (error instanceof pg.DatabaseError && error.constraint === 'enrolments_active') return false
    throw error
  }
}

/**
 * An import's grant for somebody who bought the course stands by: it gives access once a refund has ended the order's.
 * @param importId the import that grants it, unless staff grant it by hand
 * @returns whether it was granted now; false if the user owned it already
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
  const insert = async (standby: { standby?: true; revoked_at?: Date }): Promise<boolean> => {
    const row = { user_id: userId, course_id: courseId, granted_at: now, ...by, ...standby }
    const conflict = tx
      .insertInto('enrolments')
      .values(row)
      .onConflict((on) => on.doNothing())
    return (await conflict.returning('id').executeTakeFirst()) !== undefined
  }
  if (await insert({})) return true
  if (importId === undefined) return false
  // Locked, so that no refund ends it without seeing the grant that stands by.
  const bought = await tx
    .selectFrom('enrolments')
    .select('id')
    .where('user_id', '=', userId)
    .where('course_id', '=', courseId)
    .where('revoked_at', 'is', null)
    .where('order_id', 'is not', null)
    .modifyEnd(sql`for no key update`)
    .executeTakeFirst()
  // Owned from elsewhere, or ended by a refund a moment ago.
  if (!bought) return insert({})
  // guard: import-stands-by
  await insert({ standby: true, revoked_at: now })
  return false
}

/** Refunds nothing: a refund ends access by itself. @throws ShopError COURSE_NOT_OWNED */
export async function revokeByStaff(tx: Transaction, revoke: AccessByStaff): Promise<AccessChange> {
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
  await tx
    .updateTable('enrolments')
    .set({ standby: false })
    .where('user_id', '=', userId)
    .where('course_id', '=', courseId)
    .where('standby', '=', true)
    .execute()
  if (revoked.order_id === null) return { from: 'active', orderNo: null }
  const order = await tx
    .selectFrom('orders')
    .select(['id', 'order_no'])
    .where('id', '=', revoked.order_id)
    .executeTakeFirstOrThrow()
  await addHistory(tx, {
    orderId: order.id,
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
  return { from: 'active', orderNo: order.order_no }
}
