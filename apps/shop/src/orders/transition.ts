/**
 * Moves an order between states: a locked row, a conditional update, a history entry, and a message to the pages that
 * watch it.
 */
import { type Selectable, sql } from 'kysely'
import type { Transaction } from '../db/connect.ts'
import { pipeline } from '../db/statements/pipeline.ts'
import type { Tables } from '../db/tables.generated.ts'
import { publishOrder } from './events.ts'
import { type HistoryLine, historyLines } from './history.ts'
import type { ReasonOrWords } from './reasons.ts'
import { allows, type By } from './state-table.ts'
import { ORDER_TRANSITIONS, type OrderEvent, type OrderStatus } from './states.ts'

export interface Transitioned {
  readonly id: number
  readonly orderNo: string
  readonly userId: number
  readonly courseIds: number[]
}

/** The columns of a locked order that a transition needs. */
export type HeldOrder = Pick<Selectable<Tables['orders']>, 'id' | 'order_no' | 'user_id' | 'course_ids' | 'status'>

/** Why and when an order changes state, and who caused it. */
export interface Cause {
  readonly at: Date
  readonly by: By
  readonly reason: ReasonOrWords
}

/**
 * Applies the transition if the order is in a state that it starts from; of two concurrent ones the second finds it in
 * another state.
 * @returns the order, or undefined if it was in another state
 */
export async function transition(
  tx: Transaction,
  event: OrderEvent,
  { orderId, ...cause }: Cause & { orderId: number },
): Promise<Transitioned | undefined> {
  const held = await lockOrder(tx, orderId)
  // guard: order-transition
  if (!held || !allows(ORDER_TRANSITIONS, event, held.status, cause.by)) return undefined
  await pipeline(tx, orderUpdate(tx, event, held, cause), historyLines(tx, orderHistoryEntry(event, held, cause)))
  await publishOrder(tx, held.order_no)
  return { id: held.id, orderNo: held.order_no, userId: held.user_id, courseIds: held.course_ids }
}

/** Builds the update for a transition that the table allows. The caller holds the lock on the order's row. */
export const orderUpdate = (
  tx: Pick<Transaction, 'updateTable'>,
  event: OrderEvent,
  held: HeldOrder,
  { at }: Cause,
) => {
  const { to } = ORDER_TRANSITIONS[event]
  return tx
    .updateTable('orders')
    .set({ status: to, ...momentOf(held.status, to, at) })
    .where('id', '=', held.id)
    .where('status', '=', held.status)
}

/** The history entry of a transition. */
export const orderHistoryEntry = (event: OrderEvent, held: HeldOrder, { at, by, reason }: Cause): HistoryLine => ({
  ...{ orderId: held.id, at, subject: 'order', event, reason, ...by },
  ...{ from: held.status, to: ORDER_TRANSITIONS[event].to },
})

function momentOf(from: OrderStatus, to: OrderStatus, at: Date): { paid_at?: Date; closed_at?: Date } {
  if (from === to) return {}
  if (to === 'paid') return { paid_at: at }
  return to === 'cancelled' || to === 'expired' ? { closed_at: at } : {}
}

/** Locks the order's row for the rest of the transaction, so that what is read about it stays true. */
export async function lockOrder(tx: Transaction, orderId: number) {
  return tx
    .selectFrom('orders')
    .selectAll()
    .where('id', '=', orderId)
    .modifyEnd(sql`for no key update`)
    .executeTakeFirst()
}

/** Records that the buyer pays with another method than the one the order was placed with. */
export async function changePayType(tx: Transaction, orderId: number, payType: string): Promise<void> {
  await tx.updateTable('orders').set({ pay_type: payType }).where('id', '=', orderId).execute()
}
