/** The result of a proof as tables for people. */
import type { Verdict } from './check.ts'
import type { Report } from './prove.ts'

const yuan = (fen: number): string => `¥${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, '0')}`

export function printReport(report: Report): void {
  const { seed, orders, seconds, money, verdicts, folder } = report
  table('What buyers did', report.scenarios)
  table('Faults that struck', report.strikes)
  table('Killed with kill -9', report.kills)
  table('Another merchant’s keys came into use', report.changes)
  table('Unmatched payments that staff wanted to refund', {
    'paid back': report.operator.paidBack,
    'refused, with a reason': report.operator.refused,
  })
  table('Pages that did not load within 15 s and were requested again', { pages: report.reloads })
  table('Killed between two steps', report.points)
  table('Orders at the end', report.states)
  table('Money', {
    'taken by the gateway': yuan(money.taken),
    'on paid orders': yuan(money.onOrders),
    'gone back': yuan(money.refunded),
    'listed for staff': yuan(money.listed),
    difference: yuan(Math.abs(money.taken - money.onOrders - money.refunded - money.listed)),
  })
  console.log(`\nInvariants after ${orders} orders in ${seconds} s, seed ${seed}`)
  printVerdicts(verdicts)
  const broken = verdicts.filter((verdict) => verdict.broken.length > 0).length
  console.log(broken === 0 ? '\nNo invariant is broken.' : `\n${broken} broken. The data is kept in ${folder}`)
  if (broken > 0) console.log(`Run it again: npm run prove -- --seed ${seed} --orders ${report.requested}`)
}

export function printVerdicts(verdicts: readonly Verdict[]): void {
  for (const { invariant, broken } of verdicts) {
    console.log(
      `  ${broken.length === 0 ? 'holds ' : 'BROKEN'}  ${invariant}${broken.length > 0 ? ` (${broken.length})` : ''}`,
    )
    for (const example of broken.slice(0, 5)) console.log(`            ${example}`)
  }
}

function table(title: string, values: Readonly<Record<string, string | number | undefined>>): void {
  const rows = Object.entries(values).filter(([, value]) => value !== undefined)
  console.log(`\n${title}`)
  const width = Math.max(0, ...rows.map(([name]) => name.length))
  if (rows.length === 0) console.log('  none')
  for (const [name, value] of rows) console.log(`  ${name.padEnd(width)}  ${String(value).padStart(10)}`)
}
