/** Moves an order from one state to the next: its row held, a conditional update, a line of history, and word to whoever watches. */
import { sql } from 'kysely'
import type { Transaction } from '../database/connect.ts'
import { announceOrder } from './events.ts'
import { type Actor, ORDER_TRANSITIONS, type OrderEvent, type OrderStatus } from './states.ts'

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
  const before = await lockOrder(tx, order.orderId)
  if (!before || !(from as readonly OrderStatus[]).includes(before.status)) return undefined
  await tx
    .updateTable('orders')
    .set({ status: to, ...momentOf(to, order.at) })
    .where('id', '=', before.id)
    .where('status', '=', before.status)
    .execute()
  const line = {
    orderId: before.id,
    at: order.at,
    event,
    from: before.status,
    to,
    actor: order.actor,
    reason: order.reason,
  }
  await addHistory(tx, line)
  await announceOrder(tx, before.order_no)
  return { id: before.id, orderNo: before.order_no, userId: before.user_id, courseIds: before.course_ids }
}

function momentOf(status: OrderStatus, at: Date): { paid_at?: Date; closed_at?: Date } {
  if (status === 'paid') return { paid_at: at }
  return status === 'cancelled' || status === 'expired' ? { closed_at: at } : {}
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
