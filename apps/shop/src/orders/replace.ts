/**
 * The written policy for a payment that arrives after its order's end. An order that its buyer or staff cancelled is no
 * longer wanted: the money goes back. One that only ran out of time is still wanted for a day, while its courses are on
 * sale and unowned: a new order of the same lines takes the payment, and the buyer has what was paid for.
 */
import { sql } from 'kysely'
import type { Transaction } from '../database/connect.ts'
import { ownedAmong } from '../enrolments/access.ts'
import { addHistory } from './history.ts'
import { newNumber } from './number.ts'
import { lockOrder, transition } from './transition.ts'

const WANTED_FOR_MS = 24 * 60 * 60_000

/**
 * Places the order that takes a late payment; the caller holds the expired order's row and pays the new one in the same
 * transaction.
 * @returns the new order's id, or undefined where the money is to go back
 */
export async function replaceExpired(tx: Transaction, orderId: number, now: Date): Promise<number | undefined> {
  const order = await lockOrder(tx, orderId)
  if (order?.status !== 'expired' || !order.closed_at) return undefined
  if (now.getTime() - order.closed_at.getTime() > WANTED_FOR_MS) return undefined
  if (!(await allOnSale(tx, order.course_ids))) return undefined
  if ((await ownedAmong(tx, order.user_id, order.course_ids)).length > 0) return undefined

  const orderNo = newNumber(now)
  const { id } = await tx
    .insertInto('orders')
    .values({
      order_no: orderNo,
      user_id: order.user_id,
      subject: order.subject,
      total_fen: order.total_fen,
      pay_type: order.pay_type,
      course_ids: order.course_ids,
      created_at: now,
      expires_at: now,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await tx
    .insertInto('order_lines')
    .columns(['order_id', 'position', 'course_id', 'course_title', 'price_fen', 'original_price_fen'])
    .expression((lines) =>
      lines
        .selectFrom('order_lines')
        .select([sql<number>`${id}::bigint`.as('order_id'), 'position', 'course_id', 'course_title', 'price_fen'])
        .select('original_price_fen')
        .where('order_id', '=', orderId),
    )
    .execute()
  const by = { actor: 'shop' } as const
  const reason = `a late payment of order ${order.order_no}`
  await addHistory(tx, {
    orderId: id,
    at: now,
    subject: 'order',
    event: 'place',
    from: null,
    to: 'unpaid',
    reason,
    ...by,
  })
  await transition(tx, 'replace', { orderId, at: now, by, reason: `a late payment; see order ${orderNo}` })
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
