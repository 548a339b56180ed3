/** The job that reconciles each day once its bill is due. */
import { type Static, Type } from 'typebox'
import { ShopError } from '../errors.ts'
import type { Payments } from '../payments/payments.ts'
import { dayBefore, dayOf } from './days.ts'
import { reconcileDay } from './run.ts'

export const ReconcileTask = Type.Object({ provider: Type.String(), day: Type.String() })

/** A day's bill is there by nine in the morning of the next, Beijing time; it is not asked for before. */
const DUE_MS = (9 * 60 + 5) * 60_000
/** How many days back are caught up with, should the shop have been off. */
const DAYS_BACK = 7
/** How many days back one that was never reconciled is kept in sight, where money health finds it. */
const DAYS_SEEN = 35

/** Reconciles the days of the last week that have not been, in their order. Safe in any number of processes. */
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
    await noteDue(payments, provider, days)
  }
  for (const day of due.slice(-DAYS_BACK)) {
    for (const provider of payments.providers.keys()) {
      if (day < (opened.get(provider) ?? '9') || (await isDone(payments, provider, day))) continue
      try {
        await reconcileDay(payments, { provider, day })
      } catch (error) {
        if (!(error instanceof ShopError)) throw error
        log.warn({ provider, day, code: error.code }, 'day not reconciled yet; trying again later')
      }
    }
  }
}

/** The task of a day that somebody wants reconciled. @throws Error while another run has it, so that the job comes again */
export async function reconcileWanted(payments: Payments, day: Static<typeof ReconcileTask>): Promise<void> {
  if ((await reconcileDay(payments, day)) === 'busy') throw new Error('another run has this day; coming again')
}

/** The last days up to this one, the oldest first. */
function daysUntil(last: string): string[] {
  const days = [last]
  while (days.length < DAYS_SEEN) days.unshift(dayBefore(days[0] ?? last))
  return days
}

/** A day that nobody has reconciled has a row as well: what is missing must be seen. */
async function noteDue({ db, clock }: Payments, provider: string, days: readonly string[]): Promise<void> {
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
  return row?.status === 'done'
}
