/**
 * Reconciles a provider's day: fetches the bill, compares it with our books, keeps what differs. May be run again for any
 * day, by any process, with the same result: a difference keeps its identity and its repair, and is marked gone when a
 * later run no longer finds it.
 */
import type { Database, Reader, Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { sumFen } from '../money.ts'
import { noteBilled, noteBilledBefore } from '../payments/billed.ts'
import { type Payments, providerNamed } from '../payments/payments.ts'
import type { BillLine } from '../payments/providers/provider.ts'
import { compareBooks, type Difference, keyOf } from './compare.ts'
import { dayBefore } from './days.ts'
import { readOurBooks } from './our-books.ts'

export interface Day {
  readonly provider: string
  readonly day: string
}

/** The task that reconciles a day. */
export const RECONCILE = 'reconcile'

/** Longer than any run takes; one that was killed is waited for this long. */
const RUN_MS = 5 * 60_000

/** Notes that somebody wants the day reconciled. */
export async function requestDay(tx: Transaction, { provider, day }: Day, now: Date): Promise<void> {
  await tx
    .insertInto('reconciliations')
    .values({ provider, day, status: 'waiting', requested_at: now })
    .onConflict((conflict) =>
      conflict
        .columns(['provider', 'day'])
        .doUpdateSet({ status: 'waiting', requested_at: now, problem: null })
        // One that was killed runs no more.
        .where((where) =>
          where.or([
            where('reconciliations.status', '<>', 'running'),
            where('reconciliations.running_until', '<', now),
          ]),
        ),
    )
    .execute()
}

/**
 * @returns 'not yet' while there is no bill, 'busy' while another process runs the same day
 * @throws ShopError GATEWAY_UNAVAILABLE; the day then stands as failed, with the reason
 */
export async function reconcileDay(payments: Payments, day: Day): Promise<'done' | 'not yet' | 'busy'> {
  const { db, clock } = payments
  const provider = providerNamed(payments, day.provider)
  const claim: Claim = { ...day, since: clock() }
  if (!(await begin(db, claim))) return 'busy'
  try {
    const bill = await provider.bill(day.day)
    if (bill.state === 'not yet') {
      await end(db, claim, { status: 'waiting', problem: 'BILL_NOT_READY' })
      return 'not yet'
    }
    await goOn(db, claim, bill.lines.length, clock())
    await noteBilled(db, day.provider, day.day, bill.lines)
    await noteBilledBefore(db, day.provider, dayBefore(day.day))
    const differences = compareBooks(bill.lines, await readOurBooks(db, day.provider, day.day, bill.lines))
    return await db.transaction().execute((tx) => keep(tx, claim, differences, bill.lines, clock()))
  } catch (error) {
    const problem = error instanceof ShopError ? error.code : 'INTERNAL'
    await end(db, claim, { status: 'failed', problem }).catch(() => {})
    throw error
  }
}

/** A run that has the day for itself; one that was taken over since writes nothing any more. */
interface Claim extends Day {
  readonly since: Date
}

const held = (db: Reader, { provider, day, since }: Claim) =>
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

/** The bill is here; whoever watches sees how much of it there is to compare. */
async function goOn(db: Database, claim: Claim, lines: number, now: Date): Promise<void> {
  const running_until = new Date(now.getTime() + RUN_MS)
  await held(db, claim).set({ stage: 'books', lines, running_until }).execute()
}

async function end(db: Database, claim: Claim, outcome: { status: 'waiting' | 'failed'; problem: string }) {
  await held(db, claim)
    .set({ ...outcome, running_until: null, stage: null })
    .execute()
}

/** One that staff took note of, or that the gateway's answer explained, stays so. */
const STAYS: readonly (string | null)[] = ['seen', 'ask']

async function keep(
  tx: Transaction,
  claim: Claim,
  differences: readonly Difference[],
  bill: readonly BillLine[],
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
    // One that was repaired and is there again is open again; not so where the books were read before the repair.
    const repaired = row.repaired_at !== null && row.repaired_at < claim.since
    const reopened = difference && repaired && row.repair !== null && !STAYS.includes(row.repair)
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

/** The sums of the bill. @returns false when another run has taken the day over */
async function finish(tx: Transaction, claim: Claim, bill: readonly BillLine[], now: Date): Promise<boolean> {
  const payments = bill.filter((line) => line.kind === 'payment')
  const refunds = bill.filter((line) => line.kind === 'refund')
  const finished = await held(tx, claim)
    .set((column) => ({
      status: 'done',
      finished_at: now,
      running_until: null,
      runs: column('runs', '+', 1),
      trades: payments.length,
      trades_fen: sumFen(payments.map((line) => line.amount)),
      refunds: refunds.length,
      refunds_fen: sumFen(refunds.map((line) => line.amount)),
      fees_fen: bill.reduce((sum, line) => sum + line.fee, 0),
      problem: null,
      stage: null,
    }))
    .returning('day')
    .executeTakeFirst()
  return finished !== undefined
}
