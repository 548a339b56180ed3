/**
 * `npm run bench`: each figure beside its ceiling from the same run; a table for people, JSON for programs.
 * `npm run bench -- desk [--orders N]`: the back office over a full database, see desk.ts.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measurePayLinks } from '../packages/alipay/bench/pay-links.ts'
import { benchDesk } from './desk.ts'

export interface Figure {
  readonly name: string
  readonly unit: string
  readonly value: number
  readonly ceiling: { readonly name: string; readonly value: number }
}

const { values, positionals } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    out: { type: 'string' },
    orders: { type: 'string', default: '1000000' },
  },
  allowPositionals: true,
})
if (positionals[0] === 'desk') process.exit((await benchDesk(Math.max(1000, Number(values.orders) || 0))) ? 0 : 1)
const seconds = Math.min(60, Math.max(1, Number(values.seconds) || 4))

const figures = await payLinks()
const out = values.out ?? join(import.meta.dirname, '../data/bench.json')
mkdirSync(join(out, '..'), { recursive: true })
const machine = { cores: cpus().length, model: cpus()[0]?.model ?? '', node: process.version }
writeFileSync(out, `${JSON.stringify({ at: new Date().toISOString(), machine, figures }, undefined, 2)}\n`)
console.table(
  Object.fromEntries(
    figures.map(({ name, unit, value, ceiling }) => [
      name,
      {
        [`value (${unit})`]: Math.round(value),
        beside: ceiling.name,
        its: Math.round(ceiling.value),
        ratio: `${((value / ceiling.value) * 100).toFixed(0)} %`,
      },
    ]),
  ),
)
console.log(`Written to ${out}`)

async function payLinks(): Promise<Figure[]> {
  const { ours, ceiling, sdk } = await measurePayLinks(seconds * 1000)
  const figure = { name: 'pay links signed in process', unit: '/s', value: ours }
  return [
    { ...figure, ceiling: { name: 'crypto.sign alone, same key, same concurrency', value: ceiling } },
    { ...figure, name: 'the same, beside the official SDK', ceiling: { name: 'alipay-sdk 4.14.0', value: sdk } },
  ]
}
