/** `xuecheng reconcile --date YYYY-MM-DD`: compares a day's bill with the books now. */
import { auditCommand } from '../admin/audit.ts'
import { isDay } from '../beijing-day.ts'
import { systemClock } from '../clock.ts'
import { type Command, optional, required, UsageError } from '../command.ts'
import { ShopError } from '../errors.ts'
import { findProvider } from '../payments/payments.ts'
import { differencesOf, readDay } from '../reconciliation/read.ts'
import { type RunOutcome, reconcileDay } from '../reconciliation/run.ts'
import { withShop } from './database.ts'

export const reconcile: Command = {
  usage: '--date YYYY-MM-DD [--provider NAME]',
  summary: "Compares a day's bill with our books; exit 1 if they differ",
  options: { date: { type: 'string' }, provider: { type: 'string' } },
  async run(call) {
    const day = required(call, 'date')
    if (!isDay(day)) throw new UsageError(`--date: "${day}" is not a day; write it as 2026-11-23`)
    return withShop(call.config, async (shop) => {
      const wanted = optional(call, 'provider')
      const providers = wanted ? [wanted] : [...shop.payments.providers.keys()]
      const days = []
      for (const provider of providers) {
        findProvider(shop.payments, provider) // fails for an unknown provider, before anything is recorded
        const entry = {
          at: systemClock(),
          action: 'reconciliation.run',
          subject: `reconciliations/${provider}/${day}`,
        }
        await shop.connection.db.transaction().execute((tx) => auditCommand(tx, entry))
        const outcome = await reconcileDay(shop.payments, { provider, day }).catch(failed)
        const view = await readDay(shop.connection.db, { provider, day }, shop.payments.clock())
        const found = await differencesOf(shop.connection.db, { provider, day }, 'owner')
        days.push({ ...view, outcome, found })
      }
      const clean = days.every(({ outcome, openDifferences }) => outcome === 'done' && openDifferences === 0)
      const exitCode = days.some(({ outcome }) => outcome === 'failed') ? 2 : clean ? 0 : 1
      return { text: days.map(write).join('\n'), data: days, exitCode }
    })
  },
}

/** One method's failure does not end the others' runs; the day's row says what it was. */
function failed(error: unknown): 'failed' {
  if (!(error instanceof ShopError)) throw error
  return 'failed'
}

type Written = Awaited<ReturnType<typeof readDay>> & {
  outcome: RunOutcome | 'failed'
  found: Awaited<ReturnType<typeof differencesOf>>
}

function write(day: Written): string {
  const head = `${day.provider} ${day.day}`
  if (day.outcome === 'not yet')
    return `${head}: the bill is not available yet; a day's bill is available from nine the next morning`
  if (day.outcome === 'not offered') return `${head}: the gateway has no bill for this day, or no longer offers it`
  if (day.outcome === 'contradictory')
    return `${head}: the bill's lines do not add up to its own totals; nothing was compared`
  if (day.outcome === 'failed') return `${head}: not reconciled (${day.problem})`
  if (day.outcome === 'busy') return `${head}: another process is already reconciling this day`
  const sums = `${day.trades} payments ${day.tradesAmount}, ${day.refunds} refunds ${day.refundsAmount}, fees ${day.fees}`
  const lines = day.found
    .filter((difference) => difference.goneAt === null)
    .map((difference) => {
      const { kind, tradeNo, attemptNo, requestNo, ours, theirs, repair } = difference
      const numbers = [tradeNo, attemptNo, requestNo].filter(Boolean).join(' ')
      return `  ${repair ? `(${repair})` : 'open'} ${kind} ${numbers}: shop ${ours ?? '-'}, bill ${theirs ?? '-'}`
    })
  return [`${head}: ${sums}; ${day.openDifferences} open differences`, ...lines].join('\n')
}
