/** Migrates the schema: numbered SQL files, in order, each once and in its own transaction, under a lock. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runMigrations } from 'graphile-worker'
import type pg from 'pg'
import { admitShop } from './embedded/roles.ts'
import { foldLoginNames } from './fold-login-names.ts'
import { primaryAddress, withClient } from './hosts.ts'
import { isLockConflict } from './statements/lock-conflict.ts'

/** Steps that SQL cannot do, run before the file that needs them; repeated if that file fails. */
const BEFORE: Readonly<Record<string, (client: pg.Client) => Promise<void>>> = {
  '0037_unique_login_names.sql': foldLoginNames,
}

const FOLDER = join(import.meta.dirname, 'migrations')
/** An arbitrary constant: the advisory lock that every migration of this database takes. */
const MIGRATION_LOCK = 7_020_232
/**
 * Other nodes may take payments meanwhile, and requests queue up behind a file that waits for a table lock. Shorter
 * than PostgreSQL's deadlock_timeout, so that in a deadlock the file gives way.
 */
const LOCK_LIMIT_MS = 800
const TRIES = 60
const PAUSE_MS = 1200

/**
 * Runs the pending migrations, including those of the job queue. A file whose tables are locked is retried for about
 * two minutes.
 * @param say prints progress while a file waits
 * @returns the names of the files that ran
 * @throws Error when a file changed after it ran, or its tables stay locked for too long
 */
export async function migrate(
  url: string,
  say = (line: string): void => void process.stderr.write(`${line}\n`),
): Promise<string[]> {
  const address = await primaryAddress(url)
  return withClient(address, async (client) => {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK])
    const ran = await runFiles(client, say)
    await runMigrations({ connectionString: address })
    await admitShop(client)
    return ran
  })
}

async function runFiles(client: pg.Client, say: (line: string) => void): Promise<string[]> {
  await client.query(`create table if not exists migrations (
    name text primary key, checksum text not null, ran_at timestamptz not null default now())`)
  const { rows } = await client.query<{ name: string; checksum: string }>('select name, checksum from migrations')
  const known = new Map(rows.map((row) => [row.name, row.checksum]))
  const ran: string[] = []
  for (const name of readdirSync(FOLDER)
    .filter((file) => file.endsWith('.sql'))
    .sort()) {
    const sql = readFileSync(join(FOLDER, name), 'utf8')
    const checksum = createHash('sha256').update(sql).digest('hex')
    const before = known.get(name)
    if (before === checksum) continue
    if (before) throw new Error(`Migration ${name} was changed after it ran on this database. Add a new file instead.`)
    const run = () =>
      inTransaction(client, async () => {
        await client.query(`set local lock_timeout = ${LOCK_LIMIT_MS}`)
        await client.query(sql)
        await client.query('insert into migrations (name, checksum) values ($1, $2)', [name, checksum])
      })
    await BEFORE[name]?.(client)
    await retryUntilUnblocked(name, run, say)
    ran.push(name)
  }
  return ran
}

async function retryUntilUnblocked(name: string, run: () => Promise<void>, say: (line: string) => void): Promise<void> {
  for (let time = 1; ; time += 1) {
    try {
      return await run()
    } catch (error) {
      if (!isLockConflict(error)) throw error
      if (time === TRIES) {
        throw new Error(
          `Migration ${name} needs tables that something else holds, such as a backup or a long query. Nothing of it was kept: start again once that has ended.`,
          { cause: error },
        )
      }
      if (time % 10 === 1) say(`Migration ${name} waits for tables that something else holds; retrying.`)
      await sleep(PAUSE_MS)
    }
  }
}

async function inTransaction(client: pg.Client, work: () => Promise<void>): Promise<void> {
  await client.query('begin')
  try {
    await work()
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  }
}
