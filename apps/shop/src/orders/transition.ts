/** Moves an order from one state to the next: a conditional update, a line of history, and word to whoever watches. */
import { sql } from 'kysely'
import type { Transaction } from '../database/connect.ts'
import { announceOrder } from './events.ts'
import { type Actor, ORDER_TRANSITIONS, type OrderEvent } from './states.ts'

export interface Moved {
  readonly id: number
  readonly orderNo: string
  readonly userId: number
  readonly courseIds: number[]
}

/**
 * Makes the transition if the order is where it starts; of two at once the second finds it elsewhere.
 * @returns the order, or undefined when it was not in the state the transition starts from
 */
export async function transition(
  tx: Transaction,
  event: OrderEvent,
  order: { orderId: number; at: Date; actor: Actor; reason: string },
): Promise<Moved | undefined> {
  const { from, to, by } = ORDER_TRANSITIONS[event]
  if (!(by as readonly Actor[]).includes(order.actor)) throw new Error(`${order.actor} may not ${event} an order`)
  const moved = await tx
    .updateTable('orders')
    .set({ status: to, ...(to === 'paid' ? { paid_at: order.at } : { closed_at: order.at }) })
    .where('id', '=', order.orderId)
    .where('status', '=', from)
    .returning(['id', 'order_no', 'user_id', 'course_ids'])
    .executeTakeFirst()
  if (!moved) return undefined
  await addHistory(tx, { orderId: moved.id, at: order.at, event, from, to, actor: order.actor, reason: order.reason })
  await announceOrder(tx, moved.order_no)
  return { id: moved.id, orderNo: moved.order_no, userId: moved.user_id, courseIds: moved.course_ids }
}

export interface HistoryLine {
  readonly orderId: number
  readonly at: Date
  readonly event: string
  readonly from: string | null
  readonly to: string
  readonly actor: Actor
  readonly reason: string
}

export async function addHistory(tx: Transaction, line: HistoryLine): Promise<void> {
  await tx
    .insertInto('order_history')
    .values({
      order_id: line.orderId,
      at: line.at,
      event: line.event,
      from_status: line.from,
      to_status: line.to,
      actor: line.actor,
      reason: line.reason,
    })
    .execute()
}

/** Holds the order's row for the rest of the transaction, so that what is read about it stays true. */
export async function lockOrder(tx: Transaction, orderId: number) {
  return tx
    .selectFrom('orders')
    .selectAll()
    .where('id', '=', orderId)
    .modifyEnd(sql`for no key update`)
    .executeTakeFirst()
}

/** The buyer pays by another method than the one the order was placed with. */
export async function changePayType(tx: Transaction, orderId: number, payType: string): Promise<void> {
  await tx.updateTable('orders').set({ pay_type: payType }).where('id', '=', orderId).execute()
}
