/** Brings the schema up to date: numbered SQL files, in order, once each, under a lock, each in its own transaction. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runMigrations } from 'graphile-worker'
import pg from 'pg'
import { primaryAddress } from './hosts.ts'

const FOLDER = join(import.meta.dirname, 'migrations')
/** Any constant: everyone who migrates this database waits for this advisory lock. */
const MIGRATION_LOCK = 7_020_232

/**
 * Runs what has not run yet, the job queue's own tables included.
 * @returns the names of the files that ran
 * @throws Error when a file that already ran has been changed since
 */
export async function migrate(url: string): Promise<string[]> {
  const address = await primaryAddress(url)
  const client = new pg.Client({ connectionString: address })
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK])
    const ran = await runFiles(client)
    await runMigrations({ connectionString: address })
    return ran
  } finally {
    await client.end()
  }
}

async function runFiles(client: pg.Client): Promise<string[]> {
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
    await inTransaction(client, async () => {
      await client.query(sql)
      await client.query('insert into migrations (name, checksum) values ($1, $2)', [name, checksum])
    })
    ran.push(name)
  }
  return ran
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
