/** The shop under benchmark: an unreachable gateway whose keys we hold, buyers, and their requests. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSessions } from '../apps/shop/src/auth/sessions/sessions.ts'
import { connect } from '../apps/shop/src/db/connect.ts'
import { paidFields, signedNotification } from '../tests/harness/notification.ts'
import { processesOf } from '../tests/harness/processes.ts'
import { freePort, type System, startSystem } from '../tests/harness/system.ts'
import type { UnpaidOrder } from './ceilings.ts'
import type { Request } from './load.ts'

const APP_ID = '2021000000000001'
const SELLER_ID = '2088000000000001'
/** How many courses a buyer may order, one after the other. */
export const COURSES = 10

export interface Harness {
  readonly system: System
  /** The gateway's own key, to sign its notifications here. */
  readonly key: KeyObject
  close(): Promise<void>
}

export async function openHarness(): Promise<Harness> {
  const dataDir = mkdtempSync(join(tmpdir(), 'xuecheng-bench-'))
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
  const system = await startSystem({ environment, dataDir })
  return {
    system,
    key: alipay.privateKey,
    async close() {
      await system.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

export const get = (path: string, token?: string): Request => ({
  method: 'GET',
  path,
  ...(token && { headers: { authorization: `Bearer ${token}` } }),
})

/**
 * Builds the order of the pair (buyer, course) with this number; each is a new one. @throws Error past the last pair
 */
export async function placing(system: System, tokens: readonly string[]): Promise<(pair: number) => Request> {
  const courses = await system.sql<{ id: number; price_fen: string }>(
    "select id, price_fen from courses where price_fen > 0 and status = 'published' order by id limit $1",
    [COURSES],
  )
  return (pair) => {
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
}

export interface Unpaid extends UnpaidOrder {
  readonly attemptNo: string
  readonly amount: string
}

/** The unpaid orders; also stops the shop from querying the unreachable gateway about them. */
export async function unpaidOrders({ sql }: System): Promise<Unpaid[]> {
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

/** The gateway's notification of a paid order. @param index makes the trade's number */
export function notificationOf({ attemptNo, amount }: Unpaid, index: number, key: KeyObject): Request {
  const tradeNo = `2026112322001${String(index).padStart(15, '0')}`
  const fields = paidFields({ outTradeNo: attemptNo, amount, appId: APP_ID, sellerId: SELLER_ID, tradeNo })
  return {
    method: 'POST',
    path: '/api/payments/alipay/notify',
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: signedNotification(key, fields).toString(),
  }
}

/** Session tokens of new buyers, created without logging in. */
export async function newBuyers(system: System, count: number): Promise<string[]> {
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
    const shown = { userId: Number(id), passwordHash: 'none', factorSince: null, byDemoPassword: false }
    tokens.push((await sessions.start(shown, from)).token)
  }
  await close()
  return tokens
}

export const readUrl = (system: System): string =>
  readFileSync(join(system.dataDir, 'postgres/owner-url'), 'utf8').trim()

/** Memory of a process in megabytes; shared memory counts proportionally. */
export function megabytesOf(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) / 1024
}

/** Megabytes of each web process. */
export const memoryOf = ({ process: { pid } }: System): number[] => processesOf(pid ?? 0)['web server'].map(megabytesOf)
