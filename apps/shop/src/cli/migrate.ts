/** `xuecheng migrate`: migrates the database without starting the shop. */
import { join } from 'node:path'
import type { Command } from '../command.ts'
import { startEmbeddedPostgres } from '../db/embedded/server.ts'
import { migrate } from '../db/migrate.ts'
import { refuseUnreachable } from '../db/preflight.ts'

export const migrateDatabase: Command = {
  usage: '',
  summary: 'Runs the pending migrations',
  options: {},
  async run({ config }) {
    if (config.databaseUrl) await refuseUnreachable(config.databaseUrl)
    const server = config.databaseUrl ? undefined : await startEmbeddedPostgres(join(config.dataDir, 'postgres'))
    try {
      const ran = await migrate(server?.ownerUrl ?? config.databaseUrl ?? '')
      return { text: ran.length > 0 ? ran.map((name) => `ran ${name}`).join('\n') : 'up to date', data: { ran } }
    } finally {
      await server?.stop()
    }
  },
}
