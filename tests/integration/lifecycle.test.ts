/** Starting, stopping and being killed: nothing is lost, nothing is left behind. */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { freePort, type System, startSystem, until } from '../harness/system.ts'

const folder = mkdtempSync(join(tmpdir(), 'xuecheng-life-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Every process that has to do with the folder: by its environment or its command line. */
function processesOf(dataDir: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => {
      const read = (file: string) => {
        try {
          return readFileSync(`/proc/${name}/${file}`, 'utf8')
        } catch {
          return ''
        }
      }
      return read('environ').includes(`DATA_DIR=${dataDir}\0`) || read('cmdline').includes(dataDir)
    })
    .map(Number)
}

/** A connection that was handed to a process just killed never answers: a client gives up and comes again. */
const quick = () => ({ signal: AbortSignal.timeout(1000), headers: { connection: 'close' } })

const gone = () =>
  until(
    async () => processesOf(folder),
    (left) => left.length === 0,
    20_000,
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

const paidOrders = (system: System) =>
  system.sql<{ order_no: string }>(`select order_no from orders where status = 'paid' order by 1`)

test('stopped, killed, and killed again at once: every paid order is still there and no process is', async () => {
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
  for (const pid of processesOf(folder)) process.kill(pid, 'SIGKILL')
  await gone()

  const fourth = await startSystem({ dataDir: folder })
  expect((await paidOrders(fourth)).map((row) => row.order_no)).toEqual(orders.sort())
  await fourth.stop()
  await gone()
})

test('a second shop on the same data folder is refused in one line and harms nothing', async () => {
  const system = await startSystem({ dataDir: folder })
  try {
    const port = await freePort()
    const second = startSystem({ dataDir: folder, environment: { PORT: String(port), SANDBOX: 'off' } })
    await expect(second).rejects.toThrow(/The data folder .* is in use by another running shop/)
    await buyAndPay(system)
  } finally {
    await system.stop()
  }
})

test('the database server killed under the running shop comes back, and so does the shop', async () => {
  const system = await startSystem({ dataDir: folder })
  try {
    await buyAndPay(system)
    const [postmaster] = readFileSync(join(folder, 'postgres/cluster/postmaster.pid'), 'utf8').split('\n')
    process.kill(Number(postmaster), 'SIGKILL')
    const ready = async () => (await fetch(`${system.shopUrl}/readyz`, quick()).catch(() => undefined))?.status ?? 0
    await until(ready, (status) => status !== 200, 10_000).catch(() => undefined)
    await until(ready, (status) => status === 200, 30_000)
    await buyAndPay(system)
  } finally {
    await system.stop()
  }
})

test('a web server process that is killed is replaced', async () => {
  const system = await startSystem({ dataDir: folder })
  try {
    const web = processesOf(folder).filter((pid) => {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
      return environment.includes('XUECHENG_ROLE=web\0')
    })
    expect(web.length).toBeGreaterThanOrEqual(2)
    for (const pid of web) process.kill(pid, 'SIGKILL')
    const alive = async () => (await fetch(`${system.shopUrl}/healthz`, quick()).catch(() => undefined))?.status ?? 0
    await until(alive, (status) => status === 200, 20_000)
    await buyAndPay(system)
  } finally {
    await system.stop()
  }
})

test('the metrics are those of every process', async () => {
  const system = await startSystem({ dataDir: folder })
  try {
    for (let time = 0; time < 20; time += 1)
      await fetch(`${system.shopUrl}/api/shop`, { headers: { connection: 'close' } })
    const metrics = await (await fetch(`${system.shopUrl}/metrics`)).text()
    const count = /http_request_duration_seconds_count\{[^}]*route="\/api\/shop"[^}]*\} (\d+)/.exec(metrics)?.[1]
    expect(Number(count)).toBe(20)
  } finally {
    await system.stop()
  }
})

test('on a PostgreSQL of one’s own: DATABASE_URL, and no embedded server', async () => {
  const owner = await startSystem({ dataDir: folder })
  const url = readFileSync(join(folder, 'postgres/url'), 'utf8')
    .trim()
    .replace(/xuecheng$/, 'elsewhere')
  const other = mkdtempSync(join(tmpdir(), 'xuecheng-own-'))
  try {
    await owner.sql('create database elsewhere')
    const system = await startSystem({ dataDir: other, environment: { DATABASE_URL: url } })
    expect(existsSync(join(other, 'postgres'))).toBe(false)
    const buyer = system.client()
    await buyer.login('root', 'zxc123456')
    expect((await buyer.buy([1], '39.00')).status).toBe(201)
    await system.stop()
  } finally {
    await owner.stop()
    rmSync(other, { recursive: true, force: true })
  }
})

test('a bad setting stops the start with one line', async () => {
  await expect(startSystem({ environment: { ORDER_TTL_MINUTES: 'soon' } })).rejects.toThrow(
    /\nORDER_TTL_MINUTES: "soon" is not a whole number .*Example: ORDER_TTL_MINUTES=30\n$/,
  )
})

test('as an ordinary user', async () => {
  if (process.getuid?.() !== 0) return // then every other test here has shown it
  const home = mkdtempSync(join(tmpdir(), 'xuecheng-user-'))
  execFileSync('chown', ['nobody', home])
  const script = join(import.meta.dirname, '../harness/embedded-once.ts')
  const child = spawn(
    'setpriv',
    [
      '--reuid=nobody',
      '--regid=nogroup',
      '--clear-groups',
      '--inh-caps=+dac_read_search',
      '--ambient-caps=+dac_read_search',
      process.execPath,
      '--conditions=xuecheng:source',
      script,
      home,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const code = await new Promise((done) => child.once('exit', done))
  expect([code, output.trim()]).toEqual([0, '1'])
  rmSync(home, { recursive: true, force: true })
})
