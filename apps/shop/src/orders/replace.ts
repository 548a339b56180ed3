/**
 * The policy for a payment that arrives after its order ended. If the buyer or staff cancelled the order, it is no
 * longer wanted: the payment is refunded. If it only expired, it is assumed to be wanted for another day, while its
 * courses are on sale and not owned: a new order with the same lines takes the payment, and the buyer gets the courses.
 */
import type { Transaction } from '../db/connect.ts'
import { ownedAmong } from '../enrolments/access.ts'
import { addHistory } from './history.ts'
import { numberFromCause } from './number.ts'
import { insertOrder, insertOrderLines } from './rows.ts'
import { lockOrder, transition } from './transition.ts'

const WANTED_FOR_MS = 24 * 60 * 60_000

/**
 * Places the order that takes a late payment. The caller holds the lock on the expired order's row, and pays the new
 * order in the same transaction.
 * @param attemptNo the attempt that the late payment paid
 * @returns the new order's id, or undefined if the payment must be refunded
 */
export async function replaceExpired(
  tx: Transaction,
  { orderId, attemptNo, now }: { orderId: number; attemptNo: string; now: Date },
): Promise<number | undefined> {
  const order = await lockOrder(tx, orderId)
  if (order?.status !== 'expired' || !order.closed_at) return undefined
  if (now.getTime() - order.closed_at.getTime() > WANTED_FOR_MS) return undefined
  if (!(await allOnSale(tx, order.course_ids))) return undefined
  if ((await ownedAmong(tx, order.user_id, order.course_ids)).length > 0) return undefined

  const orderNo = numberFromCause('order', attemptNo)
  const { user_id: userId, subject, total_fen: total, pay_type: payType, course_ids: courseIds } = order
  const placed = { orderNo, userId, subject, total, payType, courseIds, now, expiresAt: now }
  const { id } = await insertOrder(tx, placed).executeTakeFirstOrThrow()
  const lines = await tx
    .selectFrom('order_lines')
    .select(['course_id', 'course_title', 'price_fen', 'original_price_fen'])
    .where('order_id', '=', orderId)
    .orderBy('position')
    .execute()
  await insertOrderLines(tx, id, lines).execute()
  const by = { actor: 'shop' } as const
  await addHistory(tx, {
    orderId: id,
    at: now,
    subject: 'order',
    event: 'place',
    from: null,
    to: 'unpaid',
    reason: { code: 'LATE_PAYMENT_OF', orderNo: order.order_no },
    ...by,
  })
  const reason = { code: 'LATE_PAYMENT_MOVED_TO', orderNo } as const
  await transition(tx, 'replace', { orderId, at: now, by, reason })
  // guard: replaced-order-named
  await tx.updateTable('orders').set({ replaced_by: id }).where('id', '=', orderId).execute()
  return id
}

async function allOnSale(tx: Transaction, courseIds: readonly number[]): Promise<boolean> {
  const onSale = await tx
    .selectFrom('courses')
    .select('id')
    .where('id', 'in', [...courseIds])
    .where('status', '=', 'published')
    .execute()
  return onSale.length === courseIds.length
}
