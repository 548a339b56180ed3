/** Records the day whose bill listed a payment or a refund, and the bill's time where ours is of another day. */
import { sql } from 'kysely'
import { dayOf, endOf, midnight, noonOf } from '../../beijing-day.ts'
import type { Database, Transaction } from '../../db/connect.ts'
import type { BillLine } from '../contract.ts'

const BATCH = 1000

type CountAgain = (tx: Transaction, ...times: Date[]) => Promise<void>

/**
 * Each statement is its own transaction, so that none locks payments while it waits for a refund: the senders of
 * refunds lock a refund while they wait for its payment. If it is interrupted, the next run repeats it with the same
 * result.
 * @param countAgain has the dashboard's days of these times added up again
 */
export async function recordBilled(
  db: Database,
  provider: string,
  day: string,
  { bill, countAgain }: { bill: readonly BillLine[]; countAgain: CountAgain },
): Promise<void> {
  for (let start = 0; start < bill.length; start += BATCH) {
    const batch = bill.slice(start, start + BATCH)
    const payments = batch.filter((line) => line.kind === 'payment')
    await recordPayments(db, provider, day, payments)
    await correctPaidTimes(db, { provider, day }, { payments, countAgain })
    const refunds = batch.filter((line) => line.kind === 'refund')
    await recordRefunds(db, provider, day, refunds)
    await correctRefundTimes(db, day, { refunds, countAgain })
  }
}

/**
 * Marks payments that the previous day's bill listed before we knew of them, and that have been settled since: no later
 * bill should be expected to list them.
 */
export const recordBilledBefore = (db: Database, provider: string, dayBefore: string) =>
  sql`
    update payment_attempts a set billed_on = d.day from reconciliation_differences d
    where d.provider = ${provider} and d.day = ${dayBefore} and d.kind = 'PAID_THERE_UNPAID_HERE'
      and a.provider = d.provider and a.trade_no = d.trade_no and a.billed_on is null`.execute(db)

async function recordPayments(db: Database, provider: string, day: string, lines: readonly BillLine[]): Promise<void> {
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

/** By trade and number: the number of a refund made by hand may be unique within its trade only. */
async function recordRefunds(db: Database, provider: string, day: string, lines: readonly BillLine[]): Promise<void> {
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

/** A bill's row may state a time just outside its day. */
const timeOnDay = (day: string, { at }: BillLine): Date => (dayOf(at) === day ? at : noonOf(day))

/** Payments that this bill lists, and that our books put on another day: the gateway had not said when they were made. */
async function correctPaidTimes(
  db: Database,
  { provider, day }: { provider: string; day: string },
  { payments, countAgain }: { payments: readonly BillLine[]; countAgain: CountAgain },
): Promise<void> {
  if (payments.length === 0) return
  const found = await db
    .selectFrom('payment_attempts')
    .select(['id', 'trade_no', 'paid_at'])
    .where('provider', '=', provider)
    .where('billed_on', '=', day)
    .where(
      'trade_no',
      'in',
      payments.map((line) => line.tradeNo),
    )
    .where(sql<boolean>`(paid_at < ${midnight(day)} or paid_at >= ${endOf(day)})`)
    .execute()
  for (const { id, trade_no, paid_at: before } of found) {
    const line = payments.find((each) => each.tradeNo === trade_no)
    if (before === null || !line) continue
    await db.transaction().execute(async (tx) => {
      const at = timeOnDay(day, line)
      await tx.updateTable('payment_attempts').set({ paid_at: at }).where('id', '=', id).execute()
      await tx.updateTable('order_payments').set({ paid_at: at }).where('attempt_id', '=', id).execute()
      await countAgain(tx, before, at)
    })
  }
}

/** Our refunds that this bill lists, and that our books put on another day: the bill's time is the right one. */
async function correctRefundTimes(
  db: Database,
  day: string,
  { refunds, countAgain }: { refunds: readonly BillLine[]; countAgain: CountAgain },
): Promise<void> {
  if (refunds.length === 0) return
  const found = await db
    .selectFrom('refunds')
    .select(['id', 'request_no', 'made_at'])
    .where('billed_on', '=', day)
    .where('status', '=', 'succeeded')
    .where(
      'request_no',
      'in',
      refunds.map((line) => line.requestNo),
    )
    .where(sql<boolean>`(made_at < ${midnight(day)} or made_at >= ${endOf(day)})`)
    .execute()
  for (const { id, request_no, made_at: before } of found) {
    const line = refunds.find((each) => each.requestNo === request_no)
    if (before === null || !line) continue
    await db.transaction().execute(async (tx) => {
      const at = timeOnDay(day, line)
      await tx.updateTable('refunds').set({ made_at: at }).where('id', '=', id).where('made_at', '=', before).execute()
      await countAgain(tx, before, at)
    })
  }
}
