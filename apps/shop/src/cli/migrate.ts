/** `xuecheng migrate`: brings the database up to date without starting the shop. */
import { join } from 'node:path'
import type { Command } from '../command.ts'
import { startEmbeddedPostgres } from '../database/embedded.ts'
import { migrate } from '../database/migrate.ts'
import { refuseUnreachable } from '../database/reach.ts'

export const migrateDatabase: Command = {
  usage: '',
  summary: 'Runs the migrations that have not run yet',
  options: {},
  async run({ config }) {
    if (config.databaseUrl) await refuseUnreachable(config.databaseUrl)
    const server = config.databaseUrl ? undefined : await startEmbeddedPostgres(join(config.dataDir, 'postgres'))
    try {
      const ran = await migrate(server?.url ?? config.databaseUrl ?? '')
      return { text: ran.length > 0 ? ran.map((name) => `ran ${name}`).join('\n') : 'up to date', data: { ran } }
    } finally {
      await server?.stop()
    }
  },
}
