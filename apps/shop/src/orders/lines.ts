/** How much of each order line is reserved for refunds, and how much has been refunded. */
import { sql } from 'kysely'
import type { Transaction } from '../db/connect.ts'
import { type Fen, toFen } from '../money.ts'

/** Changes of the two sums, in fen. */
export interface RefundChange {
  readonly reserved: number
  readonly refunded: number
}

/** Changes a line's sums. The database refuses more than the line's price (`never_more_than_its_price`). */
export async function countOnLine(
  tx: Transaction,
  orderId: number,
  courseId: number,
  { reserved, refunded }: RefundChange,
): Promise<void> {
  await tx
    .updateTable('order_lines')
    .set({ reserved_fen: sql<Fen>`reserved_fen + ${reserved}`, refunded_fen: sql<Fen>`refunded_fen + ${refunded}` })
    .where('order_id', '=', orderId)
    .where('course_id', '=', courseId)
    .execute()
}

/**
 * What is left of a sum that came, of a payment or a line: neither reserved for a refund nor refunded. A reserved amount
 * may become free again, when a request is declined or a refund refused.
 */
export const leftOf = (came: Fen, { reserved_fen, refunded_fen }: { reserved_fen: Fen; refunded_fen: Fen }): Fen =>
  toFen(came - reserved_fen - refunded_fen)

/** How much of an order line has been refunded or certainly will be; undecided requests of the buyer do not count. */
export const decidedFen = sql<Fen>`(order_lines.refunded_fen + order_lines.reserved_fen - coalesce((
  select sum(asked.amount_fen) from refund_lines asked join refunds on refunds.id = asked.refund_id
  where asked.order_id = order_lines.order_id and asked.course_id = order_lines.course_id
    and refunds.status = 'requested'), 0))::bigint`
