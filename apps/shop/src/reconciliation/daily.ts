/** The job that reconciles each day once its bill is available. */
import { type Static, Type } from 'typebox'
import { dayBefore, dayOf } from '../beijing-day.ts'
import { ShopError } from '../errors.ts'
import type { Payments } from '../payments/payments.ts'
import { reconcileDay } from './run.ts'

export const ReconcileTask = Type.Object({ provider: Type.String(), day: Type.String() })

/** A day's bill is published by 09:00 Beijing time of the next day; do not request it earlier. */
const DUE_MS = (9 * 60 + 5) * 60_000
/** How many missed days are reconciled after the shop was off. */
const DAYS_BACK = 7
/** How far back days without reconciliation are recorded, so that the money health check reports them. */
const DAYS_SEEN = 35

/** Reconciles the days of the last week that are still due, in order. Safe to run in any number of processes. */
export async function reconcileDueDays(payments: Payments): Promise<void> {
  const { db, clock, log } = payments
  const first = await db
    .selectFrom('payment_attempts')
    .select((column) => ['provider', column.fn.min('created_at').as('at')])
    .groupBy('provider')
    .execute()
  const due = daysUntil(dayBefore(dayOf(new Date(clock().getTime() - DUE_MS))))
  const opened = new Map(first.map(({ provider, at }) => [provider, dayOf(at)]))
  for (const provider of payments.providers.keys()) {
    const days = due.filter((day) => day >= (opened.get(provider) ?? '9'))
    await recordDueDays(payments, provider, days)
  }
  for (const day of due.slice(-DAYS_BACK)) {
    for (const provider of payments.providers.keys()) {
      if (day < (opened.get(provider) ?? '9') || (await isDone(payments, provider, day))) continue
      try {
        await reconcileDay(payments, { provider, day })
      } catch (error) {
        // One day's failure, of whatever kind, must not keep the other days and the other methods waiting.
        if (error instanceof ShopError)
          log.warn({ provider, day, code: error.code }, 'day not reconciled yet; trying again later')
        else log.error({ provider, day, err: error }, 'day could not be reconciled; trying again later')
      }
    }
  }
}

/** Runs the task of a day that staff requested. @throws Error while another run is at it, so that the job is retried */
export async function reconcileWanted(payments: Payments, day: Static<typeof ReconcileTask>): Promise<void> {
  if ((await reconcileDay(payments, day)) === 'busy') throw new Error('another run has this day; coming again')
}

/** The days up to this one, oldest first. */
function daysUntil(last: string): string[] {
  const days = [last]
  while (days.length < DAYS_SEEN) days.unshift(dayBefore(days[0] ?? last))
  return days
}

/** Adds rows for days that are not reconciled yet, so that missing days are visible. */
async function recordDueDays({ db, clock }: Payments, provider: string, days: readonly string[]): Promise<void> {
  if (days.length === 0) return
  const noted = { status: 'failed', problem: 'NEVER_RUN', requested_at: clock() } as const
  await db
    .insertInto('reconciliations')
    .values(days.map((day) => ({ provider, day, ...noted })))
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

async function isDone({ db }: Payments, provider: string, day: string): Promise<boolean> {
  const row = await db
    .selectFrom('reconciliations')
    .select('status')
    .where('provider', '=', provider)
    .where('day', '=', day)
    .executeTakeFirst()
  return row?.status === 'done' || row?.status === 'not_offered'
}
