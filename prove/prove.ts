/** One run of the proof, from the seed to the verdicts. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Process } from '../tests/harness/processes.ts'
import { type System, startSystem } from '../tests/harness/system.ts'
import { type Gateway, readGateway, readShop, type ShopBooks } from './books.ts'
import { startChaos, struckPoints } from './chaos.ts'
import { checkBooks, type Verdict } from './check.ts'
import { pause, persist, reloads } from './client.ts'
import { makeCourses } from './courses.ts'
import { runLoad } from './load.ts'
import { makeMerchants, readMerchants, startChanging } from './merchants.ts'
import { type Operator, startOperator } from './operator.ts'
import { createRandom } from './random.ts'
import type { Scenario } from './scenarios.ts'
import { settleDown } from './settle-down.ts'
import type { Method } from './visit.ts'

export interface ProofOptions {
  readonly seed: number
  readonly orders: number
  /** How many buyers act at the same time. */
  readonly buyers: number
  /** How long everything may take to settle after the last buyer. */
  readonly settleLimitMs?: number
  readonly progress: (line: string) => void
}

export interface Report {
  readonly seed: number
  /** The requested number of orders; a scenario's second order comes on top. */
  readonly requested: number
  readonly orders: number
  readonly seconds: number
  readonly scenarios: Readonly<Partial<Record<Scenario | string, number>>>
  readonly strikes: Readonly<Record<string, number>>
  readonly kills: Readonly<Record<Process, number>>
  /** How often another merchant came into use, by method. */
  readonly changes: Readonly<Record<Method, number>>
  /** The outcomes of staff's refunds of unmatched payments. */
  readonly operator: Operator['counts']
  /** How often a page did not load and was requested again. */
  readonly reloads: number
  readonly points: Readonly<Record<string, number>>
  readonly states: Readonly<Record<string, number>>
  /** Fen. */
  readonly money: { taken: number; onOrders: number; refunded: number; listed: number }
  readonly verdicts: readonly Verdict[]
  /** The folder with the run's data, kept if something broke. */
  readonly folder: string | undefined
}

/** A buyer takes about one and a half courses per order, none twice: this is enough for every buyer. */
const coursesFor = (orders: number, buyers: number): number => Math.max(500, Math.ceil((4 * orders) / buyers))
/** How long faults and kills continue after the last order started. */
const AFTERMATH_MS = 15_000
const SETTLE_LIMIT_MS = 8 * 60_000

export async function prove(options: ProofOptions): Promise<Report> {
  const { seed, orders, settleLimitMs = SETTLE_LIMIT_MS, progress } = options
  const started = Date.now()
  const folder = mkdtempSync(join(tmpdir(), 'xuecheng-proof-'))
  const planFile = join(folder, 'fault-plan.json')
  const system = await startSystem({
    dataDir: folder,
    conditions: ['xuecheng:prove'],
    environment: { WORKERS: '3', ORDER_TTL_MINUTES: '5', XUECHENG_FAULT_PLAN: planFile, LOG_LEVEL: 'fatal' },
  })
  let kept = true
  let stopping: Promise<void> | undefined
  const stop = () => (stopping ??= system.stop())
  try {
    const { load, merchants, ...sold } = await sell(system, options, planFile)
    progress('everything settles …')
    const { quiet, movedAt } = await settleDown(system, settleLimitMs)
    const faults = await persist(() => system.sandbox.get<{ strikes: Record<string, number> }>('/faults'))
    await pause(1000)
    const shop = await readShop(system)
    // The sandbox locks its file while it runs.
    await stop()
    const gateway = readGateway(folder)
    const verdicts = [
      ...checkBooks(shop, gateway, merchants, movedAt),
      { invariant: 'everything settled within the limit', broken: quiet ? [] : ['something was still running'] },
      {
        invariant: 'as many orders as requested',
        broken: shop.orders.length < orders * 0.97 ? [`only ${shop.orders.length} orders were placed`] : [],
      },
      { invariant: 'no buyer got an unexpected answer', broken: load.surprises },
    ]
    kept = verdicts.some(({ broken }) => broken.length > 0)
    return {
      seed,
      requested: orders,
      orders: shop.orders.length,
      seconds: Math.round((Date.now() - started) / 1000),
      scenarios: load.scenarios,
      strikes: faults?.strikes ?? {},
      ...sold,
      reloads: reloads.count,
      points: struckPoints(planFile),
      states: Object.fromEntries(
        [...Map.groupBy(shop.orders, (order) => order.status)].map(([status, group]) => [status, group.length]),
      ),
      money: sumUp(shop, gateway),
      verdicts,
      folder: kept ? folder : undefined,
    }
  } finally {
    await stop()
    if (!kept) rmSync(folder, { recursive: true, force: true })
  }
}

/** Buyers order and pay, while processes are killed, the gateways fail, the owner changes merchants and staff refund. */
async function sell(system: System, { seed, orders, buyers, progress }: ProofOptions, planFile: string) {
  const random = createRandom(seed)
  const courses = await makeCourses(system, random.fork(), coursesFor(orders, buyers))
  const keyring = await makeMerchants(system)
  const merchants = await readMerchants(system)
  await system.sandbox.send('POST', '/buyers', { login: 'poor@sandbox.example', name: 'poor', balance: '0.00' })
  const chaos = startChaos(system, random.fork(), { planFile, seed, orders })
  const changes = startChanging(system, random.fork(), keyring)
  const operator = startOperator(system, random.fork())
  const started = Date.now()
  let reportedAt = 0
  const load = await runLoad({
    system,
    random: random.fork(),
    courses,
    orders,
    buyers,
    merchant: merchants[0] ?? { appId: '', sellerId: '' },
    // Otherwise the kills would hit only the last few slow buyers.
    allBegun: () => setTimeout(() => chaos.stop().catch(() => {}), AFTERMATH_MS).unref(),
    progress(done) {
      if (Date.now() - reportedAt < 10_000) return
      reportedAt = Date.now()
      const seconds = Math.round((reportedAt - started) / 1000)
      const kills = Object.entries(chaos.kills).map(([who, count]) => `${who} ${count}`)
      progress(`${done} of ${orders} orders, ${seconds} s; killed: ${kills.join(', ')}`)
    },
  })
  await Promise.all([chaos.stop(), changes.stop(), operator.stop()])
  return { load, merchants, kills: chaos.kills, changes: changes.counts, operator: operator.counts }
}

/** Where the money is that buyers have paid: on orders, refunded, or on the list of unmatched payments. */
function sumUp(shop: ShopBooks, gateway: Gateway): Report['money'] {
  const paying = new Set(shop.orders.map((order) => order.paying))
  const tradeNos = new Set(shop.attempts.filter(({ id }) => paying.has(id)).map((attempt) => attempt.trade_no))
  const paid = gateway.trades.filter((trade) => trade.paid_at !== null)
  const sum = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0)
  const left = (isOnOrder: boolean) =>
    paid.filter(({ trade_no }) => tradeNos.has(trade_no) === isOnOrder).map((trade) => trade.total - trade.refunded)
  return {
    taken: sum(paid.map((trade) => trade.total)),
    onOrders: sum(left(true)),
    refunded: sum(paid.map((trade) => trade.refunded)),
    listed: sum(left(false)),
  }
}
