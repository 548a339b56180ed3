/**
 * `npm run bench`: each figure with its ceiling from the same run and its target; a table for people, JSON for
 * programs. Exit code 1 if a figure misses its target by more than the measured noise. `--sizes 1000,100000` sets how
 * many orders the database holds. Further benchmarks:
 * - `back-office [--orders N]`: the back office over a full database, see back-office.ts
 * - `overload [--seconds 20]`: three times the load it can carry, see overload.ts
 * - `hostile [--orders 100000] [--seconds 6] [--fuzz 6000] [--seed N] [--parts sockets,costs,fuzz]`: how much an
 *   attacker can cost the shop, see hostile.ts
 * - `soak [--minutes 20]`: whether memory and connections stay flat, see soak.ts
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { benchBackOffice } from './back-office.ts'
import { benchHostile, isHeld, PARTS } from './hostile.ts'
import { benchOverload } from './overload.ts'
import { benchFirstPage } from './page.ts'
import { benchShop, type Measured } from './shop.ts'
import { benchSoak } from './soak.ts'
import { benchWhole } from './whole.ts'

const { values, positionals } = parseArgs({
  options: {
    seconds: { type: 'string' },
    minutes: { type: 'string', default: '20' },
    out: { type: 'string' },
    orders: { type: 'string' },
    seed: { type: 'string' },
    fuzz: { type: 'string', default: '6000' },
    parts: { type: 'string', default: PARTS.join(',') },
    sizes: { type: 'string', default: '1000,100000,1000000' },
    requests: { type: 'string', default: '4000' },
    rounds: { type: 'string', default: '3' },
  },
  allowPositionals: true,
})
const bounded = (text: string, min: number, max: number) => Math.min(max, Math.max(min, Number(text) || 0))

if (positionals[0] === 'soak') {
  const result = await benchSoak(bounded(values.minutes, 1, 24 * 60), console.log)
  console.table(
    result.trends.map(({ name, mean, rise, noise, flat }) => ({
      name,
      'second half': Math.round(mean),
      rise: rise.toFixed(1),
      noise: noise.toFixed(1),
      '': flat ? 'flat' : 'GROWS',
    })),
  )
  for (const failure of result.failures.slice(0, 20)) console.log(failure)
  write('soak', result)
  process.exit(result.ok ? 0 : 1)
}
if (positionals[0] === 'overload') {
  const result = await benchOverload(values.seconds ? bounded(values.seconds, 5, 120) : 20, console.log)
  write('overload', result)
  process.exit(result.ok ? 0 : 1)
}
if (positionals[0] === 'hostile') {
  const result = await benchHostile({
    orders: bounded(values.orders ?? '100000', 1000, 1_000_000),
    seconds: bounded(values.seconds ?? '6', 2, 60),
    fuzzed: bounded(values.fuzz, 100, 100_000),
    seed: values.seed ? Number(values.seed) : Date.now() % 1_000_000,
    parts: PARTS.filter((part) => values.parts.split(',').includes(part)),
    log: console.log,
  })
  for (const { operation, kind, by, times } of result.costs?.tooMuch ?? []) {
    console.log(`TOO MUCH ${operation}, ${kind}, by ${by}: ${times.toFixed(0)} empty requests`)
  }
  for (const pace of result.paces) {
    const { place, kind, share, unanswered } = pace
    if (!isHeld(pace))
      console.log(`TOO SLOW next to ${kind} from ${place}: ${(share * 100).toFixed(0)} %, ${unanswered} unanswered`)
  }
  for (const failure of result.fuzz?.failures.slice(0, 20) ?? []) console.log(failure)
  write('hostile', result)
  process.exit(result.ok ? 0 : 1)
}
if (positionals[0] === 'back-office')
  process.exit((await benchBackOffice(bounded(values.orders ?? '1000000', 1000, 10_000_000))) ? 0 : 1)

const sizes = values.sizes.split(',').map((size) => bounded(size, 1000, 10_000_000))
const figures: Measured[] = await payLinks()
const bySize = new Map<number, Measured[]>()
for (const orders of sizes) {
  console.log(`With ${orders} orders in the database`)
  const [rounds, requests] = [bounded(values.rounds, 1, 9), bounded(values.requests, 200, 50_000)]
  bySize.set(orders, await benchShop({ orders, rounds, requests, log: (line) => console.log(`  ${line}`) }))
}
const [smallest = [], ...larger] = [...bySize.values()]
figures.push(...smallest, ...growth(smallest, larger.at(-1)))
const purchases = bounded(values.requests, 200, 50_000) / 2
figures.push(
  ...(await benchWhole({ purchases, rounds: bounded(values.rounds, 1, 9), log: (line) => console.log(line) })),
)
figures.push(...(await benchFirstPage((line) => console.log(line))))

console.table(
  Object.fromEntries(
    figures.map((figure) => [
      figure.name,
      {
        value: `${Math.round(figure.value)} ${figure.unit}`,
        beside: figure.ceiling ? `${Math.round(figure.ceiling.value)} ${figure.ceiling.name}` : '',
        reached: figure.ceiling ? `${((figure.value / figure.ceiling.value) * 100).toFixed(0)} %` : '',
        target: targetOf(figure),
        noise: `${(figure.noise * 100).toFixed(0)} %`,
        '': isReached(figure) ? 'ok' : 'SHORT',
      },
    ]),
  ),
)
write('bench', { figures, bySize: Object.fromEntries(bySize) })
process.exit(figures.every(isReached) ? 0 : 1)

/** Writes JSON for programs, under `data/` or to `--out`. */
function write(name: string, result: object): void {
  const out = values.out ?? join(import.meta.dirname, `../data/${name}.json`)
  mkdirSync(join(out, '..'), { recursive: true })
  const machine = { cores: cpus().length, model: cpus()[0]?.model ?? '', node: process.version }
  writeFileSync(out, `${JSON.stringify({ at: new Date().toISOString(), machine, ...result }, undefined, 2)}\n`)
  console.log(`Written to ${out}`)
}

async function payLinks(): Promise<Measured[]> {
  // The SDK's HTTP client replaces the global agent, so it is imported only when needed.
  const { measurePayLinks } = await import('../packages/alipay/bench/pay-links.ts')
  const { ours, ceiling, sdk } = await measurePayLinks(bounded(values.seconds ?? '4', 1, 60) * 1000)
  const figure = { name: 'pay links signed in process', unit: '/s', value: ours, noise: 0.02 }
  const bare = { name: 'crypto.sign alone, same key, same concurrency', value: ceiling }
  return [
    { ...figure, ceiling: bare, target: { share: 0.95 } },
    {
      ...figure,
      name: 'the same, compared with the official SDK',
      ceiling: { name: 'alipay-sdk', value: sdk },
      target: { share: 1 },
    },
  ]
}

/** Compares each figure of the smallest database with the largest: at most 1.3 times worse. */
function growth(small: readonly Measured[], large: readonly Measured[] | undefined): Measured[] {
  return small.flatMap((figure): Measured[] => {
    const grown = large?.find(({ name }) => name === figure.name)
    if (!grown || figure.unit !== '/s') return []
    const name = `${figure.name}, with ${sizes.at(-1)} orders`
    const ceiling = { name: `with ${sizes[0]}`, value: figure.value }
    return [{ ...grown, name, ceiling, target: { share: 1 / 1.3 } }]
  })
}

function targetOf({ target, unit }: Measured): string {
  if ('share' in target) return `${(target.share * 100).toFixed(0)} %`
  return 'min' in target ? `at least ${target.min} ${unit}` : `at most ${target.max} ${unit}`
}

function isReached({ target, value, noise, ceiling }: Measured): boolean {
  if ('share' in target) return value * (1 + noise) >= (ceiling?.value ?? 0) * target.share
  return 'min' in target ? value * (1 + noise) >= target.min : value * (1 - noise) <= target.max
}
