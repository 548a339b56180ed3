/**
 * `npm run prove -- [--seed N] [--orders N] [--buyers N]`: hundreds of buyers do everything that buyers do, while all
 * the faults of real shops strike at random and every process is killed again and again. Then everything settles, and
 * the books must agree to the fen. Exit code 1 if an invariant is broken; see docs/proof.md.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { prove } from './prove.ts'
import { printReport } from './report.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    orders: { type: 'string', default: '1000' },
    buyers: { type: 'string' },
    'settle-seconds': { type: 'string', default: '480' },
    json: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
  },
})
const whole = (name: string, text: string, min: number): number => {
  const number = Number(text)
  if (!Number.isInteger(number) || number < min) {
    console.error(`--${name} must be a whole number from ${min}`)
    process.exit(2)
  }
  return number
}
const orders = whole('orders', values.orders, 1)
const seed = values.seed === undefined ? randomInt(1, 2 ** 31) : whole('seed', values.seed, 0)
const buyers =
  values.buyers === undefined ? Math.min(40, Math.max(8, Math.ceil(orders / 20))) : whole('buyers', values.buyers, 1)

if (!values.quiet) console.log(`seed ${seed}, ${orders} orders, ${buyers} buyers at a time`)
const report = await prove({
  seed,
  orders,
  buyers,
  settleLimitMs: whole('settle-seconds', values['settle-seconds'], 1) * 1000,
  progress: (line) => {
    if (!values.quiet) console.log(line)
  },
})
if (values.json) console.log(JSON.stringify(report))
else printReport(report)
process.exit(report.verdicts.every(({ broken }) => broken.length === 0) ? 0 : 1)
