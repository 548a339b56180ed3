/** Moves a refund between states as its table allows, with an entry in its order's history. */
import { sql } from 'kysely'
import type { Transaction } from '../../db/connect.ts'
import type { Fen } from '../../money.ts'
import { addHistory } from '../../orders/history.ts'
import type { ReasonOrWords } from '../../orders/reasons.ts'
import { allows, type By } from '../../orders/state-table.ts'
import { REFUND_TRANSITIONS, type RefundEvent, type RefundStatus } from './states.ts'

export interface RefundMove {
  readonly at: Date
  readonly by: By
  readonly reason: ReasonOrWords
  /** Columns written together with the status. */
  readonly set?: {
    sent_at?: Date
    refusal?: string | null
    decided_by?: number | null
    decided_at?: Date
    answer?: string
    billed_on?: string | null
    made_at?: Date
    number_spent?: boolean
    refused_tries?: number
    stopped?: boolean
    amount_fen?: Fen
    finished_at?: Date | null
  }
}

/** Locks a refund's row for the rest of the transaction. If the order is changed too, lock the order's row first. */
export async function lockRefund(tx: Transaction, refundId: number) {
  return tx
    .selectFrom('refunds')
    .selectAll()
    .where('id', '=', refundId)
    .modifyEnd(sql`for no key update`)
    .executeTakeFirst()
}

export type RefundRow = NonNullable<Awaited<ReturnType<typeof lockRefund>>>

/** Why the refund was created. */
export const reasonOf = ({ reason, reason_code: code }: Pick<RefundRow, 'reason' | 'reason_code'>): ReasonOrWords =>
  code === null ? reason : { code }

const FINISHED: readonly RefundStatus[] = ['succeeded', 'refused', 'declined', 'withdrawn']

/**
 * Applies the transition if the refund is in a state that it starts from.
 * @returns the refund as it was before, or undefined if it was in another state
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
  // guard: refund-history
  if (before.order_id !== null) {
    const about = { orderId: before.order_id, subject: 'refund', number: before.request_no } as const
    await addHistory(tx, { ...about, at: move.at, event, from: before.status, to, reason: move.reason, ...move.by })
  }
  return before
}
