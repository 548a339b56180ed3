/** Notes on whose day's bill payments and refunds stood. */
import type { Transaction } from '../database/connect.ts'
import type { BillLine } from './providers/provider.ts'

const PIECE = 1000

export async function noteBilled(
  tx: Transaction,
  provider: string,
  day: string,
  bill: readonly BillLine[],
): Promise<void> {
  for (let start = 0; start < bill.length; start += PIECE) {
    const piece = bill.slice(start, start + PIECE)
    const payments = piece.flatMap((line) => (line.kind === 'payment' ? [line.tradeNo] : []))
    const refunds = piece.flatMap((line) => (line.kind === 'refund' ? [line.requestNo] : []))
    if (payments.length > 0) {
      await tx
        .updateTable('payment_attempts')
        .set({ billed_on: day })
        .where('provider', '=', provider)
        .where('trade_no', 'in', payments)
        .where('billed_on', 'is', null)
        .execute()
    }
    if (refunds.length > 0) {
      await tx
        .updateTable('refunds')
        .set({ billed_on: day })
        .where('request_no', 'in', refunds)
        .where('billed_on', 'is', null)
        .execute()
    }
  }
}
