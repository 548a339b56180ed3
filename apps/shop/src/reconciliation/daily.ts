/** The job that reconciles each day once its bill is due. */
import { sql } from 'kysely'
import { Type } from 'typebox'
import { ShopError } from '../errors.ts'
import type { Payments } from '../payments/payments.ts'
import { dayBefore, dayOf } from './days.ts'
import { reconcileDay } from './run.ts'

export const ReconcileTask = Type.Object({ provider: Type.String(), day: Type.String() })

/** A day's bill is there by nine in the morning of the next, Beijing time; it is not asked for before. */
const DUE_MS = (9 * 60 + 5) * 60_000
/** How many days back are caught up with, should the shop have been off. */
const DAYS_BACK = 7

/** Reconciles the days of the last week that have not been. Safe in any number of processes. */
export async function reconcileDueDays(payments: Payments): Promise<void> {
  const { db, clock, log } = payments
  const opened = await db
    .selectFrom('payment_attempts')
    .select(sql<Date | null>`min(created_at)`.as('at'))
    .executeTakeFirst()
  if (!opened?.at) return
  let day = dayBefore(dayOf(new Date(clock().getTime() - DUE_MS)))
  for (let back = 0; back < DAYS_BACK && day >= dayOf(opened.at); back += 1, day = dayBefore(day)) {
    for (const provider of payments.providers.keys()) {
      if (await isDone(payments, provider, day)) continue
      try {
        await reconcileDay(payments, { provider, day })
      } catch (error) {
        if (!(error instanceof ShopError)) throw error
        log.warn({ provider, day, code: error.code }, 'day not reconciled yet; trying again later')
      }
    }
  }
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
