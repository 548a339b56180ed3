/**
 * A whole purchase, with the sandbox on the same cores: ordered, paid, notified, access granted. And how fast a shop
 * starts again.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Pool } from 'undici'
import { freePort, launchShop, type System, startSystem, stopChild } from '../tests/harness/system.ts'
import { cpuOf, perRequest } from './cpu.ts'
import { middle } from './middle.ts'
import type { Measured } from './shop.ts'

const BUYERS = 24
const PATIENCE_MS = 30_000

export async function benchWhole({
  purchases,
  rounds,
  log,
}: {
  purchases: number
  rounds: number
  log: (line: string) => void
}): Promise<Measured[]> {
  const folder = mkdtempSync(join(tmpdir(), 'xuecheng-whole-'))
  // The second start uses what the first one leaves besides its data: like `npm start`, the harness caches compiled
  // code.
  const options = { dataDir: folder, environment: { LOG_LEVEL: 'error' } }
  try {
    await (await startSystem(options)).stop()
    const start = await secondStart(folder)
    log(`second start to the first page: ${start.toFixed(1)} s`)
    const system = await startSystem(options)
    try {
      return [
        { name: 'second start to the first page', unit: 's', value: start, noise: 0.1, target: { max: 2 } },
        ...(await wholeWay(system, purchases, rounds, log)),
      ]
    } finally {
      await system.stop()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @returns the seconds from its start until the shop has sent its first page; the other processes start after that */
async function secondStart(folder: string): Promise<number> {
  const [port, sandboxPort] = await Promise.all([freePort(), freePort()])
  const environment = { PORT: String(port), SANDBOX_PORT: String(sandboxPort), LOG_LEVEL: 'error' }
  const started = performance.now()
  const launched = launchShop({ folder, environment })
  const first = async () => (await fetch(`http://127.0.0.1:${port}/`)).text()
  while ((await first().catch(() => undefined)) === undefined) await pause(20)
  const seconds = (performance.now() - started) / 1000
  await stopChild((await launched).child)
  return seconds
}

async function wholeWay(
  system: System,
  purchases: number,
  rounds: number,
  log: (line: string) => void,
): Promise<Measured[]> {
  const each = Math.ceil(purchases / BUYERS)
  const courses = await system.sql<{ id: number }>(
    `insert into courses (slug, category_slug, teacher_slug, language, title, promise, outcomes, price_fen, published_at)
     select 'whole-' || n, (select slug from categories limit 1), (select slug from teachers limit 1), 'en',
       'Whole ' || n, 'bench', '{}', 90, now() from generate_series(1, $1::int) n returning id`,
    [each * (rounds + 1)],
  )
  const tokens = await Promise.all(Array.from({ length: BUYERS }, async () => (await system.buyer()).token ?? ''))
  const shop = new Pool(system.shopUrl, { connections: BUYERS })
  const sandbox = new Pool(system.sandboxUrl, { connections: BUYERS })
  const parent = system.process.pid ?? 0
  const perSecond: number[] = []
  const times: number[] = []
  let before = cpuOf(parent)
  for (let round = 0; round <= rounds; round += 1) {
    // The first round warms up.
    if (round === 1) before = cpuOf(parent)
    const own = courses.slice(round * each, (round + 1) * each)
    const started = performance.now()
    const took = await Promise.all(tokens.map((token) => buyAll({ shop, sandbox, token }, own)))
    if (round === 0) continue
    times.push(...took.flat())
    perSecond.push((each * BUYERS) / ((performance.now() - started) / 1000))
  }
  const cpu = perRequest(before, cpuOf(parent), each * BUYERS * rounds)
  await Promise.all([shop.close(), sandbox.close()])
  times.sort((left, right) => left - right)
  const { value, noise } = middle(perSecond)
  const p99 = times[Math.floor(times.length * 0.99)] ?? 0
  const parts = `shop ${cpu.shop.toFixed(2)}, PostgreSQL ${cpu.database.toFixed(2)}, sandbox ${cpu.sandbox.toFixed(2)}, buyers ${cpu.generator.toFixed(2)}`
  log(`order to access: ${Math.round(value)}/s, p99 ${Math.round(p99)} ms; ms of CPU a purchase: ${parts}`)
  return [
    { name: 'order, paid in the sandbox, notified, access', unit: '/s', value, noise, target: { min: 1000 } },
    { name: 'the same, slowest of a hundred', unit: 'ms', value: p99, noise, target: { max: 250 } },
  ]
}

interface Buyer {
  readonly shop: Pool
  readonly sandbox: Pool
  readonly token: string
}

/** @returns the time of each purchase from order to access, in milliseconds */
async function buyAll({ shop, sandbox, token }: Buyer, courses: readonly { id: number }[]): Promise<number[]> {
  const took: number[] = []
  const authorization = `Bearer ${token}`
  const send = async (pool: Pool, path: string, body: object, headers = {}) => {
    const json = { 'content-type': 'application/json', ...headers }
    const answer = await pool.request({ method: 'POST', path, headers: json, body: JSON.stringify(body) })
    const text = await answer.body.text()
    if (answer.statusCode >= 300) throw new Error(`${path}: ${answer.statusCode} ${text.slice(0, 300)}`)
    return JSON.parse(text) as { orderNo: string; payUrl: string }
  }
  for (const { id } of courses) {
    const started = performance.now()
    const wanted = { courseIds: [id], totalAmount: '0.90', payType: 'alipay' }
    const { orderNo, payUrl } = await send(shop, '/api/orders', wanted, { authorization })
    const paid = follow(shop, orderNo, authorization)
    await Promise.all([paid, send(sandbox, '/sandbox/api/pay', { payUrl })])
    took.push(performance.now() - started)
  }
  return took
}

/** Follows the order's events, as its page does, until it is paid. */
async function follow(shop: Pool, orderNo: string, authorization: string): Promise<void> {
  const path = `/api/orders/${orderNo}/events`
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const { body } = await shop.request({ method: 'GET', path, headers: { authorization }, signal })
  let text = ''
  for await (const chunk of body) {
    text += chunk
    // Seen: disconnect.
    if (text.includes('"status":"paid"')) return
  }
  throw new Error(`the events of ${orderNo} ended before it was paid: ${text.slice(-200)}`)
}
