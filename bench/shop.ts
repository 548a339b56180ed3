/**
 * The shop under load: its server processes, its PostgreSQL and the load generator on the same cores. Each figure is
 * measured several times next to its ceiling; the median counts, and the spread is the noise.
 */
import type { KeyObject } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import type { System } from '../tests/harness/system.ts'
import { plainOrders, plainSettlements, signaturesPerSecond } from './ceilings.ts'
import { type Cpu, cpuOf, perRequest } from './cpu.ts'
import { fill } from './fill.ts'
import {
  COURSES,
  get,
  memoryOf,
  newBuyers,
  notificationOf,
  openHarness,
  placing,
  readUrl,
  type Unpaid,
  unpaidOrders,
} from './harness.ts'
import { drive, type Load, type Request, repeat } from './load.ts'
import { middle } from './middle.ts'

export interface Measured {
  readonly name: string
  readonly unit: string
  readonly value: number
  /** The greatest distance between two rounds, as a share of the value. */
  readonly noise: number
  readonly ceiling?: { readonly name: string; readonly value: number }
  /** A share of the ceiling, or a value in the figure's own unit. */
  readonly target: { readonly share: number } | { readonly min: number } | { readonly max: number }
}

export interface BenchOptions {
  /** How many orders the database holds before the first request. */
  readonly orders: number
  readonly rounds: number
  /** Requests per round. */
  readonly requests: number
  readonly log: (line: string) => void
}

const CONNECTIONS = 32
/** Answers from memory come too fast to measure: send this many times as many of those requests. */
const READS = 4
/**
 * Warm-up rounds before the first figure. While a large database was filled the processes were idle for half an hour,
 * and the machine reclaimed their memory and caches: the first thousands of requests restore them.
 */
const WARM_UP_ROUNDS = 4

/** Measures every figure with this number of orders in the database. */
export async function benchShop({ orders, rounds, requests, log }: BenchOptions): Promise<Measured[]> {
  const { system, key, close } = await openHarness()
  try {
    await fillUp(system, orders, log)
    const tokens = await newBuyers(system, Math.ceil((requests * (rounds + WARM_UP_ROUNDS)) / COURSES))
    const bench: Bench = { system, rounds, requests, tokens, key, log, memory: [], used: 0 }
    const signatures = signaturesPerSecond(2)
    const placing = await measureOrders(bench)
    const unpaid = await unpaidOrders(system)
    const plainlyPlaced = await plainOrders(readUrl(system), await purchasesOf(system, requests), 24)
    const plain = await plainSettlements(readUrl(system), unpaid.slice(0, requests), 24)
    const [first, again] = await measureNotifications(bench, unpaid.slice(requests))
    const status = await measureStatus(bench)
    const list = await measureBeside(bench, 'course list', () => repeat(get('/api/courses'), requests * READS))
    const page = await measureBeside(bench, 'course page', () =>
      Array.from({ length: requests * READS }, (_, index) => get(`/api/courses/${1 + (index % 10)}`)),
    )
    const share = { share: 0.6 }
    return [
      { ...placing, ceiling: { name: 'RSA-2048 signatures of all cores', value: signatures }, target: { share: 0.5 } },
      {
        ...placing,
        name: 'the same, compared with what the disk allows',
        ceiling: { name: 'the same rows by plain SQL', value: plainlyPlaced },
        target: { share: 0.5 },
      },
      { ...first, ceiling: { name: 'the same rows by plain SQL', value: plain }, target: share },
      { ...again, target: share },
      { ...status, target: share },
      { ...list, target: share },
      { ...page, target: share },
      { name: 'memory of a web process', unit: 'MB', ...middle(bench.memory), target: { max: 150 } },
    ]
  } finally {
    await close()
  }
}

interface Bench {
  readonly system: System
  readonly rounds: number
  readonly requests: number
  readonly tokens: readonly string[]
  readonly key: KeyObject
  readonly log: (line: string) => void
  /** Megabytes of each web process at the end of each round. */
  readonly memory: number[]
  /** How many pairs of buyer and course have been used. */
  used: number
}

type Figure = Omit<Measured, 'ceiling' | 'target'>

interface Round {
  readonly requests: readonly Request[]
  readonly wanted: number
}

/**
 * @param before measured right before each round
 * @param warmUps how many rounds come first and do not count
 */
async function measure(
  { system, rounds, memory, log }: Bench,
  name: string,
  round: (index: number) => Round,
  before?: () => Promise<number>,
  warmUps = 1,
): Promise<{ readonly figure: Figure; readonly perSecond: readonly number[]; readonly besides: readonly number[] }> {
  const loads: Load[] = []
  const costs: Cpu[] = []
  const besides: number[] = []
  const parent = system.process.pid ?? 0
  for (let index = 0; index < rounds + warmUps; index += 1) {
    const { requests, wanted } = round(index)
    await vacuumed(system)
    const beside = await before?.()
    const idle = cpuOf(parent)
    const load = await drive(system.shopUrl, requests, { connections: CONNECTIONS, wanted })
    if (load.wrong.length > requests.length / 100)
      throw new Error(`${name}: ${load.wrong.length} of ${requests.length}: ${load.wrong[0]}`)
    if (index < warmUps) continue
    loads.push(load)
    costs.push(perRequest(idle, cpuOf(parent), requests.length))
    if (beside) besides.push(beside)
    memory.push(...memoryOf(system))
  }
  const cost = (who: keyof Cpu) => middle(costs.map((each) => each[who])).value.toFixed(2)
  const perSecond = loads.map((load) => load.perSecond)
  const { value, noise } = middle(perSecond)
  const p99 = Math.max(...loads.map((load) => load.p99))
  const spent = `shop ${cost('shop')}, PostgreSQL ${cost('database')}, generator ${cost('generator')}`
  const empty = besides.length > 0 ? ` (an empty route ${Math.round(middle(besides).value)}/s)` : ''
  log(`${name}: ${Math.round(value)}/s${empty}, p99 ${p99.toFixed(1)} ms; ms of CPU a request: ${spent}`)
  return { figure: { name, unit: '/s', value, noise }, perSecond, besides }
}

/** A machine's speed varies from second to second: the empty route is measured again before each round. */
async function measureBeside(
  bench: Bench,
  name: string,
  round: (index: number) => readonly Request[],
): Promise<Figure & Pick<Measured, 'ceiling'>> {
  const empty = repeat(get('/healthz'), bench.requests * READS)
  const { figure, perSecond, besides } = await measure(
    bench,
    name,
    (index) => ({ requests: round(index), wanted: 200 }),
    async () => (await drive(bench.system.shopUrl, empty, { connections: CONNECTIONS, wanted: 200 })).perSecond,
  )
  const { noise } = middle(perSecond.map((each, index) => each / (besides[index] ?? each)))
  const ceiling = { name: 'an empty route of the same server', value: middle(besides).value }
  return { ...figure, noise, ceiling }
}

const VACUUM_LIMIT_MS = 120_000

/**
 * Waits for autovacuum to finish: after a large fill it runs for a while, at the cost of the figure measured meanwhile.
 */
async function vacuumed({ sql }: System): Promise<void> {
  const until = performance.now() + VACUUM_LIMIT_MS
  const busy = () => sql("select from pg_stat_activity where backend_type = 'autovacuum worker'")
  while ((await busy()).length > 0 && performance.now() < until) await pause(200)
}

/** Each order has another buyer or another course, so that every one is new. */
async function measureOrders(bench: Bench): Promise<Figure> {
  const { system, requests, tokens } = bench
  const place = await placing(system, tokens)
  const round = () => ({ requests: Array.from({ length: requests }, () => place(bench.used++)), wanted: 201 })
  const { figure } = await measure(bench, 'orders created with pay link', round, undefined, WARM_UP_ROUNDS)
  return figure
}

/** Purchases for the plain rows: the load's own buyers again, one course each. */
const purchasesOf = ({ sql }: System, count: number) =>
  sql<{ userId: number; courseId: number; fen: number }>(
    `select u.id::int as "userId", c.id as "courseId", c.price_fen::int as fen
     from generate_series(1, $1::int) n
     join lateral (select id from users where username = 'load' || (1 + n % $2::int)) u on true
     cross join (select id, price_fen from courses where price_fen > 0 order by id limit 1) c`,
    [count, COURSES],
  )

async function measureNotifications(bench: Bench, unpaid: readonly Unpaid[]) {
  const { rounds, key } = bench
  const size = Math.floor(unpaid.length / (rounds + 1))
  const signed = unpaid.map((order, index) => notificationOf(order, index, key))
  const part = (index: number) => signed.slice(index * size, (index + 1) * size)
  const handled = (index: number) => ({ requests: part(index), wanted: 200 })
  const { figure: first } = await measure(bench, 'first notifications handled', handled)
  return [first, await measureBeside(bench, 'repeated notifications', part)] as const
}

async function measureStatus(bench: Bench) {
  const { system, requests, tokens } = bench
  const token = tokens[0] ?? ''
  const answer = await fetch(`${system.shopUrl}/api/orders`, { headers: { authorization: `Bearer ${token}` } })
  const { items } = (await answer.json()) as { items: { orderNo: string }[] }
  const reads = items.map(({ orderNo }) => get(`/api/orders/${orderNo}`, token))
  const all = Array.from({ length: requests * READS }, (_, index) => reads[index % reads.length] ?? get('/none'))
  return measureBeside(bench, 'order status', () => all)
}

async function fillUp(system: System, orders: number, log: (line: string) => void): Promise<void> {
  const pool = new pg.Pool({ connectionString: readUrl(system), max: 1 })
  const started = performance.now()
  await fill(pool, orders)
  await pool.end()
  log(`${orders} orders written in ${((performance.now() - started) / 1000).toFixed(1)} s`)
}
