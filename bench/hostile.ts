/**
 * `npm run bench -- hostile`: how much an attacker can cost the shop. With 10^5 orders in the database: the worst
 * request of every route, in processor time of all processes; buyers and notifications next to sixty hostile sockets of
 * each kind, then of all kinds mixed; and random requests, none of which may end in a 5xx except `OVERLOADED`.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import pg from 'pg'
import { Pool } from 'undici'
import { type FuzzResult, fuzz } from '../tests/harness/fuzz/run.ts'
import { operationsOf, type Paths } from '../tests/harness/fuzz/worst-requests.ts'
import { startSystem } from '../tests/harness/system.ts'
import { fill } from './fill.ts'
import { type Harness, newBuyers, notificationOf, openHarness, placing, readUrl, unpaidOrders } from './harness.ts'
import { type Costs, measureCosts, WORK } from './hostile-costs.ts'
import type { Request } from './load.ts'
import { millisecondsOf } from './processor-time.ts'

const SOCKETS = 60
const BUYERS = 1200
const WARM_UP_MS = 3000
const KINDS = [
  'orders of 32,000 courses',
  'forged tokens',
  'unsigned notifications',
  'searches',
  'pages',
  'registrations',
  'slow headers',
  'dripping bodies',
  'uploads before a login',
  'silent connections',
]

/** The addresses that the sockets use; buyers and gateway use 127.0.0.1. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  'one other address': ['127.0.0.2'],
  'an address each': Array.from({ length: SOCKETS }, (_, index) => `127.0.1.${index + 1}`),
  "the buyers' own address": ['127.0.0.1'],
}

interface Pace {
  readonly place: string
  readonly kind: string
  readonly ordersPerSecond: number
  readonly share: number
  readonly notifications: number
  readonly unanswered: number
}

/** The parts that were requested; by default all of them. */
export interface HostileResult {
  readonly costs: Costs | undefined
  readonly paces: readonly Pace[]
  readonly fuzz: FuzzResult | undefined
  readonly ok: boolean
}

export const PARTS = ['sockets', 'costs', 'fuzz'] as const
export type Part = (typeof PARTS)[number]

export interface HostileOptions {
  readonly orders: number
  readonly seconds: number
  readonly fuzzed: number
  readonly seed: number
  readonly parts: readonly Part[]
  readonly log: (line: string) => void
}

export async function benchHostile(options: HostileOptions): Promise<HostileResult> {
  const { parts } = options
  const filled = parts.includes('sockets') || parts.includes('costs') ? await onFullShop(options) : undefined
  const { costs, paces = [] } = filled ?? {}
  const found = parts.includes('fuzz') ? await sendRandom(options) : undefined
  const held = paces.every(isHeld)
  const ok = held && (costs?.tooMuch.length ?? 0) === 0 && (found?.failures.length ?? 0) === 0
  return { costs, paces, fuzz: found, ok }
}

export const isHeld = ({ share, unanswered }: Pace): boolean => share >= 0.5 && unanswered === 0

async function onFullShop(options: HostileOptions): Promise<{ costs: Costs | undefined; paces: Pace[] }> {
  const { parts, log } = options
  const harness = await openHarness()
  try {
    const pool = new pg.Pool({ connectionString: readUrl(harness.system), max: 1 })
    await pool.query(
      `insert into courses (slug, category_slug, teacher_slug, language, title, promise, outcomes, price_fen, published_at)
       select 'hostile-' || n, (select slug from categories limit 1), (select slug from teachers limit 1), 'en',
         'Course ' || n, 'bench', '{}', 990, now() from generate_series(1, $1::int) n`,
      [options.orders],
    )
    await fill(pool, options.orders)
    await pool.end()
    log(`${options.orders} orders and courses`)
    const paces = parts.includes('sockets') ? await besideSockets(harness, options) : []
    return { paces, costs: parts.includes('costs') ? await worstCosts(harness, log) : undefined }
  } finally {
    await harness.close()
  }
}

async function sendRandom({ seed, fuzzed, log }: HostileOptions): Promise<FuzzResult> {
  const system = await startSystem({ environment: { LOG_LEVEL: 'error' } })
  try {
    const result = await fuzz(system, { seed, count: fuzzed })
    log(`random requests, seed ${seed}: ${result.sent} sent, ${result.failures.length} ended in a 5xx`)
    return result
  } finally {
    await system.stop()
  }
}

async function worstCosts({ system }: Harness, log: (line: string) => void): Promise<Costs> {
  const staff = system.client()
  await staff.login('admin', 'admin123456')
  const { token } = await system.buyer()
  const { body } = await staff.call<{ paths: Paths }>('GET', '/api/openapi.json')
  const [order] = await system.sql<{ order_no: string }>('select order_no from orders order by id limit 1')
  const ids = { orderNo: order?.order_no ?? 'none', provider: 'alipay', day: '2026-11-23' }
  const operations = operationsOf(body.paths, ids)
  log(
    `${operations.length} routes; not counted, since they do expensive work on purpose: ${Object.keys(WORK).join(', ')}`,
  )
  const senders = { anonymous: undefined, buyer: token, owner: staff.token }
  return measureCosts({ origin: system.shopUrl, parent: system.process.pid ?? 0, operations, senders, repeats: 4, log })
}

/** Measures orders and notifications alone, then next to each kind of hostile socket. */
async function besideSockets(harness: Harness, { seconds, log }: HostileOptions): Promise<Pace[]> {
  const { system, key } = harness
  const tokens = await newBuyers(system, BUYERS)
  const place = await placing(system, tokens)
  let pair = 0
  const order = () => place(pair++ % (BUYERS * 10))
  const first = Array.from({ length: 400 }, order)
  const pool = new Pool(system.shopUrl, { connections: 12 })
  for (const request of first) await ask(pool, request)
  const signed = (await unpaidOrders(system)).map((unpaid, index) => notificationOf(unpaid, index, key))
  const run = (milliseconds: number) => during(pool, milliseconds, order, signed)
  await run(WARM_UP_MS)
  const paces: Pace[] = []
  for (const [place, addresses] of Object.entries(PLACES)) {
    log(`Sixty sockets from ${place}`)
    for (const kinds of [...KINDS.map((kind) => [kind]), KINDS]) {
      // Measured right before, since a machine's speed varies over time.
      const alone = await run(seconds * 1000)
      const child = fork(
        join(import.meta.dirname, 'hostile-sockets.ts'),
        [system.shopUrl, String(SOCKETS), addresses.join(','), ...kinds],
        { execArgv: ['--disable-warning=ExperimentalWarning'] },
      )
      await once(child, 'message')
      const before = millisecondsOf(child.pid ?? 0)
      const { perSecond, notifications, unanswered } = await run(seconds * 1000)
      const spent = (millisecondsOf(child.pid ?? 0) - before) / (seconds * 1000)
      child.disconnect()
      await once(child, 'exit')
      const kind = kinds.length === 1 ? (kinds[0] ?? '') : 'all of them'
      const share = perSecond / alone.perSecond
      paces.push({ place, kind, ordersPerSecond: perSecond, share, notifications, unanswered })
      log(
        `  ${kind}: ${perSecond.toFixed(0)} of ${alone.perSecond.toFixed(0)} orders/s (${(share * 100).toFixed(0)} %), ${notifications} notifications, ${unanswered} unanswered; the sockets' own process took ${(spent * 100).toFixed(0)} % of a core`,
      )
    }
  }
  await pool.close()
  return paces
}

async function during(pool: Pool, milliseconds: number, order: () => Request, signed: readonly Request[]) {
  const end = performance.now() + milliseconds
  let orders = 0
  let notifications = 0
  let unanswered = 0
  const buyers = Array.from({ length: 8 }, async () => {
    while (performance.now() < end) if ((await ask(pool, order())).status === 201) orders += 1
  })
  const gateway = Array.from({ length: 2 }, async (_, place) => {
    for (let index = place; performance.now() < end; index += 2) {
      const request = signed[index % signed.length]
      if (!request) return
      const { text } = await ask(pool, request)
      notifications += 1
      if (text !== 'success') unanswered += 1
    }
  })
  const started = performance.now()
  await Promise.all([...buyers, ...gateway])
  return { perSecond: orders / ((performance.now() - started) / 1000), notifications, unanswered }
}

/** A client that is asked to retry later retries at once: the benchmark measures its pace. */
async function ask(pool: Pool, { method, path, headers, body }: Request): Promise<{ status: number; text: string }> {
  try {
    const answer = await pool.request({ method, path, headers: headers ?? {}, body: body ?? null })
    return { status: answer.statusCode, text: await answer.body.text() }
  } catch {
    return { status: 0, text: '' }
  }
}
