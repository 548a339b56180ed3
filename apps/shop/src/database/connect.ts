/** The connection to PostgreSQL: one pool a process, whole numbers read as checked numbers, times as dates. */
import { Kysely, type Transaction as KyselyTransaction } from 'kysely'
import pg from 'pg'
import { AnnouncingDialect } from './after-commit.ts'
import { addressesOf, followServers, type Servers } from './hosts.ts'
import { PreparingClient, type PreparingConfig } from './prepared.ts'
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
  /** Whether the last that was heard of its disk is that it is full. */
  diskFull: boolean
  /** Other connections to the same servers, with limits of their own. */
  beside(size: number, limits: Limits): Pick<Connection, 'db' | 'close'>
  close(): Promise<void>
}

/** How long what is done over a connection may take, in milliseconds. */
export interface Limits {
  /** One statement, told to the server, which ends it then. */
  readonly statement: number
  /**
   * Any answer at all, and longer than a statement may take: a server that is silent for longer is taken as gone. Without
   * it a commit would wait for its synchronous standby for ever.
   */
  readonly answer?: number
  /** Until there is a connection: a new one, or one that somebody else gives back. */
  readonly connection: number
}

const PATIENT: Limits = { statement: 30_000, connection: 5000 }

/** PostgreSQL's own code for it. */
const DISK_FULL = '53100'

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
      return { db: beside.db, close: () => beside.db.destroy() }
    },
    async close() {
      await db.destroy()
      servers.close()
    },
  }
  function failed(code: string) {
    if (code === DISK_FULL) connection.diskFull = true
  }
  return connection
}

interface PoolOptions extends Required<PreparingConfig> {
  readonly size: number
  readonly wanted: Wanted
  readonly limits: Limits
}

function openPool(url: string, servers: Servers, { size, wanted, limits, failed }: PoolOptions) {
  const addresses = addressesOf(url)
  const options: pg.PoolConfig & PreparingConfig = {
    Client: addresses.length > 1 ? clientFor(servers, wanted) : PreparingClient,
    connectionString: addresses[0],
    max: size,
    types,
    connectionTimeoutMillis: limits.connection,
    ...(limits.answer !== undefined && { query_timeout: limits.answer }),
    keepAlive: true,
    // Statements that do not wait for each other share a round trip (`together`).
    pipeline: true,
    // What a vanished machine leaves locked must not take every process down with it.
    lock_timeout: 5000,
    statement_timeout: limits.statement,
    idle_in_transaction_session_timeout: 15_000,
    failed,
  }
  const pool = new pg.Pool(options)
  // A connection that breaks while idle is replaced by the pool; the query that needs it reports what matters.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  const db = new Kysely<Tables>({ dialect: new AnnouncingDialect({ pool }) })
  return { db, pool }
}
