/** The rows of a new order: one that a buyer places, or that the shop places for a late payment. */
import type { RawBuilder } from 'kysely'
import type { Transaction } from '../db/connect.ts'
import type { Fen } from '../money.ts'

type Inserting = Pick<Transaction, 'insertInto'>

export interface NewOrder {
  readonly orderNo: string
  readonly userId: number
  readonly subject: string
  readonly total: Fen
  readonly payType: string
  readonly courseIds: readonly number[]
  readonly now: Date
  readonly expiresAt: Date
}

/** Builds the insert of the order's own row; it returns the id. */
export const insertOrder = (tx: Inserting, order: NewOrder) =>
  tx
    .insertInto('orders')
    .values({
      order_no: order.orderNo,
      user_id: order.userId,
      subject: order.subject,
      total_fen: order.total,
      pay_type: order.payType,
      course_ids: [...order.courseIds].sort((left, right) => left - right),
      created_at: order.now,
      expires_at: order.expiresAt,
    })
    .returning('id')

export interface NewLine {
  readonly course_id: number
  readonly course_title: string
  readonly price_fen: Fen
  readonly original_price_fen: Fen | null
}

/** Builds the insert of an order's lines, in their order. */
export const insertOrderLines = (tx: Inserting, orderId: number | RawBuilder<number>, lines: readonly NewLine[]) =>
  tx.insertInto('order_lines').values(lines.map((line, position) => ({ order_id: orderId, position, ...line })))
