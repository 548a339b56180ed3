/**
 * The PostgreSQL server from the npm package: created on first use, started as a child process, and never left behind.
 *
 * One data folder has one server. PostgreSQL itself guards the folder; this file distinguishes a server in use
 * (refused) from one that a killed shop left behind (stopped, then started again).
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import {
  accessSync,
  chownSync,
  constants,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { platform } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import {
  ACCOUNT,
  type Account,
  DatabaseStartError,
  findPrograms,
  handOver,
  lastLine,
  type Programs,
  writePrivately,
} from './programs.ts'
import { admitRoles, credentials, DATABASE, hasRoles, makeRoles, SUPERUSER } from './roles.ts'

const run = promisify(execFile)
/** PostgreSQL's name for its socket, followed by the port. */
const SOCKET = '.s.PGSQL.'
/** An arbitrary constant: the shop whose session holds this advisory lock owns the server. */
const OWNER_LOCK = 7_020_231
const START_LIMIT_MS = 60_000
const LEFTOVER_LIMIT_MS = 15_000

export class DataFolderInUseError extends Error {
  override readonly name = 'DataFolderInUseError'
}

export interface EmbeddedPostgres {
  /**
   * The address with the password of the shop's plain role, for this machine only; over the Unix socket if there is
   * one.
   */
  readonly url: string
  /** The same over TCP. */
  readonly networkUrl: string
  /** Like `url`, for the role that owns the schema: for migrations. */
  readonly ownerUrl: string
  readonly port: number
  /** The account and the programs, if they differ from the shop's own. */
  readonly runsAs: string | undefined
  /** Resolves when the server ends unexpectedly. */
  readonly lost: Promise<void>
  stop(): Promise<void>
}

/** The paths of a data folder's server. */
interface Folder {
  /** The shop's own folder: passwords and addresses. */
  readonly directory: string
  /** PostgreSQL's own folder; when root starts the shop, the server reaches nothing else. */
  readonly cluster: string
  readonly programs: Programs
}

/**
 * Starts the server of `folder`, creating it on first use.
 * @throws DataFolderInUseError when another running shop owns the folder
 * @throws DatabaseStartError when it cannot run here
 */
export async function startEmbeddedPostgres(path: string, options: { port?: number } = {}): Promise<EmbeddedPostgres> {
  const directory = resolve(path)
  const cluster = join(directory, 'cluster')
  makeFolder(directory, cluster)
  const programs = await findPrograms(ordinaryOwner(directory))
  const folder = { directory, cluster, programs }
  await stopLeftover(folder)
  takeFolder(folder)
  if (!hasCluster(directory)) await createCluster(folder)
  if (!hasRoles(directory)) await makeRoles(directory, cluster, programs)
  admitRoles(cluster, programs.account)
  keepAsOwner(folder)

  const port = options.port ?? (await freePort())
  const sockets = socketFolder(folder)
  for (const place of [directory, cluster]) {
    for (const entry of readdirSync(place)) if (entry.startsWith(SOCKET)) rmSync(join(place, entry), { force: true })
  }
  const args = serverArguments(folder, port, sockets !== '')
  const { child, owner } = await launchUntilReady(() => launch(folder, args), port, folder)
  const lost = new Promise<void>((done) => child.once('exit', () => done()))
  await takeOwnership(owner, cluster)
  const ownership = keepOwnership(owner, addressOf(folder, 'shop', port, 'postgres'), child)

  const through = sockets && `?host=${encodeURIComponent(sockets)}`
  const networkUrl = addressOf(folder, 'shop', port, DATABASE)
  const url = `${networkUrl}${through}`
  const ownerUrl = `${addressOf(folder, 'owner', port, DATABASE)}${through}`
  writePrivately(join(directory, 'url'), `${url}\n`)
  writePrivately(join(directory, 'owner-url'), `${ownerUrl}\n`)
  keepAsOwner(folder)
  const { account, place } = programs
  const name = ordinaryOwner(directory) ? account?.uid : ACCOUNT
  return {
    url,
    networkUrl,
    ownerUrl,
    port,
    runsAs: account && `as the account ${name}, with the programs in ${place}`,
    lost,
    async stop() {
      await ownership.release()
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT')
      await lost
      for (const name of ['url', 'owner-url']) rmSync(join(directory, name), { force: true })
    },
  }
}

/** Creates the folder. An ordinary user cannot read the folder of a shop that root started before. */
function makeFolder(directory: string, cluster: string): void {
  const uid = process.getuid?.()
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    if (uid === undefined || uid === 0) return
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
    if (!existsSync(cluster) || statSync(cluster).uid === uid) return
  } catch (error) {
    const denied = error instanceof Error && 'code' in error && error.code === 'EACCES'
    if (!denied || !uid) throw error
  }
  throw new DatabaseStartError(
    `${directory} belongs to another account, which started the shop here before (root, perhaps). Start it as that one, or as root hand the data over: chown -R ${uid} ${dirname(directory)}`,
  )
}

/** If root starts an ordinary user's shop, all files keep belonging to that user. */
function ordinaryOwner(directory: string): Account | undefined {
  if (process.getuid?.() !== 0 || !existsSync(directory)) return undefined
  const [own, above] = [statSync(directory), statSync(dirname(directory))]
  return own.uid !== 0 && own.uid === above.uid ? { uid: own.uid, gid: own.gid } : undefined
}

/** Earlier versions gave the whole folder to the server's account when root started the shop; take it back. */
function takeFolder({ directory, cluster, programs: { account } }: Folder): void {
  if (!account) return
  if (existsSync(cluster)) handOver(cluster, account)
  if (ordinaryOwner(directory)) return
  for (const name of ['.', ...readdirSync(directory).filter((each) => !each.startsWith('cluster'))]) {
    lchownSync(join(directory, name), 0, 0)
  }
}

/** Gives what root writes into an ordinary user's folder to that user. */
function keepAsOwner({ directory }: Folder): void {
  const owner = ordinaryOwner(directory)
  if (!owner) return
  for (const name of readdirSync(directory)) {
    if (!name.startsWith('cluster')) lchownSync(join(directory, name), owner.uid, owner.gid)
  }
}

/** Whether the folder has a cluster. */
export const hasCluster = (folder: string): boolean => existsSync(join(resolve(folder), 'cluster', 'PG_VERSION'))

/** Creates the cluster under a temporary name and renames it, so that a crash never leaves half a cluster. */
async function createCluster({ cluster, programs }: Folder): Promise<void> {
  const fresh = `${cluster}.new`
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh, { mode: 0o700 })
  if (programs.account) chownSync(fresh, programs.account.uid, programs.account.gid)
  // All logins are refused until the roles exist.
  const flags = ['-D', programs.nameOf(fresh), '-U', SUPERUSER, '-E', 'UTF8', '--auth=reject']
  const locale = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C', '--no-instructions']
  const { command, args, options } = programs.commandLine('initdb', [...flags, ...locale], fresh)
  try {
    await run(command, args, options)
  } catch (error) {
    const { uid } = programs.account ?? { uid: process.getuid?.() }
    const unnamed = /could not look up effective user/.test(lastLine(error))
    throw new DatabaseStartError(
      unnamed
        ? `PostgreSQL needs a name for the account that runs the shop, and ${uid} has none in /etc/passwd. Run it as an account that has one, or set DATABASE_URL to a PostgreSQL of your own.`
        : `The embedded database could not be made in ${cluster}: ${lastLine(error)}. Set DATA_DIR to another folder, or DATABASE_URL to a PostgreSQL of your own.`,
    )
  }
  renameSync(fresh, cluster)
}

/**
 * The folder of the server's Unix socket, beside its data: a message through it costs half of one through TCP. Empty on
 * systems without such sockets, or if the path would exceed the systems' limit (104 bytes and more).
 */
function socketFolder({ directory, cluster, programs }: Folder): string {
  const folder = programs.account ? cluster : directory
  const longest = join(folder, `${SOCKET}65535`)
  return platform() === 'win32' || Buffer.byteLength(longest) > 100 || /[,"\\]/.test(folder) ? '' : folder
}

function serverArguments(folder: Folder, port: number, hasSocket: boolean): string[] {
  const { directory, cluster, programs } = folder
  const name = programs.nameOf(cluster)
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: hasSocket ? (programs.account ? name : directory) : '',
    max_connections: '200',
    shared_buffers: '256MB',
    wal_compression: 'on',
    log_min_messages: 'warning',
    log_timezone: 'UTC',
    timezone: 'UTC',
  }
  return [
    '-D',
    name,
    '-p',
    String(port),
    ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
  ]
}

function launch({ cluster, programs }: Folder, serverArgs: string[]): ChildProcess {
  const { command, args, options } = programs.commandLine('postgres', serverArgs, cluster, 'dies with its parent')
  // A process group of its own: a Ctrl-C in the terminal reaches only the shop, which then stops the server last.
  return spawn(command, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'], detached: true })
}

/** A running server of this folder is either in use by another shop (refused) or left by a dead one (stopped). */
async function stopLeftover(folder: Folder): Promise<void> {
  const { cluster } = folder
  const limit = Date.now() + START_LIMIT_MS
  let unclaimed = false
  for (let found = runningServer(cluster); found; found = runningServer(cluster)) {
    if (Date.now() > limit) throw new DataFolderInUseError(inUse(cluster, found.pid))
    const client = new pg.Client({
      connectionString: addressOf(folder, 'shop', found.port, 'postgres'),
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
      await sleep(100) // it is starting, stopping, or ending all sessions: check again
      continue
    }
    if (!free) throw new DataFolderInUseError(inUse(cluster, found.pid))
    if (!unclaimed) {
      // If PostgreSQL ended all sessions, an owner takes its lock again: give it a second.
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
  if (!Number.isInteger(pid) || pid <= 0 || !alive(pid) || !isPostgres(pid, statSync(cluster).uid)) return undefined
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

/** After a reboot the process id in postmaster.pid may belong to another program. */
function isPostgres(pid: number, uid: number): boolean {
  if (platform() !== 'linux') return true
  try {
    return statSync(`/proc/${pid}`).uid === uid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('postgres')
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

/**
 * When one of its processes is killed, PostgreSQL ends all sessions, including the owner's: take the lock again at
 * once.
 */
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
  /** The session that owns the server. */
  readonly owner: pg.Client
}

/** After a hard kill the old server's last processes take a moment to end; until then a new server exits at once. */
async function launchUntilReady(start: () => ChildProcess, port: number, folder: Folder): Promise<Launched> {
  const { cluster } = folder
  const limit = Date.now() + LEFTOVER_LIMIT_MS
  for (;;) {
    const child = start()
    const log = tail(child)
    const owner = await connectWhenReady(addressOf(folder, 'shop', port, 'postgres'), child)
    if (owner) return { child, owner }
    const leftover = /lock file .* already exists|shared memory block .* still in use/.test(log())
    if (!leftover)
      throw new DatabaseStartError(
        `The embedded PostgreSQL did not start: ${log().trim().split('\n').slice(-3).join(' ')}`,
      )
    if (Date.now() > limit || runningServer(cluster)) throw new DataFolderInUseError(inUse(cluster))
    await sleep(200)
  }
}

/** Connects as soon as the server answers; undefined if the server exits instead. */
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
  throw new DatabaseStartError('The embedded PostgreSQL did not answer within a minute.')
}

/** The last lines of the server's output, for the error when it does not start. */
function tail(child: ChildProcess): () => string {
  let kept = ''
  child.stderr?.setEncoding('utf8')
  child.stderr?.on('data', (chunk: string) => {
    kept = (kept + chunk).slice(-4000)
  })
  return () => kept
}

function addressOf({ directory }: Folder, role: 'shop' | 'owner', port: number, database: string): string {
  const { user, password } = credentials(directory, role)
  return `postgres://${user}:${password}@127.0.0.1:${port}/${database}`
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
