/**
 * The back office over a full database: `npm run bench -- back-office [--orders 1000000]`. Fills a PostgreSQL of its
 * own with two years of orders, then measures every search and the dashboard, the worst of twenty, against its target.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { searchBuyers } from '../apps/shop/src/back-office/buyers.ts'
import { readDashboard } from '../apps/shop/src/back-office/dashboard.ts'
import { searchOrders } from '../apps/shop/src/back-office/orders/list.ts'
import { readAdminOrder } from '../apps/shop/src/back-office/orders/order.ts'
import { seedCatalog } from '../apps/shop/src/catalog/demo.ts'
import { connect, type Database } from '../apps/shop/src/db/connect.ts'
import { startEmbeddedPostgres } from '../apps/shop/src/db/embedded/server.ts'
import { migrate } from '../apps/shop/src/db/migrate.ts'
import { HEALTH_CHECKS, runCheck } from '../apps/shop/src/health/checks.ts'
import { sumUpDays } from '../apps/shop/src/reconciliation/sales-days.ts'
import { fill } from './fill.ts'

const SEARCH_MS = 200
const DASHBOARD_MS = 1000
const ROUNDS = 20

/** Prints the table. @returns whether every figure is within its target */
export async function benchBackOffice(count: number): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'xuecheng-back-office-'))
  const server = await startEmbeddedPostgres(join(folder, 'postgres'))
  try {
    await migrate(server.ownerUrl)
    const { db, pool, close } = connect(server.url, 4)
    await seedCatalog(db)
    await fillAll(db, server.ownerUrl, count)
    const results = await measure(db, await someOrder(pool, count), cursorAt(Math.floor(count / 2)))
    for (const [name, ms, target] of results) {
      const verdict = ms <= target ? 'ok  ' : 'SLOW'
      console.log(`${verdict}  ${name.padEnd(48)} ${ms.toFixed(1).padStart(8)} ms   target ${target}`)
    }
    await close()
    return results.every(([, ms, target]) => ms <= target)
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function fillAll(db: Database, ownerUrl: string, count: number): Promise<void> {
  const filled = performance.now()
  // Without the shop's statement timeouts: this takes minutes.
  const filler = new pg.Pool({ connectionString: ownerUrl, max: 1 })
  await fill(filler, count)
  await filler.end()
  console.log(`${count} orders written in ${Math.round((performance.now() - filled) / 1000)} s`)
  const summed = performance.now()
  await sumUpDays(db, new Date())
  console.log(`days summed up in ${((performance.now() - summed) / 1000).toFixed(1)} s\n`)
}

interface SomeOrder {
  readonly order_no: string
  readonly subject: string
  readonly trade_no: string
  readonly username: string
  readonly day: string
}

/** A paid order from the first third. */
async function someOrder(pool: pg.Pool, count: number): Promise<SomeOrder> {
  const { rows } = await pool.query<SomeOrder>(
    `select o.order_no, o.subject, a.trade_no, u.username, to_char(o.created_at at time zone 'Asia/Shanghai', 'YYYY-MM-DD') as day
     from orders o join payment_attempts a on a.order_id = o.id join users u on u.id = o.user_id
     where a.trade_no is not null order by o.id offset $1 limit 1`,
    [Math.floor(count / 3)],
  )
  return rows[0] ?? { order_no: '', subject: '', trade_no: '', username: '', day: '' }
}

const cursorAt = (id: number): string => Buffer.from(JSON.stringify([id])).toString('base64url')

const searchesFor = (some: SomeOrder, cursor: string): Record<string, Parameters<typeof searchOrders>[1]> => ({
  newest: {},
  'a page in the middle': { cursor },
  'order number': { q: some.order_no },
  "gateway's number": { q: some.trade_no },
  "buyer's name": { q: some.username },
  'the start of many names': { q: 'b' },
  'a name that does not exist': { q: 'zzzz-nobody' },
  'course title': { q: some.subject },
  'course title, in the middle': { q: some.subject, cursor },
  'course title, a rare status': { q: some.subject, status: 'partially_refunded', payType: 'wechat' },
  'course title, one day long ago': { q: some.subject, from: some.day, to: some.day },
  amount: { q: '39.00' },
  'an amount that was never paid': { q: '0.07' },
  'status paid': { status: 'paid' },
  'status partially refunded': { status: 'partially_refunded' },
  'status cancelled, in the middle': { status: 'cancelled', cursor },
  method: { payType: 'alipay' },
  'the other method, partially refunded': { payType: 'wechat', status: 'partially_refunded' },
  'one day long ago': { from: some.day, to: some.day },
  'one day long ago, refunded': { from: some.day, to: some.day, status: 'refunded' },
  'a day before the shop opened': { from: '2019-01-01', to: '2019-01-02' },
  'a name, a status and a year': { q: 'buyer1', status: 'expired', from: '2025-01-01', to: '2025-12-31' },
})

type Result = readonly [name: string, ms: number, target: number]

async function measure(db: Database, some: SomeOrder, cursor: string): Promise<Result[]> {
  const results: Result[] = []
  const add = async (name: string, target: number, work: () => Promise<unknown>, rounds?: number) =>
    results.push([name, await worst(work, rounds), target])
  for (const [name, search] of Object.entries(searchesFor(some, cursor))) {
    await add(`orders: ${name}`, SEARCH_MS, () => searchOrders(db, search))
  }
  await add('one order', SEARCH_MS, () => readAdminOrder(db, some.order_no, 'owner'))
  await add('buyers: the start of a name', SEARCH_MS, () => searchBuyers(db, { q: 'buyer12', cursor: undefined }))
  await add('dashboard, 30 days', DASHBOARD_MS, () => readDashboard(db, 30, new Date()))
  await add('dashboard, a year', DASHBOARD_MS, () => readDashboard(db, 366, new Date()))
  for (const check of HEALTH_CHECKS) {
    await add(`money health: ${check.name}`, DASHBOARD_MS, () => runCheck(db, check), 3)
  }
  return results
}

async function worst(work: () => Promise<unknown>, rounds = ROUNDS): Promise<number> {
  let most = 0
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now()
    await work()
    most = Math.max(most, performance.now() - started)
  }
  return most
}
