/** What of each line of an order is going back, or went back. */
import { sql } from 'kysely'
import type { Transaction } from '../database/connect.ts'
import type { Fen } from '../money.ts'

/** Adds to a line's sum, or takes from it. The database refuses more than the line's price (`never_more_than_its_price`). */
export async function countRefunded(tx: Transaction, orderId: number, courseId: number, change: number): Promise<void> {
  await tx
    .updateTable('order_lines')
    .set({ refunded_fen: sql<Fen>`refunded_fen + ${change}` })
    .where('order_id', '=', orderId)
    .where('course_id', '=', courseId)
    .execute()
}

/** What of a line of `order_lines` has gone back or is sure to: of what its buyer only asks for, nothing is decided. */
export const decidedFen = sql<Fen>`(order_lines.refunded_fen - coalesce((
  select sum(asked.amount_fen) from refund_lines asked join refunds on refunds.id = asked.refund_id
  where asked.order_id = order_lines.order_id and asked.course_id = order_lines.course_id
    and refunds.status = 'requested'), 0))::bigint`
