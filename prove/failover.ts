/**
 * `npm run prove -- failover [--seed N] [--buyers N] [--notice SECONDS] [--direct] [--json]`: two nodes behind HAProxy
 * with a primary and its synchronous standby; the primary is killed under load and the standby promoted. Exit code 1 if
 * anything is lost, late, or answered wrongly; see docs/deploy.md.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import type { Tally } from './answers.ts'
import { failOver } from './failover-run.ts'
import { printVerdicts } from './report.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(randomInt(1, 2 ** 31)) },
    buyers: { type: 'string', default: '16' },
    seconds: { type: 'string', default: '15' },
    notice: { type: 'string', default: '4' },
    direct: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const whole = (name: 'seed' | 'buyers' | 'seconds' | 'notice', min: number): number => {
  const number = Number(values[name])
  if (Number.isInteger(number) && number >= min) return number
  console.error(`--${name} must be a whole number from ${min}`)
  process.exit(2)
}

const report = await failOver({
  seed: whole('seed', 0),
  buyers: whole('buyers', 1),
  loadMs: whole('seconds', 1) * 1000,
  noticeMs: whole('notice', 0) * 1000,
  haproxy: !values.direct,
  progress: (line) => {
    if (!values.json) console.log(line)
  },
})
const broken = report.verdicts.filter((verdict) => verdict.broken.length > 0).length
if (values.json) console.log(JSON.stringify(report))
else {
  print('Before the kill', report.before)
  print('From the kill until writes were back', report.gap)
  print('Afterwards', report.after)
  console.log(`
Writes back              ${report.writesBackSeconds} s after the kill, ${report.afterPromotionSeconds} s after the promotion
Orders                   ${report.orders}, of which ${report.paid} were seen paid
Notifications            ${report.notificationsAcknowledged} acknowledged, all of them kept
`)
  printVerdicts(report.verdicts)
  if (report.folder) console.log(`\nThe data is kept in ${report.folder}. Again: --seed ${report.seed}`)
}
process.exit(broken === 0 ? 0 : 1)

function print(title: string, rows: readonly Tally[]): void {
  const width = Math.max(...rows.map(({ what }) => what.length), 8)
  console.log(`\n${title}\n  ${' '.repeat(width)}  answered  503 + Retry-After  anything else  slowest`)
  for (const { what, answered, refused, wrong, slowestMs } of rows) {
    const cells = [String(answered).padStart(8), String(refused).padStart(17), String(wrong).padStart(13)]
    console.log(`  ${what.padEnd(width)}  ${cells.join('  ')}  ${`${slowestMs} ms`.padStart(7)}`)
  }
}
