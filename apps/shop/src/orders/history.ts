/** An order's history: what became of it, of its attempts, its refunds and its access; who or what, when, why. Only added to. */
import type { Expression } from 'kysely'
import type { Transaction } from '../database/connect.ts'
import type { By } from '../states.ts'

export interface HistoryLine extends By {
  /** The order's id, or what stands for it in a statement that makes the order. */
  readonly orderId: number | Expression<number>
  readonly at: Date
  readonly subject: 'order' | 'attempt' | 'refund' | 'access' | 'reconciliation'
  /** The attempt's or the refund's number, or the course. */
  readonly number?: string
  readonly event: string
  readonly from: string | null
  readonly to: string
  readonly reason: string
}

export async function addHistory(tx: Transaction, ...lines: HistoryLine[]): Promise<void> {
  if (lines.length > 0) await historyLines(tx, ...lines).execute()
}

/** The statement that adds lines (one at least), for whoever sends it together with others. */
export const historyLines = (tx: Pick<Transaction, 'insertInto'>, ...lines: HistoryLine[]) =>
  tx.insertInto('order_history').values(
    lines.map((line) => ({
      order_id: line.orderId,
      at: line.at,
      subject: line.subject,
      number: line.number ?? null,
      event: line.event,
      from_status: line.from,
      to_status: line.to,
      actor: line.actor,
      user_id: line.userId ?? null,
      reason: line.reason,
    })),
  )
