/**
 * The shop under load: its server processes, its PostgreSQL and the load generator on the same cores. Each figure is
 * measured several times beside its ceiling; the middle one counts, and how far they lie apart is the noise.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { createSessions } from '../apps/shop/src/accounts/sessions.ts'
import { connect } from '../apps/shop/src/database/connect.ts'
import { paidFields, signedNotification } from '../tests/harness/notification.ts'
import { processesOf } from '../tests/harness/processes.ts'
import { freePort, type System, startSystem } from '../tests/harness/system.ts'
import { plainSettlements, signaturesPerSecond, type UnpaidOrder } from './ceilings.ts'
import { cpuOf, perRequest } from './cpu.ts'
import { fill } from './fill.ts'
import { drive, type Load, type Request, repeat } from './load.ts'

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
const APP_ID = '2021000000000001'
const SELLER_ID = '2088000000000001'
const COURSES = 10

/** Every figure with so many orders in the database. */
export async function benchShop({ orders, rounds, requests, log }: BenchOptions): Promise<Measured[]> {
  const folder = mkdtempSync(join(tmpdir(), 'xuecheng-bench-'))
  const app = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const alipay = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = (key: KeyObject, type: 'pkcs8' | 'spki') => key.export({ type, format: 'pem' }).toString()
  const environment = {
    ALIPAY_APP_ID: APP_ID,
    ALIPAY_SELLER_ID: SELLER_ID,
    ALIPAY_GATEWAY: `http://127.0.0.1:${await freePort()}/gateway.do`,
    ALIPAY_PRIVATE_KEY: pem(app.privateKey, 'pkcs8'),
    ALIPAY_PUBLIC_KEY: pem(alipay.publicKey, 'spki'),
    SANDBOX: 'off',
    LOG_LEVEL: 'error',
  }
  const system = await startSystem({ environment, dataDir: folder })
  try {
    await fillUp(system, orders, log)
    const tokens = await newBuyers(system, Math.ceil((requests * (rounds + 1)) / COURSES))
    const bench: Bench = { system, rounds, requests, tokens, key: alipay.privateKey, log, used: 0 }
    const signatures = signaturesPerSecond(2)
    const empty = await measure(bench, 'empty route', () => ({
      requests: repeat(get('/healthz'), requests),
      wanted: 200,
    }))
    const placing = await measureOrders(bench)
    const unpaid = await unpaidOrders(system)
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
    const memory = Math.max(...memoryOf(system))
    const emptyRoute = { name: 'an empty route of the same server', value: empty.value }
    const share = { share: 0.6 }
    return [
      { ...placing, ceiling: { name: 'RSA-2048 signatures of all cores', value: signatures }, target: { share: 0.5 } },
      { ...first, ceiling: { name: 'the same rows by plain SQL', value: plain }, target: share },
      { ...again, ceiling: emptyRoute, target: share },
      { ...status, ceiling: emptyRoute, target: share },
      { ...list, ceiling: emptyRoute, target: share },
      { ...page, ceiling: emptyRoute, target: share },
      { name: 'memory of a web process', unit: 'MB', value: memory, noise: 0, target: { most: 150 } },
    ]
  } finally {
    await system.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Bench {
  readonly system: System
  readonly rounds: number
  readonly requests: number
  readonly tokens: readonly string[]
  readonly key: KeyObject
  readonly log: (line: string) => void
  /** How many pairs of buyer and course have been used up. */
  used: number
}

type Figure = Omit<Measured, 'ceiling' | 'target'>

const get = (path: string, token?: string): Request => ({
  method: 'GET',
  path,
  ...(token && { headers: { authorization: `Bearer ${token}` } }),
})

async function measure(
  { system, rounds, requests, log }: Bench,
  name: string,
  round: (index: number) => { requests: Request[]; wanted: number },
): Promise<Figure> {
  const loads: Load[] = []
  const parent = system.process.pid ?? 0
  let [before, counted] = [cpuOf(parent), 0]
  for (let index = 0; index <= rounds; index += 1) {
    const { requests: these, wanted } = round(index)
    const load = await drive(system.shopUrl, these, { connections: CONNECTIONS, wanted })
    if (load.wrong.length > these.length / 100)
      throw new Error(`${name}: ${load.wrong.length} of ${requests}: ${load.wrong[0]}`)
    // The first round warms up.
    if (index === 0) before = cpuOf(parent)
    else {
      loads.push(load)
      counted += these.length
    }
  }
  const cpu = perRequest(before, cpuOf(parent), counted)
  const perSecond = loads.map((load) => load.perSecond).sort((left, right) => left - right)
  const value = perSecond[Math.floor(perSecond.length / 2)] ?? 0
  const noise = ((perSecond.at(-1) ?? 0) - (perSecond[0] ?? 0)) / value
  const p99 = Math.max(...loads.map((load) => load.p99))
  const spent = `shop ${cpu.shop.toFixed(2)}, PostgreSQL ${cpu.database.toFixed(2)}, generator ${cpu.generator.toFixed(2)}`
  log(`${name}: ${Math.round(value)}/s, p99 ${p99.toFixed(1)} ms; ms of CPU a request: ${spent}`)
  return { name, unit: '/s', value, noise }
}

/** Each order by another buyer or of another course, so that every one is a new one. */
async function measureOrders(bench: Bench): Promise<Figure> {
  const { system, requests, tokens } = bench
  const courses = await system.sql<{ id: number; price_fen: string }>(
    "select id, price_fen from courses where price_fen > 0 and status = 'published' order by id limit $1",
    [COURSES],
  )
  const place = (): Request => {
    const pair = bench.used++
    const course = courses[pair % courses.length]
    const token = tokens[Math.floor(pair / courses.length)]
    if (!course || !token) throw new Error('Out of buyers.')
    const fen = Number(course.price_fen)
    const totalAmount = `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, '0')}`
    return {
      method: 'POST',
      path: '/api/orders',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ courseIds: [course.id], totalAmount, payType: 'alipay' }),
    }
  }
  return measure(bench, 'orders created with pay link', () => ({
    requests: Array.from({ length: requests }, place),
    wanted: 201,
  }))
}

interface Unpaid extends UnpaidOrder {
  readonly attemptNo: string
  readonly amount: string
}

/** The orders that were just placed; the gateway that is not there is not to be asked about them. */
async function unpaidOrders({ sql }: System): Promise<Unpaid[]> {
  await sql("update payment_attempts set ask_at = now() + interval '1 day' where status = 'open'")
  const rows = await sql<Unpaid & { fen: string }>(
    `select o.id::int as "orderId", o.user_id::int as "userId", o.course_ids[1] as "courseId", a.id::int as "attemptId",
       a.attempt_no as "attemptNo", a.amount_fen as fen from orders o join payment_attempts a on a.order_id = o.id
     where o.status = 'unpaid' and a.status = 'open' order by random()`,
  )
  return rows.map(({ fen, ...row }) => {
    const amount = `${Math.floor(Number(fen) / 100)}.${String(Number(fen) % 100).padStart(2, '0')}`
    return { ...row, amount }
  })
}

async function measureNotifications(bench: Bench, unpaid: readonly Unpaid[]): Promise<[Figure, Figure]> {
  const { rounds, key } = bench
  const size = Math.floor(unpaid.length / (rounds + 1))
  const signed = unpaid.map(({ attemptNo, amount }, index): Request => {
    const tradeNo = `2026112322001${String(index).padStart(15, '0')}`
    const fields = paidFields({ outTradeNo: attemptNo, amount, appId: APP_ID, sellerId: SELLER_ID, tradeNo })
    return {
      method: 'POST',
      path: '/api/payments/alipay/notify',
      headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
      body: signedNotification(key, fields).toString(),
    }
  })
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

async function newBuyers(system: System, count: number): Promise<string[]> {
  await system.sql(
    `insert into users (username, display_name, password_hash)
     select 'load' || n, 'Load ' || n, 'none' from generate_series(1, $1::int) n`,
    [count],
  )
  const users = await system.sql<{ id: string }>("select id from users where username like 'load%' order by id")
  const secret = readFileSync(join(system.dataDir, 'keys/auth-secret'), 'utf8').trim()
  const { db, close } = connect(readUrl(system), 8)
  const sessions = createSessions(db, secret, () => new Date())
  const from = { userAgent: 'bench', address: '127.0.0.1' }
  const tokens: string[] = []
  for (const { id } of users) {
    const user = { id: Number(id), username: '', displayName: '', role: 'buyer', createdAt: new Date() } as const
    tokens.push((await sessions.start(user, from)).token)
  }
  await close()
  return tokens
}

const readUrl = (system: System): string => readFileSync(join(system.dataDir, 'postgres/url'), 'utf8').trim()

/** Resident megabytes of each web process. */
function memoryOf({ process: { pid } }: System): number[] {
  return processesOf(pid ?? 0)['web server'].map((web) => {
    const status = readFileSync(`/proc/${web}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024
  })
}
