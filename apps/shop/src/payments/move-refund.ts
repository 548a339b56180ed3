/** Moves a refund from state to state as its table says, with a line in its order's history. */
import { sql } from 'kysely'
import type { Transaction } from '../database/connect.ts'
import { addHistory } from '../orders/history.ts'
import { allows, type By } from '../states.ts'
import { REFUND_TRANSITIONS, type RefundEvent, type RefundStatus } from './refund-states.ts'

export interface RefundMove {
  readonly at: Date
  readonly by: By
  readonly reason: string
  /** Set along with the status. */
  readonly set?: {
    sent_at?: Date
    refusal?: string | null
    decided_by?: number | null
    decided_at?: Date
    answer?: string
    billed_on?: string | null
    number_spent?: boolean
  }
}

/** A refund's row, held for the rest of the transaction. Whoever changes its order holds the order's row before. */
export async function lockRefund(tx: Transaction, refundId: number) {
  return tx
    .selectFrom('refunds')
    .selectAll()
    .where('id', '=', refundId)
    .modifyEnd(sql`for no key update`)
    .executeTakeFirst()
}

export type RefundRow = NonNullable<Awaited<ReturnType<typeof lockRefund>>>

const FINISHED: readonly RefundStatus[] = ['succeeded', 'refused', 'declined', 'withdrawn']

/**
 * Makes the transition if the refund is where it starts.
 * @returns the refund as it was before, or undefined when it was elsewhere
 */
export async function moveRefund(
  tx: Transaction,
  event: RefundEvent,
  refundId: number,
  move: RefundMove,
): Promise<RefundRow | undefined> {
  const before = await lockRefund(tx, refundId)
  if (!before || !allows(REFUND_TRANSITIONS, event, before.status, move.by)) return undefined
  const { to } = REFUND_TRANSITIONS[event]
  await tx
    .updateTable('refunds')
    .set({ status: to, finished_at: FINISHED.includes(to) ? move.at : null, ...move.set })
    .where('id', '=', refundId)
    .where('status', '=', before.status)
    .execute()
  if (before.order_id !== null) {
    const about = { orderId: before.order_id, subject: 'refund', number: before.request_no } as const
    await addHistory(tx, { ...about, at: move.at, event, from: before.status, to, reason: move.reason, ...move.by })
  }
  return before
}
