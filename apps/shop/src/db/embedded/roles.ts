/**
 * The roles of the embedded database. The shop's processes use a plain role that only reads and writes rows; the schema
 * belongs to another role, which migrations use. The superuser cannot log in: what needs it runs in PostgreSQL's
 * single-user mode while the server is stopped.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { type Account, DatabaseStartError, type Programs, writePrivately } from './programs.ts'

export const DATABASE = 'xuecheng'
/** Created with the cluster; earlier versions of the shop also ran as this role. */
export const SUPERUSER = 'xuecheng'
export const ROLES = { shop: 'xuecheng_shop', owner: 'xuecheng_owner' } as const
export type Role = keyof typeof ROLES

/** A file with the version of the roles, written last. */
const DONE = 'roles'
const VERSION = '1'
/** The superuser's password in earlier versions. */
const OLD_PASSWORD = 'password'

const passwordFile = (directory: string, role: Role): string => join(directory, `${role}-password`)

/** Whether a data folder has the current roles. */
export function hasRoles(directory: string): boolean {
  return existsSync(join(directory, DONE)) && readFileSync(join(directory, DONE), 'utf8').trim() === VERSION
}

/** The login of one of the roles; the superuser's if the roles were never created. */
export function credentials(directory: string, role: Role): { user: string; password: string } {
  if (hasRoles(directory)) return { user: ROLES[role], password: readPassword(passwordFile(directory, role)) }
  const old = join(directory, OLD_PASSWORD)
  return { user: SUPERUSER, password: existsSync(old) ? readPassword(old) : '' }
}

const readPassword = (file: string): string => readFileSync(file, 'utf8').trim()

/**
 * Creates the roles, gives everything in the database to the owner, and locks the superuser out. Can be repeated after
 * a crash at any point; the server must be stopped.
 */
export async function makeRoles(directory: string, cluster: string, programs: Programs): Promise<void> {
  const passwords = { shop: keepPassword(directory, 'shop'), owner: keepPassword(directory, 'owner') }
  const found = await singleUser(programs, cluster, 'postgres', [
    ...(['owner', 'shop'] as const).flatMap((role) => roleStatements(role, passwords[role])),
    `grant ${ROLES.shop} to ${ROLES.owner}`,
    `select datname from pg_database where datname = '${DATABASE}'`,
  ])
  if (!found.includes(`datname = "${DATABASE}"`)) {
    await singleUser(programs, cluster, 'postgres', [`create database ${DATABASE}`])
  }
  await singleUser(programs, cluster, DATABASE, [
    `alter database ${DATABASE} owner to ${ROLES.owner}`,
    HAND_OVER,
    ...SHARE,
    `alter role ${SUPERUSER} nologin password null`,
  ])
  writePrivately(join(directory, DONE), `${VERSION}\n`)
  rmSync(join(directory, OLD_PASSWORD), { force: true })
}

function keepPassword(directory: string, role: Role): string {
  const file = passwordFile(directory, role)
  if (!existsSync(file)) writePrivately(file, `${randomBytes(24).toString('hex')}\n`)
  return readPassword(file)
}

/** The owner may create databases, such as scratch ones. Neither role has access to the rest of the machine. */
function roleStatements(role: Role, password: string): string[] {
  const name = ROLES[role]
  const createdb = role === 'owner' ? 'createdb' : 'nocreatedb'
  return [
    `do $$ begin if not exists (select from pg_roles where rolname = '${name}') then create role ${name}; end if; end $$`,
    `alter role ${name} login nosuperuser ${createdb} nocreaterole noreplication nobypassrls password '${password}'`,
  ]
}

/** Gives the owner everything of ours that belongs to the superuser. Dependent objects follow. */
const HAND_OVER = `do $$
declare statement text; begin
for statement in
select format('alter schema %I owner to ${ROLES.owner}', nspname) from pg_namespace
where nspname in ('public', 'graphile_worker')
union all select format('alter table %s owner to ${ROLES.owner}', c.oid::regclass) from pg_class c
where relnamespace = any (schemas()) and (relkind in ('r', 'p', 'v', 'm') or relkind = 'S' and not exists
(select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i')))
union all select format('alter routine %s owner to ${ROLES.owner}', p.oid::regprocedure) from pg_proc p
where pronamespace = any (schemas()) and not exists (select from pg_depend d
where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
union all select format('alter type %s owner to ${ROLES.owner}', t.oid::regtype) from pg_type t
where typnamespace = any (schemas()) and typtype in ('e', 'd')
or typnamespace = any (schemas()) and typtype = 'c' and exists
(select from pg_class c where c.oid = typrelid and relkind = 'c')
loop execute statement; end loop; end $$`
  .replaceAll('schemas()', `array(select oid from pg_namespace where nspname in ('public', 'graphile_worker'))`)
  .replaceAll('\n', ' ')

const ROWS = 'select, insert, update, delete, maintain'
const LATER = `alter default privileges for role ${ROLES.owner} grant`

/** The shop's rights on existing objects, and on those that the owner creates later. */
const SHARE = [
  `${LATER} usage on schemas to ${ROLES.shop}`,
  `${LATER} ${ROWS} on tables to ${ROLES.shop}`,
  `${LATER} usage, select, update on sequences to ${ROLES.shop}`,
  `grant usage on schema public to ${ROLES.shop}`,
  `grant ${ROWS} on all tables in schema public to ${ROLES.shop}`,
  `grant usage, select, update on all sequences in schema public to ${ROLES.shop}`,
  `do $$ begin if to_regnamespace('graphile_worker') is not null then
   grant usage on schema graphile_worker to ${ROLES.shop};
   grant ${ROWS} on all tables in schema graphile_worker to ${ROLES.shop};
   grant usage, select, update on all sequences in schema graphile_worker to ${ROLES.shop}; end if; end $$`.replaceAll(
    '\n',
    ' ',
  ),
]

/**
 * Rights that no default covers: the job queue protects its tables with row-level security, and the shop may not change
 * the list of migrations. Only for the embedded database's owner; in other databases one role does everything.
 */
export async function admitShop(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ owner: boolean }>('select current_user = $1 as owner', [ROLES.owner])
  if (!rows[0]?.owner) return
  await client.query(`do $$
    declare guarded regclass;
    begin
      for guarded in select oid from pg_class where relnamespace = 'graphile_worker'::regnamespace and relrowsecurity
        and not exists (select from pg_policy where polrelid = pg_class.oid and polname = '${ROLES.shop}')
      loop
        execute format('create policy ${ROLES.shop} on %s to ${ROLES.shop} using (true) with check (true)', guarded);
      end loop;
      if has_table_privilege('${ROLES.shop}', 'public.migrations', 'insert') then
        revoke insert, update, delete on public.migrations from ${ROLES.shop};
      end if;
    end $$`)
}

/** Logins: the two roles, from this machine, with their passwords; no other. */
const ADMITTED = `# Written by the shop at every start.
local all ${Object.values(ROLES).join(',')} scram-sha-256
host all ${Object.values(ROLES).join(',')} 127.0.0.1/32 scram-sha-256
`

/** Writes pg_hba.conf, in a folder that belongs to the server's account. */
export const admitRoles = (cluster: string, account: Account | undefined): void =>
  writePrivately(join(cluster, 'pg_hba.conf'), ADMITTED, account)

/**
 * Runs statements as the superuser in single-user mode, each on one line, while the server is stopped.
 * @returns the output
 * @throws DatabaseStartError at the first statement that fails
 */
export async function singleUser(
  programs: Programs,
  cluster: string,
  database: string,
  statements: readonly string[],
): Promise<string> {
  const flags = ['--single', '-D', programs.nameOf(cluster), '-c', 'exit_on_error=on', '-c', 'log_min_messages=fatal']
  const { command, args, options } = programs.commandLine('postgres', [...flags, database], cluster)
  const child = spawn(command, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] })
  let answered = ''
  let said = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (answered += chunk))
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (said += chunk))
  child.stdin?.on('error', () => {})
  child.stdin?.end(`${statements.join('\n')}\n`)
  const code = await new Promise<number | null>((done, failed) => {
    child.once('error', failed)
    child.once('close', done)
  })
  if (code === 0) return answered
  const problem = said.split('\n').find((line) => /ERROR|FATAL|PANIC/.test(line)) ?? said.trim()
  // The message omits the statement, which may contain a password.
  throw new DatabaseStartError(`The roles of the embedded database could not be set up: ${problem.slice(0, 300)}`)
}
