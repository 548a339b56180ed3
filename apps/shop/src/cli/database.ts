/**
 * The database for a command: the one in DATABASE_URL, the running shop's, or the embedded one, started for the
 * command.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../command.ts'
import type { Config } from '../config.ts'
import { connect, type Database } from '../db/connect.ts'
import { hasCluster, startEmbeddedPostgres } from '../db/embedded/server.ts'
import { withClient } from '../db/hosts.ts'
import { migrate } from '../db/migrate.ts'
import { refuseUnreachable } from '../db/preflight.ts'
import { createLog } from '../log.ts'
import { openShop, type Shop } from '../process/shop.ts'

export interface DatabaseOptions {
  /**
   * The command fills a new database, as the role that owns the schema. Any other command would create an empty
   * database only by mistake.
   */
  readonly mayCreate?: boolean
}

/**
 * Does the work on the database; a database started for the command is migrated first.
 * @throws UsageError when there is no shop
 */
export async function withDatabase<Result>(
  config: Config,
  work: (url: string) => Promise<Result>,
  { mayCreate = false }: DatabaseOptions = {},
): Promise<Result> {
  if (config.databaseUrl) await refuseUnreachable(config.databaseUrl)
  const running = config.databaseUrl ?? (await runningUrl(config, mayCreate ? 'owner-url' : 'url'))
  if (running) {
    if (!(await holdsShop(running))) {
      if (!mayCreate) throw new UsageError('there is no shop in the database that DATABASE_URL names; nothing was done')
      await migrate(running)
    }
    return work(running)
  }
  const folder = join(config.dataDir, 'postgres')
  if (!mayCreate && !hasCluster(folder)) throw noShop(config)
  const server = await startEmbeddedPostgres(folder)
  try {
    if (!mayCreate && !(await holdsShop(server.url))) throw noShop(config)
    await migrate(server.ownerUrl)
    return await work(mayCreate ? server.ownerUrl : server.url)
  } finally {
    await server.stop()
  }
}

/** The same with a connection. */
export const withTables = <Result>(config: Config, work: (db: Database) => Promise<Result>): Promise<Result> =>
  withDatabase(config, async (url) => {
    const { db, close } = connect(url, 1)
    try {
      return await work(db)
    } finally {
      await close()
    }
  })

/** The same with the shop put together, and the payment settings that the owner entered. */
export const withShop = <Result>(config: Config, work: (shop: Shop) => Promise<Result>): Promise<Result> =>
  withDatabase(config, async (url) => {
    const shop = openShop(config, url, createLog('silent', 'cli'), 2)
    await shop.settings.refresh()
    try {
      return await work(shop)
    } finally {
      await shop.close()
    }
  })

const noShop = ({ dataDir }: Config): UsageError =>
  new UsageError(`there is no shop in ${dataDir}; nothing was done. Set DATA_DIR to its data folder, or DATABASE_URL`)

/** Whether a shop has ever been started on this database. */
const holdsShop = (url: string): Promise<boolean> =>
  withClient(url, async (client) => {
    const { rows } = await client.query<{ there: boolean }>("select to_regclass('migrations') is not null as there")
    return rows[0]?.there ?? false
  })

/** The address of a running shop's embedded server, if it answers. */
export async function runningUrl(config: Config, role: 'url' | 'owner-url' = 'url'): Promise<string | undefined> {
  const file = join(config.dataDir, 'postgres', role)
  if (!existsSync(file)) return undefined
  const url = readFileSync(file, 'utf8').trim()
  return withClient(url, async () => url, 2000).catch(() => undefined)
}
