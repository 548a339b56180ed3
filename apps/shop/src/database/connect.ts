/** The connection to PostgreSQL: one pool a process, whole numbers read as checked numbers, times as dates. */
import { Kysely, type Transaction as KyselyTransaction, PostgresDialect } from 'kysely'
import pg from 'pg'
import { PreparingClient } from './prepared.ts'
import type { Tables } from './tables.ts'

export type Database = Kysely<Tables>
export type Transaction = KyselyTransaction<Tables>
/** What a read may run on: the pool or an open transaction. */
export type Reader = Database | Transaction

const INT8 = 20

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

/** Opens a pool of at most `size` connections. */
export function connect(url: string, size = 10): Connection {
  const pool = new pg.Pool({
    Client: PreparingClient,
    connectionString: url,
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
