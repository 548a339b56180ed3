/** The whole system for a test: the real shop, its real PostgreSQL and the real sandbox, as processes, on free ports. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { fillFromTemplate } from './data-template.ts'
import { packedLibraries } from './packed-libraries.ts'
import { createSandboxApi, type SandboxApi } from './sandbox-api.ts'
import { createShopApi, type ShopApi } from './shop-api.ts'

const ROOT = join(import.meta.dirname, '../..')
const READY_LIMIT_MS = 240_000

/** Where a running system is. */
export interface Place {
  readonly shopUrl: string
  readonly sandboxUrl: string
  readonly metricsUrl: string
  readonly dataDir: string
}

/** What a test does with a running system. */
export interface RunningSystem extends Place {
  /** The numbers of all web servers. */
  metrics(): Promise<string>
  readonly sandbox: SandboxApi
  /** A client of its own, with nobody logged in. */
  client(): ShopApi
  /** A client of a buyer who has just registered. */
  buyer(): Promise<ShopApi>
  /** Rows straight from the shop's database. */
  sql<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>
  stop(): Promise<void>
}

export interface System extends RunningSystem {
  /** The process that `npm start` runs. */
  readonly process: ChildProcess
  /** Everything it wrote, for the message of a failing test. */
  readonly output: () => string
}

export interface SystemOptions {
  readonly environment?: Readonly<Record<string, string>>
  /** Conditions by which packages resolve, besides the sources. */
  readonly conditions?: readonly string[]
  /** The copy of the project that is started; this one where absent. */
  readonly root?: string
  /** Goes on with the data of a system before, or makes its first start there where it is empty; it is not deleted at the end. */
  readonly dataDir?: string
}

export async function startSystem({
  environment = {},
  conditions = [],
  root,
  dataDir,
}: SystemOptions = {}): Promise<System> {
  const folder = dataDir ?? mkdtempSync(join(tmpdir(), 'xuecheng-test-'))
  if (!dataDir) await fillFromTemplate(folder)
  const [port, sandboxPort, metricsPort] = await Promise.all([freePort(), freePort(), freePort()])
  const ports = { PORT: String(port), SANDBOX_PORT: String(sandboxPort), METRICS_PORT: String(metricsPort) }
  const deleteFolder = () => {
    if (!dataDir) rmSync(folder, { recursive: true, force: true })
  }
  const launched = launchShop({ folder, conditions, root, environment: { ...ports, ...environment } })
  launched.catch(deleteFolder)
  const { child, output } = await launched

  const place = {
    shopUrl: `http://127.0.0.1:${port}`,
    sandboxUrl: `http://127.0.0.1:${sandboxPort}`,
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    dataDir: folder,
  }
  const stop = async () => {
    await stopChild(child)
    deleteFolder()
  }
  return { ...openSystem(place, stop), process: child, output }
}

/** A running system for a test. @param end what stopping it means, once its connections are closed */
export function openSystem(place: Place, end: () => Promise<void> | void): RunningSystem {
  let pool: pg.Pool | undefined
  return {
    ...place,
    metrics: async () => (await fetch(place.metricsUrl)).text(),
    sandbox: createSandboxApi(place.sandboxUrl),
    client: () => createShopApi(place.shopUrl),
    async buyer() {
      const buyer = createShopApi(place.shopUrl)
      await buyer.register(`b${randomUUID().slice(0, 12)}`)
      return buyer
    },
    async sql<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) {
      pool ??= openPool(readFileSync(join(place.dataDir, 'postgres/owner-url'), 'utf8').trim())
      return (await pool.query<Row>(text, values)).rows
    },
    async stop() {
      await pool?.end()
      await end()
    },
  }
}

/** A client of somebody new on the staff. */
export async function newStaff({ buyer, sql }: RunningSystem, role: string): Promise<ShopApi> {
  const member = await buyer()
  await sql('update users set role = $1 where username = $2', [role, member.username])
  return member
}

/** The shop's own process, once it is ready; its settings are the environment, and `.env` of the folder it runs in. */
export async function launchShop({
  folder,
  environment,
  conditions = [],
  root = ROOT,
}: {
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>
  readonly conditions?: readonly string[]
  readonly root?: string | undefined
}): Promise<{ child: ChildProcess; output: () => string }> {
  mkdirSync(folder, { recursive: true })
  const extra = conditions.map((condition) => `--conditions=${condition}`)
  const libraries = root === ROOT ? await packedLibraries() : []
  const flags = ['--conditions=xuecheng:source', ...extra, ...libraries, '--disable-warning=ExperimentalWarning']
  const child = spawn(process.execPath, [...flags, join(root, 'apps/shop/src/main.ts')], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/xuecheng'),
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      DATA_DIR: folder,
      WORKERS: '2',
      LOG_LEVEL: 'warn',
      METRICS_PORT: 'off',
      ...environment,
    },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await ready(child, () => output)
  return { child, output: () => output }
}

export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((done) => child.once('exit', done))
  child.kill('SIGTERM')
  await gone
}

/** A connection that breaks while idle is no failure: some tests kill the server. */
function openPool(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: 4 })
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

function ready(child: ChildProcess, output: () => string): Promise<void> {
  return new Promise((done, failed) => {
    const limit = setTimeout(() => failed(new Error(`The shop was not ready in time:\n${output()}`)), READY_LIMIT_MS)
    child.once('exit', (code) => failed(new Error(`The shop ended with ${code}:\n${output()}`)))
    child.on('message', (message: unknown) => {
      if (typeof message !== 'object' || message === null || !('type' in message) || message.type !== 'ready') return
      clearTimeout(limit)
      done()
    })
  })
}

export async function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((done, failed) => {
    server.once('error', failed)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (address && typeof address === 'object' ? done(address.port) : failed(new Error('no port'))))
    })
  })
}

/** Looks again until it is true, or says what it saw last. */
export async function until<Seen>(
  look: () => Promise<Seen>,
  good: (seen: Seen) => boolean,
  limitMs = 120_000,
): Promise<Seen> {
  const end = Date.now() + limitMs
  for (;;) {
    const seen = await look()
    if (good(seen)) return seen
    if (Date.now() > end) throw new Error(`Not within ${limitMs} ms; last seen: ${JSON.stringify(seen)}`)
    await new Promise((done) => setTimeout(done, 40))
  }
}
