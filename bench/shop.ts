/**
 * The shop under load: its server processes, its PostgreSQL and the load generator on the same cores. Each figure is
 * measured several times beside its ceiling; the middle one counts, and how far they lie apart is the noise.
 */
import type { KeyObject } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import type { System } from '../tests/harness/system.ts'
import { plainOrders, plainSettlements, signaturesPerSecond } from './ceilings.ts'
import { type Cpu, cpuOf, perRequest } from './cpu.ts'
import { fill } from './fill.ts'
import { drive, type Load, type Request, repeat } from './load.ts'
import { middle } from './middle.ts'
import {
  COURSES,
  get,
  memoryOf,
  newBuyers,
  notificationOf,
  openStage,
  placing,
  readUrl,
  type Unpaid,
  unpaidOrders,
} from './stage.ts'

export interface Measured {
  readonly name: string
  readonly unit: string
  readonly value: number
  /** The greatest distance between two rounds, as a share of the value. */
  readonly noise: number
  readonly ceiling?: { readonly name: string; readonly value: number }
  /** Of the ceiling, or in the figure's own unit. */
  readonly target: { readonly share: number } | { readonly least: number } | { readonly most: number }
}

export interface BenchOptions {
  /** How many orders the database holds before the first request. */
  readonly orders: number
  readonly rounds: number
  /** Requests of a round. */
  readonly requests: number
  readonly log: (line: string) => void
}

const CONNECTIONS = 32

/** Every figure with so many orders in the database. */
export async function benchShop({ orders, rounds, requests, log }: BenchOptions): Promise<Measured[]> {
  const { system, key, close } = await openStage()
  try {
    await fillUp(system, orders, log)
    const tokens = await newBuyers(system, Math.ceil((requests * (rounds + 1)) / COURSES))
    const bench: Bench = { system, rounds, requests, tokens, key, log, memory: [], used: 0 }
    const signatures = signaturesPerSecond(2)
    const empty = await measure(bench, 'empty route', () => ({
      requests: repeat(get('/healthz'), requests),
      wanted: 200,
    }))
    const placing = await measureOrders(bench)
    const unpaid = await unpaidOrders(system)
    const plainlyPlaced = await plainOrders(readUrl(system), await purchasesOf(system, requests), 24)
    const plain = await plainSettlements(readUrl(system), unpaid.slice(0, requests), 24)
    const [first, again] = await measureNotifications(bench, unpaid.slice(requests))
    const status = await measureStatus(bench)
    const list = await measure(bench, 'course list', () => ({
      requests: repeat(get('/api/courses'), requests),
      wanted: 200,
    }))
    const page = await measure(bench, 'course page', () => ({
      requests: Array.from({ length: requests }, (_, index) => get(`/api/courses/${1 + (index % 10)}`)),
      wanted: 200,
    }))
    const emptyRoute = { name: 'an empty route of the same server', value: empty.value }
    const share = { share: 0.6 }
    return [
      { ...placing, ceiling: { name: 'RSA-2048 signatures of all cores', value: signatures }, target: { share: 0.5 } },
      {
        ...{ ...placing, name: 'the same, beside what the disk allows' },
        ceiling: { name: 'the same rows by plain SQL', value: plainlyPlaced },
        target: { share: 0.5 },
      },
      { ...first, ceiling: { name: 'the same rows by plain SQL', value: plain }, target: share },
      { ...again, ceiling: emptyRoute, target: share },
      { ...status, ceiling: emptyRoute, target: share },
      { ...list, ceiling: emptyRoute, target: share },
      { ...page, ceiling: emptyRoute, target: share },
      { name: 'memory of a web process', unit: 'MB', ...middle(bench.memory), target: { most: 150 } },
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
  /** How many pairs of buyer and course have been used up. */
  used: number
}

type Figure = Omit<Measured, 'ceiling' | 'target'>

async function measure(
  { system, rounds, requests, memory, log }: Bench,
  name: string,
  round: (index: number) => { requests: Request[]; wanted: number },
): Promise<Figure> {
  const loads: Load[] = []
  const costs: Cpu[] = []
  const parent = system.process.pid ?? 0
  for (let index = 0; index <= rounds; index += 1) {
    const { requests: these, wanted } = round(index)
    await vacuumed(system)
    const before = cpuOf(parent)
    const load = await drive(system.shopUrl, these, { connections: CONNECTIONS, wanted })
    if (load.wrong.length > these.length / 100)
      throw new Error(`${name}: ${load.wrong.length} of ${requests}: ${load.wrong[0]}`)
    // The first round warms up.
    if (index === 0) continue
    loads.push(load)
    costs.push(perRequest(before, cpuOf(parent), these.length))
    memory.push(...memoryOf(system))
  }
  const cost = (who: keyof Cpu) => middle(costs.map((each) => each[who])).value.toFixed(2)
  const { value, noise } = middle(loads.map(({ perSecond }) => perSecond))
  const p99 = Math.max(...loads.map((load) => load.p99))
  const spent = `shop ${cost('shop')}, PostgreSQL ${cost('database')}, generator ${cost('generator')}`
  log(`${name}: ${Math.round(value)}/s, p99 ${p99.toFixed(1)} ms; ms of CPU a request: ${spent}`)
  return { name, unit: '/s', value, noise }
}

/** Each order by another buyer or of another course, so that every one is a new one. */
const VACUUM_LIMIT_MS = 120_000

/** Waits until PostgreSQL tidies nothing up: after a large fill that goes on for a while, at the cost of whichever figure it meets. */
async function vacuumed({ sql }: System): Promise<void> {
  const until = performance.now() + VACUUM_LIMIT_MS
  const busy = () => sql("select from pg_stat_activity where backend_type = 'autovacuum worker'")
  while ((await busy()).length > 0 && performance.now() < until) await pause(200)
}

async function measureOrders(bench: Bench): Promise<Figure> {
  const { system, requests, tokens } = bench
  const place = await placing(system, tokens)
  return measure(bench, 'orders created with pay link', () => ({
    requests: Array.from({ length: requests }, () => place(bench.used++)),
    wanted: 201,
  }))
}

/** Purchases for the plain rows: the load's own buyers once more, one course each. */
const purchasesOf = ({ sql }: System, count: number) =>
  sql<{ userId: number; courseId: number; fen: number }>(
    `select u.id::int as "userId", c.id as "courseId", c.price_fen::int as fen
     from generate_series(1, $1::int) n
     join lateral (select id from users where username = 'load' || (1 + n % $2::int)) u on true
     cross join (select id, price_fen from courses where price_fen > 0 order by id limit 1) c`,
    [count, COURSES],
  )

async function measureNotifications(bench: Bench, unpaid: readonly Unpaid[]): Promise<[Figure, Figure]> {
  const { rounds, key } = bench
  const size = Math.floor(unpaid.length / (rounds + 1))
  const signed = unpaid.map((order, index) => notificationOf(order, index, key))
  const part = (index: number) => ({ requests: signed.slice(index * size, (index + 1) * size), wanted: 200 })
  return [
    await measure(bench, 'first notifications handled', part),
    await measure(bench, 'repeated notifications', part),
  ]
}

async function measureStatus(bench: Bench): Promise<Figure> {
  const { system, requests, tokens } = bench
  const token = tokens[0] ?? ''
  const answer = await fetch(`${system.shopUrl}/api/orders`, { headers: { authorization: `Bearer ${token}` } })
  const { items } = (await answer.json()) as { items: { orderNo: string }[] }
  const asked = items.map(({ orderNo }) => get(`/api/orders/${orderNo}`, token))
  const all = Array.from({ length: requests }, (_, index) => asked[index % asked.length] ?? get('/none'))
  return measure(bench, 'order status', () => ({ requests: all, wanted: 200 }))
}

async function fillUp(system: System, orders: number, log: (line: string) => void): Promise<void> {
  const pool = new pg.Pool({ connectionString: readUrl(system), max: 1 })
  const started = performance.now()
  await fill(pool, orders)
  await pool.end()
  log(`${orders} orders written in ${((performance.now() - started) / 1000).toFixed(1)} s`)
}
