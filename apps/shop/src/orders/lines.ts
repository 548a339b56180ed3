/** How much of each order line is being refunded or has been refunded. */
import { sql } from 'kysely'
import type { Transaction } from '../db/connect.ts'
import type { Fen } from '../money.ts'

/** Changes a line's refunded amount. The database refuses more than the line's price (`never_more_than_its_price`). */
export async function countRefunded(tx: Transaction, orderId: number, courseId: number, change: number): Promise<void> {
  await tx
    .updateTable('order_lines')
    .set({ refunded_fen: sql<Fen>`refunded_fen + ${change}` })
    .where('order_id', '=', orderId)
    .where('course_id', '=', courseId)
    .execute()
}

/** How much of an order line has been refunded or certainly will be; undecided requests of the buyer do not count. */
export const decidedFen = sql<Fen>`(order_lines.refunded_fen - coalesce((
  select sum(asked.amount_fen) from refund_lines asked join refunds on refunds.id = asked.refund_id
  where asked.order_id = order_lines.order_id and asked.course_id = order_lines.course_id
    and refunds.status = 'requested'), 0))::bigint`
