/** Starts the embedded PostgreSQL in the folder that is named, asks it for 1, and stops it: run as another user by a test. */
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres } from '../../apps/shop/src/db/embedded/server.ts'

const server = await startEmbeddedPostgres(join(process.argv[2] ?? '', 'postgres')).catch((error: Error) => {
  console.log(error.message)
  return process.exit(1)
})
const client = new pg.Client({ connectionString: server.url })
await client.connect()
const { rows } = await client.query<{ one: number }>('select 1 as one')
console.log(rows[0]?.one)
await client.end()
await server.stop()
