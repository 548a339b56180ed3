/**
 * Reconciles a provider's day: fetches the bill, compares it with our books and stores the differences. Any process may
 * run any day again with the same result: a difference keeps its identity and its repair, and is marked as gone when a
 * later run no longer finds it.
 */

import { sql } from 'kysely'
import { dayBefore } from '../beijing-day.ts'
import type { Database, Reader, Transaction } from '../db/connect.ts'
import { ShopError } from '../errors.ts'
import { sumFen } from '../money.ts'
import type { BillLine, BillSummary } from '../payments/contract.ts'
import { findProvider, type Payments } from '../payments/payments.ts'
import { findRefund } from '../payments/refunds/made.ts'
import { recordBilled, recordBilledBefore } from '../payments/settlement/billed.ts'
import { compareBooks, type Difference, keyOf, type OurBooks, refundKey } from './compare.ts'
import { readOurBooks, tradedAt } from './our-books.ts'
import { countAgain } from './sales-days.ts'

export interface Day {
  readonly provider: string
  readonly day: string
}

/** The task that reconciles a day. */
export const RECONCILE = 'reconcile'

/** Longer than any run takes. After this time a killed run no longer blocks the day. */
const RUN_MS = 5 * 60_000

/** Records that staff requested the reconciliation of this day. */
export async function requestDay(tx: Transaction, { provider, day }: Day, now: Date): Promise<void> {
  await tx
    .insertInto('reconciliations')
    .values({ provider, day, status: 'waiting', requested_at: now })
    .onConflict((conflict) =>
      conflict
        .columns(['provider', 'day'])
        .doUpdateSet({ status: 'waiting', requested_at: now, problem: null })
        // A killed run is no longer running.
        .where((where) =>
          where.or([
            where('reconciliations.status', '<>', 'running'),
            where('reconciliations.running_until', '<', now),
          ]),
        ),
    )
    .execute()
}

/** What ended a run without a comparison, as the day records it. */
const UNCOMPARED = {
  'not yet': { status: 'waiting', problem: 'BILL_NOT_READY' },
  'not offered': { status: 'not_offered', problem: 'BILL_NOT_OFFERED' },
  contradictory: { status: 'contradictory', problem: 'BILL_CONTRADICTS_ITSELF' },
} as const

/** `busy`: another process reconciles the same day. */
export type RunOutcome = 'done' | 'busy' | keyof typeof UNCOMPARED

/** @throws ShopError GATEWAY_UNAVAILABLE; the day is then marked as failed, with the reason */
export async function reconcileDay(payments: Payments, day: Day): Promise<RunOutcome> {
  const { db, clock } = payments
  const provider = findProvider(payments, day.provider)
  const claim: Claim = { ...day, since: clock() }
  if (!(await begin(db, claim))) return 'busy'
  try {
    const bill = await provider.bill(day.day, await tradedAt(db, day))
    // A bill is never rewritten: one that had lines before has not become empty, but is given out no longer.
    const isGone = bill.state === 'none' && (await hadLines(db, day))
    if (bill.state !== 'none' && bill.state !== 'ready') return await endUncompared(db, claim, bill.state)
    if (isGone) return await endUncompared(db, claim, 'not offered')
    const { lines, summary } = bill.state === 'ready' ? bill : { lines: [], summary: undefined }
    await recordBill(db, claim, lines.length, clock())
    await recordBilled(db, day.provider, day.day, { bill: lines, countAgain })
    await recordBilledBefore(db, day.provider, dayBefore(day.day))
    const books = await readOurBooks(db, day.provider, day.day, lines)
    const madeAfterAll = await madeUnderSpentNumbers(payments, day.provider, lines, books)
    const differences = compareBooks(lines, { ...books, madeAfterAll })
    return await db.transaction().execute((tx) => storeDifferences(tx, claim, differences, { lines, summary }, clock()))
  } catch (error) {
    const problem = error instanceof ShopError ? error.code : 'INTERNAL'
    await endRun(db, claim, { status: 'failed', problem }).catch(() => {})
    throw error
  }
}

/**
 * A bill also lists refunds that were only accepted, and whose numbers the gateway closed afterwards. Whether one of them
 * was made after all, only the gateway can tell.
 * @returns the keys of those that were
 */
async function madeUnderSpentNumbers(
  payments: Payments,
  provider: string,
  lines: readonly BillLine[],
  { refunds }: OurBooks,
): Promise<Set<string>> {
  const spent = new Set(refunds.filter(({ state }) => state === 'spent').map(refundKey))
  const made = new Set<string>()
  for (const line of lines.filter((each) => each.kind === 'refund' && spent.has(refundKey(each)))) {
    const { attemptNo, tradeNo, requestNo } = line
    const ours = await findRefund(payments.db, { provider, tradeNo, requestNo })
    const ref = { attemptNo, tradeNo, requestNo, merchant: ours?.merchant ?? null }
    const seen = await findProvider(payments, provider).queryRefund(ref)
    if (seen?.state === 'succeeded') made.add(refundKey(line))
  }
  return made
}

/** A run's exclusive claim on a day. Once another run takes the day over, this one writes nothing more. */
interface Claim extends Day {
  readonly since: Date
}

const updateClaimed = (db: Reader, { provider, day, since }: Claim) =>
  db
    .updateTable('reconciliations')
    .where('provider', '=', provider)
    .where('day', '=', day)
    .where('started_at', '=', since)
    .where('status', '=', 'running')

async function begin(db: Database, { provider, day, since: now }: Claim): Promise<boolean> {
  await db
    .insertInto('reconciliations')
    .values({ provider, day, status: 'waiting', requested_at: now })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const claimed = await db
    .updateTable('reconciliations')
    .set({ status: 'running', started_at: now, running_until: new Date(now.getTime() + RUN_MS), problem: null })
    .set({ stage: 'bill', lines: null })
    .where('provider', '=', provider)
    .where('day', '=', day)
    .where((where) => where.or([where('running_until', 'is', null), where('running_until', '<', now)]))
    .returning('day')
    .executeTakeFirst()
  return claimed !== undefined
}

/** Records that the bill has arrived and how many lines it has, for the progress in the back office. */
async function recordBill(db: Database, claim: Claim, lines: number, now: Date): Promise<void> {
  const running_until = new Date(now.getTime() + RUN_MS)
  await updateClaimed(db, claim).set({ stage: 'books', lines, running_until }).execute()
}

async function endUncompared(db: Database, claim: Claim, why: keyof typeof UNCOMPARED): Promise<typeof why> {
  await endRun(db, claim, UNCOMPARED[why])
  return why
}

type Unfinished = (typeof UNCOMPARED)[keyof typeof UNCOMPARED] | { readonly status: 'failed'; readonly problem: string }

/**
 * Ends a run that has compared nothing. An earlier run's result stays, with this run's problem beside it, unless the
 * bill turns out to contradict itself.
 */
async function endRun(db: Database, claim: Claim, { status, problem }: Unfinished): Promise<void> {
  const kept =
    status === 'contradictory'
      ? status
      : sql<typeof status>`case when finished_at is null then ${status} else 'done' end`
  // A later run that gets no bill must not bring an earlier result back.
  const forgotten = status === 'contradictory' ? { finished_at: null } : {}
  const ended = { status: kept, problem, running_until: null, stage: null, ...forgotten }
  await updateClaimed(db, claim).set(ended).execute()
}

async function hadLines(db: Database, { provider, day }: Day): Promise<boolean> {
  const row = await db
    .selectFrom('reconciliations')
    .select(['trades', 'refunds'])
    .where('provider', '=', provider)
    .where('day', '=', day)
    .executeTakeFirst()
  return (row?.trades ?? 0) + (row?.refunds ?? 0) > 0
}

/** These repairs are final: staff took note of the difference, or the gateway's answer explained it. */
const FINAL_REPAIRS: readonly (string | null)[] = ['seen', 'ask']

async function storeDifferences(
  tx: Transaction,
  claim: Claim,
  differences: readonly Difference[],
  bill: Bill,
  now: Date,
): Promise<'done' | 'busy'> {
  const { provider, day } = claim
  if (!(await finish(tx, claim, bill, now))) return 'busy'
  const known = await tx
    .selectFrom('reconciliation_differences')
    .selectAll()
    .where('provider', '=', provider)
    .where('day', '=', day)
    .execute()
  const identity = (row: (typeof known)[number]) => [row.kind, row.trade_no, row.attempt_no, row.request_no].join(' ')
  const found = new Map(differences.map((difference) => [keyOf(difference), difference]))
  for (const row of known) {
    const difference = found.get(identity(row))
    found.delete(identity(row))
    // A repaired difference that is found again is reopened, unless this run read the books before the repair.
    const repaired = row.repaired_at !== null && row.repaired_at < claim.since
    const reopened = difference && repaired && row.repair !== null && !FINAL_REPAIRS.includes(row.repair)
    await tx
      .updateTable('reconciliation_differences')
      .set({
        gone_at: difference ? null : (row.gone_at ?? now),
        ...(difference ? { ours_fen: difference.ours, theirs_fen: difference.theirs } : {}),
        ...(reopened ? { repair: null, repaired_at: null, repaired_by: null } : {}),
      })
      .where('id', '=', row.id)
      .execute()
  }
  for (const difference of found.values()) {
    await tx
      .insertInto('reconciliation_differences')
      .values({
        provider,
        day,
        kind: difference.kind,
        trade_no: difference.tradeNo,
        attempt_no: difference.attemptNo,
        request_no: difference.requestNo,
        order_id: difference.orderId,
        ours_fen: difference.ours,
        theirs_fen: difference.theirs,
        found_at: now,
      })
      .execute()
  }
  return 'done'
}

/** A bill that has been read; without a summary where the day has none. */
interface Bill {
  readonly lines: readonly BillLine[]
  readonly summary?: BillSummary | undefined
}

/** Stores the totals of the bill, counted from its lines and as it states them. @returns false when another run has taken the day over */
async function finish(tx: Transaction, claim: Claim, { lines, summary }: Bill, now: Date): Promise<boolean> {
  const payments = lines.filter((line) => line.kind === 'payment')
  const refunds = lines.filter((line) => line.kind === 'refund')
  const finished = await updateClaimed(tx, claim)
    .set((column) => ({
      status: 'done',
      finished_at: now,
      running_until: null,
      runs: column('runs', '+', 1),
      trades: payments.length,
      trades_fen: sumFen(payments.map((line) => line.amount)),
      refunds: refunds.length,
      refunds_fen: sumFen(refunds.map((line) => line.amount)),
      fees_fen: lines.reduce((sum, line) => sum + line.fee, 0),
      summary: summary === undefined ? null : JSON.stringify(summary),
      problem: null,
      stage: null,
    }))
    .returning('day')
    .executeTakeFirst()
  return finished !== undefined
}
