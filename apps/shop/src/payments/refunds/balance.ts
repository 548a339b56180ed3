/**
 * The sums that limit refunds: how much of a payment, a line or an unmatched payment is reserved for refunds, and how much
 * has been refunded. The database refuses more than was paid (`never_more_than_paid`, `never_more_than_its_price`,
 * `never_more_than_came`).
 */
import { sql } from 'kysely'
import type { Transaction } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import type { Fen } from '../../money.ts'
import { countOnLine, type RefundChange } from '../../orders/lines.ts'

/** The payment that a refund takes its money from. */
export interface RefundSource {
  readonly attempt_id: number | null
  readonly unmatched_id: number | null
  readonly amount_fen: Fen
}

export interface RefundLine {
  readonly course_id: number
  readonly amount_fen: Fen
}

/** Reserves the refund's amount. @throws ShopError REFUND_TOO_MUCH */
export async function reserve(
  tx: Transaction,
  orderId: number | null,
  source: RefundSource,
  lines: readonly RefundLine[],
): Promise<void> {
  try {
    await count(tx, orderId, source, lines, { reserved: 1, refunded: 0 })
  } catch (error) {
    if (error instanceof Error && 'constraint' in error && /^never_more_than/.test(String(error.constraint))) {
      throw new ShopError('REFUND_TOO_MUCH', { cause: error })
    }
    throw error
  }
}

/** Makes a reserved amount available again. */
export const release = (
  tx: Transaction,
  orderId: number | null,
  source: RefundSource,
  lines: readonly RefundLine[],
): Promise<void> => count(tx, orderId, source, lines, { reserved: -1, refunded: 0 })

/** The gateway has refunded the reserved amount. */
export const refundReserved = (
  tx: Transaction,
  orderId: number | null,
  source: RefundSource,
  lines: readonly RefundLine[],
): Promise<void> => count(tx, orderId, source, lines, { reserved: -1, refunded: 1 })

/** The gateway has not refunded that much after all: it is reserved again. */
export const unrefund = (
  tx: Transaction,
  orderId: number | null,
  source: RefundSource,
  lines: readonly RefundLine[],
): Promise<void> => count(tx, orderId, source, lines, { reserved: 1, refunded: -1 })

async function count(
  tx: Transaction,
  orderId: number | null,
  { attempt_id, unmatched_id, amount_fen }: RefundSource,
  lines: readonly RefundLine[],
  { reserved, refunded }: RefundChange,
): Promise<void> {
  const more = (amount: Fen) => ({
    reserved_fen: sql<Fen>`reserved_fen + ${reserved * amount}`,
    refunded_fen: sql<Fen>`refunded_fen + ${refunded * amount}`,
  })
  // guard: refund-reserved
  if (attempt_id !== null) {
    await tx.updateTable('payment_attempts').set(more(amount_fen)).where('id', '=', attempt_id).execute()
  }
  if (unmatched_id !== null) {
    await tx.updateTable('unmatched_payments').set(more(amount_fen)).where('id', '=', unmatched_id).execute()
  }
  if (orderId === null) return
  for (const { course_id, amount_fen: amount } of lines) {
    await countOnLine(tx, orderId, course_id, { reserved: reserved * amount, refunded: refunded * amount })
  }
}
