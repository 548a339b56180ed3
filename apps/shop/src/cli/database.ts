/** The database for a command: the one that DATABASE_URL names, the running shop's, or the embedded one started for it alone. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { Config } from '../config.ts'
import { startEmbeddedPostgres } from '../database/embedded.ts'
import { migrate } from '../database/migrate.ts'
import { refuseUnreachable } from '../database/reach.ts'

/** Does the work over the database; one that is started for it alone is brought up to date first. */
export async function withDatabase<Result>(config: Config, work: (url: string) => Promise<Result>): Promise<Result> {
  if (config.databaseUrl) await refuseUnreachable(config.databaseUrl)
  const running = config.databaseUrl ?? (await runningUrl(config))
  if (running) return work(running)
  const server = await startEmbeddedPostgres(join(config.dataDir, 'postgres'))
  try {
    await migrate(server.url)
    return await work(server.url)
  } finally {
    await server.stop()
  }
}

/** The embedded server of a shop that runs, if it answers. */
export async function runningUrl(config: Config): Promise<string | undefined> {
  const file = join(config.dataDir, 'postgres', 'url')
  if (!existsSync(file)) return undefined
  const url = readFileSync(file, 'utf8').trim()
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 })
  client.on('error', () => {})
  try {
    await client.connect()
    return url
  } catch {
    return undefined
  } finally {
    await client.end().catch(() => {})
  }
}
