/** Loads our books for the comparison with a day's bill: what the bill refers to, and what of ours must be in it. */
import { sql } from 'kysely'
import { endOf, midnight } from '../beijing-day.ts'
import type { Database } from '../db/connect.ts'
import type { BillLine } from '../payments/contract.ts'
import type { OurBooks, OurPayment, OurRefund } from './compare.ts'

/**
 * Our clock and the gateway's may put a payment on different sides of midnight. Payments of a day's last minutes are
 * therefore expected in the next day's bill, and one that was in another day's bill is not missing from this one.
 */
const BORDER_MS = 10 * 60_000

const window = (day: string) => ({
  from: new Date(midnight(day).getTime() - BORDER_MS),
  until: new Date(endOf(day).getTime() - BORDER_MS),
})

export async function readOurBooks(
  db: Database,
  provider: string,
  day: string,
  bill: readonly BillLine[],
): Promise<OurBooks> {
  const attemptNos = [...new Set(bill.map((line) => line.attemptNo))]
  const requestNos = bill.flatMap((line) => (line.kind === 'refund' ? [line.requestNo] : []))
  const tradeNos = [...new Set(bill.map((line) => line.tradeNo))]
  return {
    payments: await readPayments(db, provider, day, attemptNos),
    refunds: await readRefunds(db, provider, day, requestNos),
    listed: await readListed(db, provider, tradeNos),
  }
}

/** The merchants at which we have payments or refunds of that day. */
export async function tradedAt(db: Database, { provider, day }: { provider: string; day: string }) {
  const [from, until] = [midnight(day), endOf(day)]
  const paid = db
    .selectFrom('payment_attempts')
    .select('merchant')
    .where('provider', '=', provider)
    .where('paid_at', '>=', from)
    .where('paid_at', '<', until)
  const refunded = db
    .selectFrom('refunds')
    .leftJoin('payment_attempts', 'payment_attempts.id', 'refunds.attempt_id')
    .leftJoin('unmatched_payments', 'unmatched_payments.id', 'refunds.unmatched_id')
    .select(({ fn }) => fn.coalesce('payment_attempts.merchant', 'unmatched_payments.merchant').as('merchant'))
    .where(({ eb, fn }) => eb(fn.coalesce('payment_attempts.provider', 'unmatched_payments.provider'), '=', provider))
    .where('refunds.status', '=', 'succeeded')
    .where('made_at', '>=', from)
    .where('made_at', '<', until)
  return (await paid.union(refunded).execute()).map(({ merchant }) => merchant)
}

/** Passes the list as one array parameter: a statement takes at most 65,535 parameters. */
const inList = (column: string, values: readonly string[]) =>
  sql<boolean>`${sql.ref(column)} = any(${[...values]}::text[])`

async function readPayments(
  db: Database,
  provider: string,
  day: string,
  attemptNos: readonly string[],
): Promise<OurPayment[]> {
  const { from, until } = window(day)
  const rows = await db
    .selectFrom('payment_attempts')
    .select(['attempt_no', 'trade_no', 'order_id', 'amount_fen', 'status', 'paid_at', 'billed_on'])
    .where('provider', '=', provider)
    .where((where) =>
      where.or([
        inList('attempt_no', attemptNos),
        where.and([where('paid_at', '>=', from), where('paid_at', '<', until)]),
      ]),
    )
    .execute()
  return rows.map((row) => {
    const inside = row.paid_at !== null && row.paid_at >= from && row.paid_at < until
    return {
      attemptNo: row.attempt_no,
      tradeNo: row.trade_no,
      orderId: row.order_id,
      amount: row.amount_fen,
      paid: row.status === 'paid',
      due: inside && row.status === 'paid' && (row.billed_on === null || row.billed_on === day),
    }
  })
}

/**
 * Whether a refund was learned of in this time, after its own day had been compared with a bill that lacks it: this day
 * is the first that can say so.
 */
const learnedLate = (provider: string, { from, until }: { from: Date; until: Date }) => sql<boolean>`(
  refunds.status = 'succeeded' and refunds.billed_on is null and refunds.made_at < ${from}
  and refunds.finished_at >= ${from} and refunds.finished_at < ${until}
  and exists (select from reconciliations r where r.provider = ${provider} and r.status = 'done'
              and r.finished_at < refunds.finished_at
              and r.day = to_char(refunds.made_at at time zone 'Asia/Shanghai', 'YYYY-MM-DD')))`

async function readRefunds(
  db: Database,
  provider: string,
  day: string,
  requestNos: readonly string[],
): Promise<OurRefund[]> {
  const { from, until } = window(day)
  const rows = await db
    .selectFrom('refunds')
    .leftJoin('payment_attempts', 'payment_attempts.id', 'refunds.attempt_id')
    .leftJoin('unmatched_payments', 'unmatched_payments.id', 'refunds.unmatched_id')
    .select(['refunds.request_no', 'refunds.order_id', 'refunds.amount_fen', 'refunds.status', 'refunds.made_at'])
    .select(learnedLate(provider, { from, until }).as('late'))
    .select(['refunds.billed_on', 'refunds.accepted_at', 'refunds.number_spent', 'refunds.spent_numbers'])
    .select(['payment_attempts.attempt_no', 'payment_attempts.trade_no'])
    .select(['unmatched_payments.attempt_no as unmatched_no', 'unmatched_payments.trade_no as unmatched_trade'])
    .where((where) =>
      where.or([
        where('payment_attempts.provider', '=', provider),
        where('unmatched_payments.provider', '=', provider),
      ]),
    )
    .where((where) =>
      where.or([
        inList('refunds.request_no', requestNos),
        // Few refunds have any; a partial index finds them.
        where('refunds.spent_numbers', '<>', sql<string[]>`'{}'`),
        where.and([
          where('refunds.status', '=', 'succeeded'),
          where('refunds.made_at', '>=', from),
          where('refunds.made_at', '<', until),
        ]),
        learnedLate(provider, { from, until }),
      ]),
    )
    .execute()
  return rows.flatMap((row) => {
    const inside = row.late || (row.made_at !== null && row.made_at >= from && row.made_at < until)
    const refund = {
      requestNo: row.request_no,
      attemptNo: row.attempt_no ?? row.unmatched_no ?? '',
      tradeNo: row.trade_no ?? row.unmatched_trade ?? '',
      orderId: row.order_id,
      amount: row.amount_fen,
      state: stateOf(row),
      due: row.status === 'succeeded' && inside && (row.billed_on === null || row.billed_on === day),
    }
    const before = row.spent_numbers.map((requestNo) => ({ ...refund, requestNo, state: 'spent', due: false }) as const)
    return [refund, ...before]
  })
}

function stateOf(row: { status: string; accepted_at: Date | null; number_spent: boolean }): OurRefund['state'] {
  if (row.status === 'succeeded') return 'succeeded'
  if (row.status === 'sent' && row.accepted_at !== null) return 'under way'
  return row.status === 'refused' && row.number_spent ? 'spent' : 'open'
}

async function readListed(db: Database, provider: string, tradeNos: readonly string[]): Promise<OurBooks['listed']> {
  const rows = await db
    .selectFrom('unmatched_payments')
    .select(['trade_no', 'amount_fen'])
    .where('provider', '=', provider)
    .where(inList('trade_no', tradeNos))
    .orderBy('id')
    .where('reason', 'in', ['UNKNOWN_ATTEMPT', 'AMOUNT_DIFFERS', 'SECOND_TRADE', 'TRIAL_PAYMENT'])
    .execute()
  const byTrade = Map.groupBy(rows, (row) => row.trade_no)
  return new Map([...byTrade].map(([tradeNo, of]) => [tradeNo, of.map((row) => row.amount_fen)]))
}
