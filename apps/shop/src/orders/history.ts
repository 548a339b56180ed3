/**
 * An order's history: changes of the order, its attempts, its refunds and its access; by whom, when and why.
 * Append-only.
 */
import type { Expression } from 'kysely'
import type { Transaction } from '../db/connect.ts'
import { type ReasonOrWords, reasonColumns } from './reasons.ts'
import type { By } from './state-table.ts'

export interface HistoryLine extends By {
  /** The order's id, or an expression for it in a statement that also inserts the order. */
  readonly orderId: number | Expression<number>
  readonly at: Date
  readonly subject: 'order' | 'attempt' | 'refund' | 'access' | 'reconciliation'
  /** The number of the attempt or refund, or the course. */
  readonly number?: string
  readonly event: string
  readonly from: string | null
  readonly to: string
  /** Empty if the event needs no explanation. */
  readonly reason: ReasonOrWords
}

export async function addHistory(tx: Transaction, ...lines: HistoryLine[]): Promise<void> {
  if (lines.length > 0) await historyLines(tx, ...lines).execute()
}

/** Builds the insert of history entries (at least one). */
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
      ...reasonColumns(line.reason),
    })),
  )
