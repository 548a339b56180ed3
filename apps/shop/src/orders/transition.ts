/** Moves an order from one state to the next: its row held, a conditional update, a line of history, and word to whoever watches. */
import { sql } from 'kysely'
import type { Transaction } from '../database/connect.ts'
import { together } from '../database/together.ts'
import { allows, type By } from '../states.ts'
import { announceOrder } from './events.ts'
import { historyLines } from './history.ts'
import { ORDER_TRANSITIONS, type OrderEvent, type OrderStatus } from './states.ts'

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
  order: { orderId: number; at: Date; by: By; reason: string },
): Promise<Moved | undefined> {
  const before = await lockOrder(tx, order.orderId)
  if (!before || !allows(ORDER_TRANSITIONS, event, before.status, order.by)) return undefined
  const { to } = ORDER_TRANSITIONS[event]
  await together(
    tx,
    tx
      .updateTable('orders')
      .set({ status: to, ...momentOf(before.status, to, order.at) })
      .where('id', '=', before.id)
      .where('status', '=', before.status),
    historyLines(tx, {
      orderId: before.id,
      at: order.at,
      subject: 'order',
      event,
      from: before.status,
      to,
      reason: order.reason,
      ...order.by,
    }),
  )
  await announceOrder(tx, before.order_no)
  return { id: before.id, orderNo: before.order_no, userId: before.user_id, courseIds: before.course_ids }
}

function momentOf(from: OrderStatus, to: OrderStatus, at: Date): { paid_at?: Date; closed_at?: Date } {
  if (from === to) return {}
  if (to === 'paid') return { paid_at: at }
  return to === 'cancelled' || to === 'expired' ? { closed_at: at } : {}
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
