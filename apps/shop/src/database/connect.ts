/** The connection to PostgreSQL: one pool a process, whole numbers read as checked numbers, times as dates. */
import { Kysely, type Transaction as KyselyTransaction, PostgresDialect } from 'kysely'
import pg from 'pg'
import { addressesOf, primaryAddress } from './hosts.ts'
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
  close(): Promise<void>
}

/** A client that finds out where the primary is before it connects. */
function clientOf(url: string): typeof PreparingClient {
  return class PrimaryClient extends PreparingClient {
    override connect(): Promise<pg.Client>
    override connect(callback: (error: Error | null) => void): void
    override connect(callback?: (error: Error | null) => void): Promise<pg.Client> | undefined {
      const connected = this.#connectToPrimary()
      if (!callback) return connected
      connected.then(() => callback(null), callback)
      return undefined
    }

    async #connectToPrimary(): Promise<pg.Client> {
      const { hostname, port } = new URL(await primaryAddress(url))
      Object.assign(this, { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || DEFAULT_PORT) })
      return super.connect()
    }
  }
}

/** Opens a pool of at most `size` connections, each to the server that takes writes when the address names several. */
export function connect(url: string, size = 10): Connection {
  const addresses = addressesOf(url)
  const pool = new pg.Pool({
    Client: addresses.length > 1 ? clientOf(url) : PreparingClient,
    connectionString: addresses[0],
    max: size,
    types,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    // Statements that do not wait for each other share a round trip (`together`).
    pipeline: true,
    // What a vanished machine leaves locked must not take every process down with it.
    lock_timeout: 5000,
    statement_timeout: 30_000,
    idle_in_transaction_session_timeout: 15_000,
  })
  // A connection that breaks while idle is replaced by the pool; the query that needs it reports what matters.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  return { db, pool, close: () => db.destroy() }
}
