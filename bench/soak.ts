/**
 * A soak test: `npm run bench -- soak [--minutes 20]`. Buyers register, order, pay in the sandbox, wait until it is
 * paid, and read what they bought, without a pause. The resources of every process are sampled; the test passes if none
 * grew over the second half by more than its usual fluctuation.
 */
import { randomUUID } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { processesOf } from '../tests/harness/processes.ts'
import type { ShopApi } from '../tests/harness/shop-api.ts'
import { type System, startSystem } from '../tests/harness/system.ts'
import { megabytesOf } from './harness.ts'

const BUYERS_AT_ONCE = 4
const SAMPLE_MS = 10_000
const MAX_FAILURES = 100
/** The growth that is always allowed in the second half: a heap is collected only when worthwhile. */
const SLACK: Readonly<Record<string, number>> = { MB: 10, count: 2 }

export interface Sample {
  /** Since the start, in minutes. */
  readonly minute: number
  readonly purchases: number
  /** By name, in megabytes or as a count. */
  readonly held: Readonly<Record<string, number>>
}

export interface Trend {
  readonly name: string
  /** Of the second half: its mean, the rise of its regression line, and its fluctuation. */
  readonly mean: number
  readonly rise: number
  readonly noise: number
  readonly flat: boolean
}

export interface SoakResult {
  readonly samples: readonly Sample[]
  readonly trends: readonly Trend[]
  readonly failures: readonly string[]
  readonly ok: boolean
}

export async function benchSoak(minutes: number, log: (line: string) => void): Promise<SoakResult> {
  const system = await startSystem({ environment: { LOG_LEVEL: 'error' } })
  const samples: Sample[] = []
  const failures: string[] = []
  let purchases = 0
  const started = performance.now()
  const passed = () => (performance.now() - started) / 60_000
  try {
    const work = Array.from({ length: BUYERS_AT_ONCE }, async () => {
      while (passed() < minutes && failures.length < MAX_FAILURES) {
        try {
          for await (const _ of shopping(system)) {
            purchases += 1
            if (passed() >= minutes) return
          }
        } catch (error) {
          if (failures.length < MAX_FAILURES)
            failures.push(`minute ${passed().toFixed(1)}: ${String(error).slice(0, 300)}`)
        }
      }
    })
    for (let loggedMinute = 0; passed() < minutes && failures.length < MAX_FAILURES; ) {
      await sleep(SAMPLE_MS)
      samples.push({ minute: passed(), purchases, held: await look(system) })
      if (Math.floor(passed()) === loggedMinute) continue
      loggedMinute = Math.floor(passed())
      log(line(samples.at(-1)))
    }
    await Promise.all(work)
  } finally {
    await system.stop()
  }
  const trends = trendsOf(samples.slice(Math.floor(samples.length / 2)))
  return { samples, trends, failures, ok: failures.length === 0 && trends.every(({ flat }) => flat) }
}

/** One buyer, purchasing one course after another. */
async function* shopping(system: System): AsyncGenerator<void> {
  const buyer = await system.buyer()
  // Each has an account of its own at the gateway: a shared one would run out of money within minutes.
  const login = `${randomUUID()}@soak.example`
  await system.sandbox.send('POST', '/buyers', { login, balance: '100000.00' })
  const courses = await system.sql<{ id: number; price_fen: string }>(
    "select id, price_fen from courses where price_fen > 0 and status = 'published' order by id limit 8",
  )
  for (const { id, price_fen } of courses) {
    const fen = Number(price_fen)
    await buyer.call('GET', '/api/courses')
    await buyer.call('GET', `/api/courses/${id}`)
    const { status, body } = await buyer.buy([id], `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, '0')}`)
    if (status !== 201) throw new Error(`order: ${status} ${JSON.stringify(body)}`)
    await system.sandbox.send('POST', '/pay', { payUrl: body.payUrl, buyer: login })
    await paid(system, buyer, body.orderNo)
    if (!(await buyer.ownedIds()).includes(id)) throw new Error(`no access to course ${id} of order ${body.orderNo}`)
    yield
  }
}

/** Follows the order's events, as its page does, until it is paid. */
async function paid(system: System, { token = '' }: ShopApi, orderNo: string): Promise<void> {
  const response = await fetch(`${system.shopUrl}/api/orders/${orderNo}/events`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(60_000),
  })
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString()
    if (text.includes('"status":"paid"')) return
  }
  throw new Error(`the events of ${orderNo} ended before it was paid: ${response.status} ${text.slice(-200)}`)
}

/** Samples every process: memory, and the server's own metrics. */
async function look(system: System): Promise<Record<string, number>> {
  const parent = system.process.pid ?? 0
  const { 'web server': web, jobs, sandbox } = processesOf(parent)
  const metrics = await system.metrics()
  const counted = (name: string): number =>
    [...metrics.matchAll(new RegExp(`^${name} ([\\d.e+]+)`, 'gm'))].reduce((sum, [, value]) => sum + Number(value), 0)
  const [backends] = await system.sql<{ count: number }>(
    "select count(*)::int as count from pg_stat_activity where backend_type = 'client backend'",
  )
  const each = (name: string, pids: readonly number[]) =>
    pids.map((pid, index) => [`${name}${pids.length > 1 ? ` ${index + 1}` : ''}, MB`, megabytesOf(pid)])
  return Object.fromEntries([
    ['parent, MB', megabytesOf(parent)],
    ...each('web', web),
    ...each('jobs', jobs),
    ...each('sandbox', sandbox),
    ['heap used by all web, MB', counted('nodejs_heap_size_used_bytes') / 2 ** 20],
    ['connections of the pools', counted('database_connections\\{state="open"\\}')],
    ['waiting for one', counted('database_connections\\{state="waiting"\\}')],
    ['sessions at PostgreSQL', backends?.count ?? 0],
    ['event streams', counted('event_streams_open')],
    ['open files of web', web.reduce((sum, pid) => sum + openFiles(pid), 0)],
  ])
}

const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

const line = (sample: Sample | undefined): string =>
  sample === undefined
    ? ''
    : `minute ${Math.floor(sample.minute)}: ${sample.purchases} purchases; ${Object.entries(sample.held)
        .map(([name, value]) => `${name} ${Math.round(value)}`)
        .join('; ')}`

function trendsOf(half: readonly Sample[]): Trend[] {
  return Object.keys(half[0]?.held ?? {}).map((name) => {
    const values = half.map(({ held }) => held[name] ?? 0)
    const times = half.map(({ minute }) => minute)
    const [mean, middle] = [average(values), average(times)]
    const spread = times.reduce((sum, time) => sum + (time - middle) ** 2, 0)
    const slope = times.reduce((sum, time, index) => sum + (time - middle) * ((values[index] ?? 0) - mean), 0) / spread
    const off = values.map((value, index) => value - mean - slope * ((times[index] ?? 0) - middle))
    const noise = Math.sqrt(average(off.map((each) => each ** 2)))
    const rise = slope * ((times.at(-1) ?? 0) - (times[0] ?? 0))
    const slack = SLACK[name.endsWith('MB') ? 'MB' : 'count'] ?? 0
    return { name, mean, rise, noise, flat: rise <= Math.max(slack, 2 * noise) }
  })
}

const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
