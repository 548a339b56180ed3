/** The connection to PostgreSQL: one pool per process; int8 is read as a checked number and timestamps as dates. */
import { Kysely, type PostgresCursor, PostgresDialect, type PostgresPool, type PostgresQueryResult } from 'kysely'
import pg from 'pg'
import { clientFor, SocketClient, type Wanted } from './client.ts'
import { addressesOf, followServers, type Servers } from './hosts.ts'
import { publisherOf } from './pub-sub.ts'
import type { Tables } from './tables.generated.ts'
import type { Database } from './types.ts'

export type { Wanted } from './client.ts'
export type { Database, Reader, Transaction } from './types.ts'

const INT8 = 20

/** int8 as a number: amounts and keys stay far below 2^53, and a larger value is an error and not rounded. */
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
  /** The servers named in the address. */
  readonly servers: Servers
  /** Whether the last write failed because the server's disk is full. */
  diskFull: boolean
  /** Opens another pool to the same servers, with its own limits. */
  beside(size: number, limits: Limits): Pick<Connection, 'db' | 'close'>
  close(): Promise<void>
}

/** Time limits for work on a connection, in milliseconds. */
export interface Limits {
  /** For one statement; the server enforces it. */
  readonly statement: number
  /**
   * For any answer, longer than the limit for statements: a server that is silent for longer counts as gone. Without it
   * a commit could wait for its synchronous standby for ever.
   */
  readonly answer?: number
  /** For a connection: a new one, or one that is returned to the pool. */
  readonly connection: number
}

const PATIENT: Limits = { statement: 30_000, connection: 5000 }

/** PostgreSQL's error code for a full disk. */
const DISK_FULL = '53100'

/** Opens a pool of at most `size` connections. With several servers in the address, each goes to the `wanted` one. */
export function connect(url: string, size = 10, wanted: Wanted = 'primary', limits = PATIENT): Connection {
  const servers = followServers(url)
  const { db, pool } = openPool(url, servers, { size, wanted, limits, failed })
  const connection: Connection = {
    db,
    pool,
    servers,
    diskFull: false,
    beside(besideSize, besideLimits) {
      const beside = openPool(url, servers, { size: besideSize, wanted: 'primary', limits: besideLimits, failed })
      return { db: beside.db, close: () => closeDb(beside.db) }
    },
    async close() {
      await closeDb(db)
      servers.close()
    },
  }
  function failed(code: string) {
    if (code === DISK_FULL) connection.diskFull = true
  }
  return connection
}

/** Sends the pending publications before the connections close. */
async function closeDb(db: Database): Promise<void> {
  await publisherOf(db).idle()
  await db.destroy()
}

interface PoolOptions {
  readonly size: number
  readonly wanted: Wanted
  readonly limits: Limits
  /** Called with the code of every failed statement. */
  readonly failed: (code: string) => void
}

function openPool(url: string, servers: Servers, { size, wanted, limits, failed }: PoolOptions) {
  const addresses = addressesOf(url)
  const pool = new pg.Pool({
    Client: addresses.length > 1 ? clientFor(servers, wanted) : SocketClient,
    connectionString: addresses[0],
    max: size,
    types,
    connectionTimeoutMillis: limits.connection,
    ...(limits.answer !== undefined && { query_timeout: limits.answer }),
    keepAlive: true,
    // Statements that do not wait for each other share a round trip (`pipeline`).
    pipeline: true,
    // A machine that disappears may leave locks behind; they must not block every process.
    lock_timeout: 5000,
    statement_timeout: limits.statement,
    idle_in_transaction_session_timeout: 15_000,
  })
  // The pool replaces a connection that breaks while idle; a query that needs it reports the error.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: namedStatements(pool, failed) }) })
  return { db, pool }
}

/** The pool as Kysely sees it: its statements are named, and those of one turn leave together (`SocketClient.run`). */
const namedStatements = (pool: pg.Pool, failed: PoolOptions['failed']): PostgresPool => ({
  options: pool.options,
  end: () => pool.end(),
  async connect() {
    const client = (await pool.connect()) as pg.PoolClient & SocketClient
    function query<Row>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>>
    function query<Row>(cursor: PostgresCursor<Row>): PostgresCursor<Row>
    function query(sql: unknown, parameters: readonly unknown[] = []): unknown {
      if (typeof sql !== 'string') throw new Error('No cursors: the shop reads page by page')
      return client.run(sql, parameters).catch((error: unknown) => {
        if (error instanceof pg.DatabaseError) failed(error.code ?? '')
        throw error
      })
    }
    return { query, release: (discard) => client.release(discard) }
  },
})
