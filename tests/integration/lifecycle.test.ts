/** Starting, stopping and being killed: nothing is lost, nothing is left behind. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { processesIn } from '../harness/processes.ts'
import { freePort, type System, startSystem, until } from '../harness/system.ts'

const folder = mkdtempSync(join(tmpdir(), 'xuecheng-life-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A connection of a process just killed never answers: the client gives up and retries. */
const quick = () => ({ signal: AbortSignal.timeout(1000), headers: { connection: 'close' } })

const gone = () =>
  until(
    async () => processesIn(folder),
    (left) => left.length === 0,
  )

async function buyAndPay(system: System): Promise<string> {
  const buyer = await system.buyer()
  const { body } = await buyer.buy([1], '39.00')
  await system.sandbox.pay(body.payUrl)
  await until(
    () => buyer.order(body.orderNo),
    (order) => order.status === 'paid',
  )
  return body.orderNo
}

/** Processes end at once when their parent is killed, so one of the list may be gone before its turn. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

const paidOrders = (system: System) =>
  system.sql<{ order_no: string }>(`select order_no from orders where status = 'paid' order by 1`)

test('after a stop and two kills every paid order is kept and no process is left', {
  timeout: 480_000,
}, async () => {
  const first = await startSystem({ dataDir: folder })
  const orders = [await buyAndPay(first)]
  await first.stop()
  await gone()

  const second = await startSystem({ dataDir: folder })
  orders.push(await buyAndPay(second))
  second.process.kill('SIGKILL')
  await gone()

  const third = await startSystem({ dataDir: folder })
  orders.push(await buyAndPay(third))
  for (const pid of processesIn(folder)) killIfThere(pid)
  await gone()

  const fourth = await startSystem({ dataDir: folder })
  expect((await paidOrders(fourth)).map((row) => row.order_no)).toEqual(orders.sort())
  await fourth.stop()
  await gone()
})

describe('one shop that keeps running', () => {
  let system: System
  beforeAll(async () => {
    system = await startSystem({ dataDir: folder })
  })
  afterAll(() => system.stop())

  test('the metrics are those of every process', async () => {
    for (let time = 0; time < 20; time += 1)
      await fetch(`${system.shopUrl}/api/shop`, { headers: { connection: 'close' } })
    const metrics = await system.metrics()
    const count = /http_request_duration_seconds_count\{[^}]*route="\/api\/shop"[^}]*\} (\d+)/.exec(metrics)?.[1]
    expect(Number(count)).toBe(20)
    expect(metrics).toContain('xuecheng_web_servers{state="answering"} 2\n')
    // The shop's public address serves none.
    expect((await fetch(`${system.shopUrl}/metrics`)).status).toBe(404)
  })

  test('a second shop on the same data folder is refused in one line, and the first goes on', async () => {
    const port = await freePort()
    const second = startSystem({ dataDir: folder, environment: { PORT: String(port), SANDBOX: 'off' } })
    await expect(second).rejects.toThrow(/The data folder .* is in use by another running shop/)
    await buyAndPay(system)
  })

  test('on a PostgreSQL of one’s own: DATABASE_URL, and no embedded server', async () => {
    const url = readFileSync(join(folder, 'postgres/owner-url'), 'utf8').trim().replace('/xuecheng?', '/elsewhere?')
    const other = mkdtempSync(join(tmpdir(), 'xuecheng-own-'))
    try {
      await system.sql('create database elsewhere')
      const own = await startSystem({ dataDir: other, environment: { DATABASE_URL: url } })
      expect(existsSync(join(other, 'postgres'))).toBe(false)
      const buyer = own.client()
      await buyer.login('root', 'zxc123456')
      expect((await buyer.buy([1], '39.00')).status).toBe(201)
      await own.stop()
    } finally {
      rmSync(other, { recursive: true, force: true })
    }
  })

  test('sixty requests for the metrics at once are answered while a web server hangs and the database is gone', async () => {
    const [hangs] = processesIn(folder).filter((pid) =>
      readFileSync(`/proc/${pid}/environ`, 'utf8').includes('XUECHENG_ROLE=web\0'),
    )
    try {
      if (hangs === undefined) throw new Error('no web server')
      process.kill(hangs, 'SIGSTOP')
      await system.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()",
      )
      const answers = await Promise.all(Array.from({ length: 60 }, () => system.metrics()))
      expect(new Set(answers).size).toBe(1)
      expect(answers[0]).toContain('xuecheng_web_servers{state="answering"} 1\n')
      expect(answers[0]).toContain('xuecheng_web_servers{state="silent"} 1\n')
      expect(answers[0]).toContain('process_cpu_seconds_total ')
    } finally {
      if (hangs !== undefined) process.kill(hangs, 'SIGCONT')
    }
  })

  test('a killed database server is restarted, and the running shop recovers', async () => {
    // The first server to answer may still hold a broken connection.
    const bought = () =>
      buyAndPay(system).then(
        () => true,
        () => false,
      )
    const ready = async () => (await fetch(`${system.shopUrl}/readyz`, quick()).catch(() => undefined))?.status ?? 0
    await until(bought, (works) => works)
    const [postmaster] = readFileSync(join(folder, 'postgres/cluster/postmaster.pid'), 'utf8').split('\n')
    process.kill(Number(postmaster), 'SIGKILL')
    await until(ready, (status) => status !== 200, 10_000).catch(() => undefined)
    await until(ready, (status) => status === 200)
    await until(bought, (works) => works)
  })

  test('a web server process that is killed is replaced', async () => {
    const web = processesIn(folder).filter((pid) => {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
      return environment.includes('XUECHENG_ROLE=web\0')
    })
    expect(web.length).toBeGreaterThanOrEqual(2)
    for (const pid of web) process.kill(pid, 'SIGKILL')
    const alive = async () => (await fetch(`${system.shopUrl}/healthz`, quick()).catch(() => undefined))?.status ?? 0
    await until(alive, (status) => status === 200)
    await buyAndPay(system)
  })
})

test('a bad setting stops the start with one line', async () => {
  await expect(startSystem({ environment: { ORDER_TTL_MINUTES: 'soon' } })).rejects.toThrow(
    /\nORDER_TTL_MINUTES: "soon" is not a whole number .*Example: ORDER_TTL_MINUTES=30\n$/,
  )
})
