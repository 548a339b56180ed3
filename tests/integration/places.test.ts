/**
 * Where and as which user the shop is started: the embedded PostgreSQL runs everywhere without capabilities, and SQL run as
 * the shop's role reaches no file.
 */
import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { findPrograms } from '../../apps/shop/src/db/embedded/programs.ts'
import { DATABASE, singleUser } from '../../apps/shop/src/db/embedded/roles.ts'
import { startEmbeddedPostgres } from '../../apps/shop/src/db/embedded/server.ts'
import { processesOf } from '../harness/processes.ts'
import { startSystem } from '../harness/system.ts'

const ROOT = join(import.meta.dirname, '../..')
const isRoot = process.getuid?.() === 0
const NOBODY = 65_534
const base = mkdtempSync(join(tmpdir(), 'xuecheng-places-'))
chmodSync(base, 0o755)
afterAll(() => rmSync(base, { recursive: true, force: true }))

/** The project in a private folder, with the same packages. */
function cloneInto(folder: string): string {
  const clone = join(folder, '学 城')
  mkdirSync(clone, { recursive: true })
  chmodSync(folder, 0o700)
  for (const name of ['apps', 'packages', 'tests', 'scripts', 'package.json', 'node_modules']) {
    execFileSync('cp', ['-a', '--link', join(ROOT, name), join(clone, name)])
  }
  return clone
}

/** The capabilities of a process. */
function rightsOf(pid: number | undefined): Record<string, string> {
  const lines = readFileSync(`/proc/${pid}/status`, 'utf8').split('\n')
  return Object.fromEntries(lines.map((line) => line.split(/:\s*/)).map(([name = '', value = '']) => [name, value]))
}

async function refusal(url: string, sql: string): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query(sql)
    return `allowed: ${JSON.stringify(rows).slice(0, 100)}`
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  } finally {
    await client.end()
  }
}

const NO_RIGHT = '42501'

test('a clone in a private folder with a space and Chinese in its path gives PostgreSQL no capability, no file and no superuser', async () => {
  const root = cloneInto(join(base, 'home'))
  const dataDir = join(root, 'data')
  const system = await startSystem({ root, dataDir })
  try {
    const [postmaster] = processesOf(system.process.pid ?? 0).PostgreSQL
    const rights = rightsOf(postmaster)
    const none = '0000000000000000'
    expect(rights).toMatchObject({ CapInh: none, CapPrm: none, CapEff: none, CapAmb: none, NoNewPrivs: '1' })
    if (isRoot) {
      expect(rights['CapBnd']).toBe(none)
      expect(rights['Uid']?.split('\t')[0]).not.toBe('0')
      expect(rights['Groups']?.trim()).toBe('')
      expect(system.output()).toMatch(
        /Database 数据库 .*data\/postgres, as the account xuecheng-db, with the programs in /,
      )
      // Everything else there belongs to root.
      expect(statSync(join(dataDir, 'postgres')).uid).toBe(0)
    }
    const url = readFileSync(join(dataDir, 'postgres/url'), 'utf8').trim()
    const secret = join(dataDir, 'keys/auth-secret')
    expect(existsSync(secret)).toBe(true)
    for (const file of ['/etc/shadow', secret, '/etc/passwd']) {
      expect(await refusal(url, `select pg_read_file('${file}')`)).toBe(NO_RIGHT)
      expect(await refusal(url, `select pg_read_binary_file('${file}')`)).toBe(NO_RIGHT)
      expect(await refusal(url, `select lo_import('${file}')`)).toBe(NO_RIGHT)
      expect(await refusal(url, `create temporary table t (l text); copy t from '${file}'`)).toBe(NO_RIGHT)
    }
    for (const sql of [
      "select pg_ls_dir('/')",
      `copy (select 1) to '${join(tmpdir(), 'xuecheng-written')}'`,
      "copy (select 1) to program 'id'",
      'create role another superuser',
      'create database another',
      'set role xuecheng',
      'set role xuecheng_owner',
      'alter role xuecheng_shop superuser',
      'grant pg_read_server_files to xuecheng_shop',
      'create table public.mine ()',
      'alter table orders add column mine int',
      'drop table audit_log',
      'truncate audit_log',
      "select drop_month('notifications_other')",
      'create extension dblink',
      'alter system set log_directory to default',
    ]) {
      expect([sql, await refusal(url, sql)]).toEqual([sql, NO_RIGHT])
    }
    expect(await refusal(url, "create function f() returns int language c as '/tmp/f.so'")).toBe(NO_RIGHT)
    // The shop still works: jobs create partitions, and buyers buy.
    expect(await refusal(url, "select add_month('notifications', '2031-05-01')")).toContain('allowed')
    expect(await refusal(url, 'analyze notifications, order_history')).toContain('allowed')
    expect((await (await system.buyer()).buy([1], '39.00')).status).toBe(201)

    // None of the secrets of the processes logs in as a superuser.
    const { rows } = await askAs(url, 'select rolname from pg_roles where rolsuper and rolcanlogin')
    expect(rows).toEqual([])
    for (const known of ['shop-password', 'owner-password']) {
      const superuser = new URL(url)
      superuser.username = 'xuecheng'
      superuser.password = readFileSync(join(dataDir, 'postgres', known), 'utf8').trim()
      await expect(askAs(superuser.href, 'select 1')).rejects.toThrow(/pg_hba\.conf/)
    }
  } finally {
    await system.stop()
  }
})

async function askAs(url: string, sql: string) {
  const client = new pg.Client({ connectionString: url })
  try {
    await client.connect()
    return await client.query(sql)
  } finally {
    await client.end().catch(() => {})
  }
}

/** The embedded server alone, in a process of its own. */
async function startOnce(dataDir: string, prefix: readonly string[]): Promise<{ code: unknown; said: string }> {
  const script = join(ROOT, 'tests/harness/embedded-once.ts')
  const [command = '', ...args] = [...prefix, process.execPath, '--conditions=xuecheng:source', script, dataDir]
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const code = await new Promise((done) => child.once('exit', done))
  return { code, said: said.trim() }
}

test('as an ordinary user with a capability to drop, in a folder of their own', async () => {
  const home = join(base, '用户 home')
  mkdirSync(home, { mode: 0o700 })
  if (isRoot) chownSync(home, NOBODY, NOBODY)
  // The project may be in a folder that only root can enter: Node gets that capability, PostgreSQL does not.
  const walk = ['--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search']
  const user = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', ...walk]
  expect(await startOnce(home, isRoot ? ['setpriv', ...user] : [])).toEqual({ code: 0, said: '1' })
  if (!isRoot) return
  expect(statSync(join(home, 'postgres/cluster')).uid).toBe(NOBODY)
  // Started by root, the folder still belongs to that user, who can use it afterwards.
  expect(await startOnce(home, [])).toEqual({ code: 0, said: '1' })
  expect(statSync(join(home, 'postgres/cluster')).uid).toBe(NOBODY)
  expect(await startOnce(home, ['setpriv', ...user])).toEqual({ code: 0, said: '1' })
})

test('in a container: with the usual rights of root it runs; without them, or on another’s folder, one line says what to do', async () => {
  if (!isRoot) return // only root can test this
  const dataDir = join(base, 'container')
  const usual = 'chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap,net_bind_service,net_raw,sys_chroot'
  const bounded = (rights: string) => ['setpriv', '--inh-caps=-all', `--bounding-set=-all${rights}`]
  const few = bounded(
    `,${usual
      .split(',')
      .map((name) => `+${name}`)
      .join(',')}`,
  )
  expect(await startOnce(dataDir, few)).toEqual({ code: 0, said: '1' })
  const none = await startOnce(dataDir, bounded(''))
  expect(none).toEqual({
    code: 1,
    said: expect.stringMatching(/root may not become another account here .*CAP_SETUID missing/),
  })
  expect(none.said).toContain('Start the shop as an ordinary user, or set DATABASE_URL')
  const other = await startOnce(dataDir, ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'])
  expect(other).toEqual({ code: 1, said: expect.stringContaining(`chown -R ${NOBODY} `) })
})

test('a cluster of an earlier version, whose superuser the shop was, is taken over once, with all its data', async () => {
  const directory = join(base, 'earlier/postgres')
  const cluster = join(directory, 'cluster')
  mkdirSync(cluster, { recursive: true, mode: 0o700 })
  const programs = await findPrograms()
  const { account } = programs
  // As the earlier version left it: everything belongs to the server's user, an existing account.
  if (account) for (const path of [cluster, directory]) chownSync(path, account.uid, account.gid)
  const made = programs.commandLine(
    'initdb',
    ['-D', programs.nameOf(cluster), '-U', 'xuecheng', '-E', 'UTF8', '--auth=trust'],
    cluster,
  )
  execFileSync(made.command, made.args, { ...made.options, stdio: 'ignore' })
  writeFileSync(join(directory, 'password'), 'a password of the superuser\n')
  await singleUser(programs, cluster, 'postgres', [
    `create database ${DATABASE}`,
    "alter role xuecheng password 'known'",
  ])
  await singleUser(programs, cluster, DATABASE, [
    "create table kept (id int generated always as identity primary key, at text default 'now')",
    "insert into kept (at) values ('before')",
    'create function kept_ones() returns bigint language sql as $$ select count(*) from kept $$',
    'create schema graphile_worker create table jobs (id int)',
  ])
  if (isRoot) execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, directory])

  for (const time of ['first', 'second']) {
    const server = await startEmbeddedPostgres(directory)
    try {
      expect((await askAs(server.url, `insert into kept (at) values ('${time}') returning id`)).rowCount).toBe(1)
      expect((await askAs(server.url, 'select at from kept order by id limit 1')).rows).toEqual([{ at: 'before' }])
      expect(await refusal(server.url, 'alter table kept add column mine int')).toBe(NO_RIGHT)
      expect((await askAs(server.ownerUrl, `alter table kept add column of_${time} int`)).command).toBe('ALTER')
      const { rows } = await askAs(
        server.ownerUrl,
        `select relname as name from pg_class where relowner = 10 and relnamespace in ('public'::regnamespace, 'graphile_worker'::regnamespace)
         union all select proname from pg_proc where proowner = 10 and pronamespace = 'public'::regnamespace
         union all select datname from pg_database where datdba = 10 and datname = current_database()`,
      )
      expect(rows).toEqual([])
    } finally {
      await server.stop()
    }
  }
  expect(existsSync(join(directory, 'password'))).toBe(false)
  expect(statSync(cluster).uid).toBe(account?.uid ?? process.getuid?.())
})
