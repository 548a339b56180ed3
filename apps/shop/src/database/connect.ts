/** The connection to PostgreSQL: one pool a process, whole numbers read as checked numbers, times as dates. */
import { Kysely, type Transaction as KyselyTransaction, PostgresDialect } from 'kysely'
import pg from 'pg'
import { addressesOf, followServers, type Servers } from './hosts.ts'
import { PreparingClient } from './prepared.ts'
import type { Tables } from './tables.ts'

export type Database = Kysely<Tables>
export type Transaction = KyselyTransaction<Tables>
/** What a read may run on: the pool or an open transaction. */
export type Reader = Database | Transaction

const INT8 = 20
const DEFAULT_PORT = 5432

/** int8 as a number; amounts and keys stay far below 2^53, and one that does not is an error, never a rounded value. */
function readInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError('An integer from the database is too large')
  return value
}

const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    return oid === INT8 ? readInteger : pg.types.getTypeParser(oid, format)
  },
} as pg.CustomTypesConfig

export interface Connection {
  readonly db: Database
  readonly pool: pg.Pool
  /** The servers that the address names. */
  readonly servers: Servers
  close(): Promise<void>
}

/** Where a pool connects to: the server that takes writes or, while there is none, one that can be read. */
export type Wanted = 'primary' | 'readable'

/** A client that finds out where to connect to, and breaks once it should be elsewhere. */
function clientFor(servers: Servers, wanted: Wanted): typeof PreparingClient {
  return class PlacedClient extends PreparingClient {
    override connect(): Promise<pg.Client>
    override connect(callback: (error: Error | null) => void): void
    override connect(callback?: (error: Error | null) => void): Promise<pg.Client> | undefined {
      const connected = this.#connect()
      if (!callback) return connected
      connected.then(() => callback(null), callback)
      return undefined
    }

    async #connect(): Promise<pg.Client> {
      const address = await servers[wanted]()
      const { hostname, port } = new URL(address)
      Object.assign(this, { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || DEFAULT_PORT) })
      // Whoever waits for an answer is told at once, and the pool forgets this client.
      const letGo = servers.hold(address, () => this.connection.stream.destroy())
      this.once('end', letGo)
      return super.connect()
    }
  }
}

/** Opens a pool of at most `size` connections. Of an address with several servers, each is at the one that is wanted. */
export function connect(url: string, size = 10, wanted: Wanted = 'primary'): Connection {
  const addresses = addressesOf(url)
  const servers = followServers(url)
  const pool = new pg.Pool({
    Client: addresses.length > 1 ? clientFor(servers, wanted) : PreparingClient,
    connectionString: addresses[0],
    max: size,
    types,
    connectionTimeoutMillis: 5000,
    keepAlive: true,
    // Statements that do not wait for each other share a round trip (`together`).
    pipeline: true,
    // What a vanished machine leaves locked must not take every process down with it.
    lock_timeout: 5000,
    statement_timeout: 30_000,
    idle_in_transaction_session_timeout: 15_000,
    // A commit waits for its synchronous standby without any limit of the server's own.
    query_timeout: 35_000,
  })
  // A connection that breaks while idle is replaced by the pool; the query that needs it reports what matters.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  return {
    db,
    pool,
    servers,
    async close() {
      await db.destroy()
      servers.close()
    },
  }
}
