/** A migrated PostgreSQL for a test that needs one and no shop around it. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Connection, connect } from '../../apps/shop/src/db/connect.ts'
import { startEmbeddedPostgres } from '../../apps/shop/src/db/embedded/server.ts'
import { fillFromTemplate } from './data-template.ts'

const MIGRATIONS = join(import.meta.dirname, '../../apps/shop/src/db/migrations')

export interface TestDatabase extends Connection {
  /** The address for the role that owns the schema. */
  readonly ownerUrl: string
  /** A further database on the same server, as it was before a migration. */
  older(before: string): Promise<OlderDatabase>
  /** Closes the connections, stops the server and removes its files. */
  stop(): Promise<void>
}

export interface OlderDatabase extends Connection {
  readonly url: string
}

export async function startTestDatabase(connections = 4): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'xuecheng-test-'))
  await fillFromTemplate(folder)
  const server = await startEmbeddedPostgres(join(folder, 'postgres'))
  const connection = connect(server.url, connections)
  const opened = [connection]
  return {
    ...connection,
    ownerUrl: server.ownerUrl,
    async older(before) {
      const name = `older${opened.length}`
      const owner = connect(server.ownerUrl, 1)
      await owner.pool.query(`create database ${name}`)
      await owner.close()
      const url = server.ownerUrl.replace(/\/xuecheng(?=\?|$)/, `/${name}`)
      const older = connect(url, 8)
      opened.push(older)
      await migrateBefore(older, before)
      return { ...older, url }
    },
    async stop() {
      for (const { close } of opened) await close()
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function migrateBefore({ pool }: Connection, before: string): Promise<void> {
  await pool.query(
    'create table migrations (name text primary key, checksum text not null, ran_at timestamptz default now())',
  )
  for (const file of readdirSync(MIGRATIONS).sort()) {
    if (file >= before) break
    const text = readFileSync(join(MIGRATIONS, file), 'utf8')
    await pool.query(text)
    const checksum = createHash('sha256').update(text).digest('hex')
    await pool.query('insert into migrations (name, checksum) values ($1, $2)', [file, checksum])
  }
}
