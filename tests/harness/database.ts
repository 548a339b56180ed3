/** A migrated PostgreSQL for a test that needs one and no shop around it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Connection, connect } from '../../apps/shop/src/db/connect.ts'
import { startEmbeddedPostgres } from '../../apps/shop/src/db/embedded/server.ts'
import { migrate } from '../../apps/shop/src/db/migrate.ts'

export interface TestDatabase extends Connection {
  /** Closes the connections, stops the server and removes its files. */
  stop(): Promise<void>
}

export async function startTestDatabase(connections = 4): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'xuecheng-test-'))
  const server = await startEmbeddedPostgres(join(folder, 'postgres'), { fsync: false })
  await migrate(server.ownerUrl)
  const connection = connect(server.url, connections)
  const stop = async () => {
    await connection.close()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  return { ...connection, stop }
}
