/** Notes on whose day's bill payments and refunds stood. */
import { sql } from 'kysely'
import type { Database } from '../database/connect.ts'
import type { BillLine } from './providers/provider.ts'

const PIECE = 1000

/**
 * Each statement is its own transaction: none holds payments while it waits for a refund, as the senders of refunds hold a
 * refund while they wait for its payment. Cut short it is done again by the next run, to the same end.
 */
export async function noteBilled(
  db: Database,
  provider: string,
  day: string,
  bill: readonly BillLine[],
): Promise<void> {
  for (let start = 0; start < bill.length; start += PIECE) {
    const piece = bill.slice(start, start + PIECE)
    await notePayments(
      db,
      provider,
      day,
      piece.filter((line) => line.kind === 'payment'),
    )
    await noteRefunds(
      db,
      provider,
      day,
      piece.filter((line) => line.kind === 'refund'),
    )
  }
}

/**
 * What stood in the bill of the day before as a payment that nobody had told us of, and became known since: it is missing
 * from no later bill.
 */
export const noteBilledBefore = (db: Database, provider: string, dayBefore: string) =>
  sql`
    update payment_attempts a set billed_on = d.day from reconciliation_differences d
    where d.provider = ${provider} and d.day = ${dayBefore} and d.kind = 'PAID_THERE_UNPAID_HERE'
      and a.provider = d.provider and a.trade_no = d.trade_no and a.billed_on is null`.execute(db)

async function notePayments(db: Database, provider: string, day: string, lines: readonly BillLine[]): Promise<void> {
  if (lines.length === 0) return
  await db
    .updateTable('payment_attempts')
    .set({ billed_on: day })
    .where('provider', '=', provider)
    .where(
      'trade_no',
      'in',
      lines.map((line) => line.tradeNo),
    )
    .where('billed_on', 'is', null)
    .execute()
}

/** By trade and number: the number of a refund that was made by hand may be unique within its trade only. */
async function noteRefunds(db: Database, provider: string, day: string, lines: readonly BillLine[]): Promise<void> {
  if (lines.length === 0) return
  await sql`
    update refunds set billed_on = ${day}
    from unnest(${lines.map((line) => line.tradeNo)}::text[], ${lines.map((line) => line.requestNo)}::text[])
      as billed (trade_no, request_no)
    where refunds.request_no = billed.request_no and refunds.billed_on is null
      and (exists (select from payment_attempts a
                   where a.id = refunds.attempt_id and a.provider = ${provider} and a.trade_no = billed.trade_no)
        or exists (select from unmatched_payments u
                   where u.id = refunds.unmatched_id and u.provider = ${provider} and u.trade_no = billed.trade_no))`.execute(
    db,
  )
}
