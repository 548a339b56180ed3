/** One run of the proof, from the seed to the verdicts. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Process } from '../tests/harness/processes.ts'
import { startSystem } from '../tests/harness/system.ts'
import { readGateway, readShop } from './books.ts'
import { startChaos, struckPoints } from './chaos.ts'
import { checkBooks, type Merchant, type Verdict } from './check.ts'
import { type Clerk, startClerk } from './clerk.ts'
import { pause, persist, reloads } from './client.ts'
import { makeCourses } from './courses.ts'
import { runCrowd } from './crowd.ts'
import { makeMerchants, startChanging } from './merchants.ts'
import type { Script } from './plays.ts'
import { createRandom } from './random.ts'
import { settleDown } from './settle-down.ts'
import type { Method } from './visit.ts'

export interface ProofOptions {
  readonly seed: number
  readonly orders: number
  /** How many buyers act at a time. */
  readonly buyers: number
  /** How long everything may take to settle after the last buyer. */
  readonly settleLimitMs?: number
  readonly progress: (line: string) => void
}

export interface Report {
  readonly seed: number
  /** How many the run was asked for; a second order of one deed comes on top. */
  readonly asked: number
  readonly orders: number
  readonly seconds: number
  readonly deeds: Readonly<Partial<Record<Script | string, number>>>
  readonly strikes: Readonly<Record<string, number>>
  readonly kills: Readonly<Record<Process, number>>
  /** How often another merchant came into use, by method. */
  readonly changes: Readonly<Record<Method, number>>
  /** What became of money on the list that staff pressed *refund* for. */
  readonly clerk: Clerk['counts']
  /** How often a page did not come at all, and was asked for again. */
  readonly reloads: number
  readonly points: Readonly<Record<string, number>>
  readonly states: Readonly<Record<string, number>>
  /** Fen. */
  readonly money: { taken: number; onOrders: number; refunded: number; listed: number }
  readonly verdicts: readonly Verdict[]
  /** Where the data of a run is kept that broke something. */
  readonly folder: string | undefined
}

/** A buyer takes about one and a half courses an order, and none twice: enough that nobody runs out of them. */
const coursesFor = (orders: number, buyers: number): number => Math.max(500, Math.ceil((4 * orders) / buyers))
/** So long do faults and kills go on after the last order was begun. */
const AFTERMATH_MS = 15_000
const SETTLE_LIMIT_MS = 8 * 60_000

export async function prove(options: ProofOptions): Promise<Report> {
  const { seed, orders, buyers, settleLimitMs = SETTLE_LIMIT_MS, progress } = options
  const started = Date.now()
  const random = createRandom(seed)
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
    const courses = await makeCourses(system, random.fork(), coursesFor(orders, buyers))
    const keyring = await makeMerchants(system)
    const { items } = await system.sandbox.get<{ items: Merchant[] }>('/merchants')
    const wechat = await system.sandbox.get<{ items: { appId: string; mchId: string }[] }>('/wechat/merchants')
    const merchants = [...items, ...wechat.items.map(({ appId, mchId }) => ({ appId, sellerId: mchId }))]
    await system.sandbox.send('POST', '/buyers', { login: 'poor@sandbox.example', name: 'poor', balance: '0.00' })
    const chaos = startChaos(system, random.fork(), { planFile, seed, orders })
    const changes = startChanging(system, random.fork(), keyring)
    const clerk = startClerk(system, random.fork())
    let told = 0
    const crowd = await runCrowd({
      system,
      random: random.fork(),
      courses,
      orders,
      buyers,
      merchant: merchants[0] ?? { appId: '', sellerId: '' },
      // A few slow buyers would otherwise be all that the kills are for.
      allBegun: () => setTimeout(() => chaos.stop().catch(() => {}), AFTERMATH_MS).unref(),
      progress(done) {
        if (Date.now() - told < 10_000) return
        told = Date.now()
        const kills = Object.entries(chaos.kills).map(([who, count]) => `${who} ${count}`)
        progress(`${done} of ${orders} orders, ${Math.round((told - started) / 1000)} s; killed: ${kills.join(', ')}`)
      },
    })
    await Promise.all([chaos.stop(), changes.stop(), clerk.stop()])
    progress('everything settles …')
    const { quiet, movedAt } = await settleDown(system, settleLimitMs)
    const { strikes } = (await persist(() => system.sandbox.get<{ strikes: Record<string, number> }>('/faults'))) ?? {
      strikes: {},
    }
    await pause(1000)
    const shop = await readShop(system)
    // The sandbox keeps its file to itself while it runs.
    await stop()
    const gateway = readGateway(folder)
    const verdicts = [
      ...checkBooks(shop, gateway, merchants, movedAt),
      { invariant: 'everything settled within the limit', broken: quiet ? [] : ['something was still under way'] },
      {
        invariant: 'as many orders as were asked for',
        broken: shop.orders.length < orders * 0.97 ? [`only ${shop.orders.length} orders were placed`] : [],
      },
      { invariant: 'no buyer met an answer that nobody expected', broken: crowd.surprises },
    ]
    kept = verdicts.some(({ broken }) => broken.length > 0)
    const paying = new Set(shop.orders.map((order) => order.paying))
    const tradeNos = new Set(shop.attempts.filter(({ id }) => paying.has(id)).map((attempt) => attempt.trade_no))
    const paid = gateway.trades.filter((trade) => trade.paid_at !== null)
    const sum = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0)
    return {
      seed,
      asked: orders,
      orders: shop.orders.length,
      seconds: Math.round((Date.now() - started) / 1000),
      deeds: crowd.deeds,
      strikes,
      kills: chaos.kills,
      changes: changes.counts,
      clerk: clerk.counts,
      reloads: reloads.count,
      points: struckPoints(planFile),
      states: Object.fromEntries(
        [...Map.groupBy(shop.orders, (order) => order.status)].map(([status, group]) => [status, group.length]),
      ),
      money: {
        taken: sum(paid.map((trade) => trade.total)),
        onOrders: sum(
          paid.filter(({ trade_no }) => tradeNos.has(trade_no)).map((trade) => trade.total - trade.refunded),
        ),
        refunded: sum(paid.map((trade) => trade.refunded)),
        listed: sum(
          paid.filter(({ trade_no }) => !tradeNos.has(trade_no)).map((trade) => trade.total - trade.refunded),
        ),
      },
      verdicts,
      folder: kept ? folder : undefined,
    }
  } finally {
    await stop()
    if (!kept) rmSync(folder, { recursive: true, force: true })
  }
}
