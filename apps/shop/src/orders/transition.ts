/** Moves an order from one state to the next: its row held, a conditional update, a line of history, and word to whoever watches. */
import { type Selectable, sql } from 'kysely'
import type { Transaction } from '../database/connect.ts'
import type { Tables } from '../database/tables.ts'
import { together } from '../database/together.ts'
import { allows, type By } from '../states.ts'
import { announceOrder } from './events.ts'
import { type HistoryLine, historyLines } from './history.ts'
import { ORDER_TRANSITIONS, type OrderEvent, type OrderStatus } from './states.ts'

export interface Moved {
  readonly id: number
  readonly orderNo: string
  readonly userId: number
  readonly courseIds: number[]
}

/** An order whose row is held, as far as a transition needs to know it. */
export type HeldOrder = Pick<Selectable<Tables['orders']>, 'id' | 'order_no' | 'user_id' | 'course_ids' | 'status'>

/** Why and when an order moves, and by whom. */
export interface Cause {
  readonly at: Date
  readonly by: By
  readonly reason: string
}

/**
 * Makes the transition if the order is where it starts; of two at once the second finds it elsewhere.
 * @returns the order, or undefined when it was not in the state the transition starts from
 */
export async function transition(
  tx: Transaction,
  event: OrderEvent,
  { orderId, ...cause }: Cause & { orderId: number },
): Promise<Moved | undefined> {
  const held = await lockOrder(tx, orderId)
  if (!held || !allows(ORDER_TRANSITIONS, event, held.status, cause.by)) return undefined
  await together(tx, orderMove(tx, event, held, cause), historyLines(tx, orderMoved(event, held, cause)))
  await announceOrder(tx, held.order_no)
  return { id: held.id, orderNo: held.order_no, userId: held.user_id, courseIds: held.course_ids }
}

/** The statement of a transition that the table allows, for whoever holds the order's row and sends it together with others. */
export const orderMove = (tx: Pick<Transaction, 'updateTable'>, event: OrderEvent, held: HeldOrder, { at }: Cause) => {
  const { to } = ORDER_TRANSITIONS[event]
  return tx
    .updateTable('orders')
    .set({ status: to, ...momentOf(held.status, to, at) })
    .where('id', '=', held.id)
    .where('status', '=', held.status)
}

/** Its line of history. */
export const orderMoved = (event: OrderEvent, held: HeldOrder, { at, by, reason }: Cause): HistoryLine => ({
  ...{ orderId: held.id, at, subject: 'order', event, reason, ...by },
  ...{ from: held.status, to: ORDER_TRANSITIONS[event].to },
})

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
