/** Kysely's PostgreSQL dialect over a pool of `SocketClient`s. */
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  PostgresDialect,
  type QueryResult,
  type TransactionSettings,
} from 'kysely'
import pg from 'pg'
import type { SocketClient } from './client.ts'

export interface SocketDialectConfig {
  /** A pool of `SocketClient`s. */
  readonly pool: pg.Pool
  /** Called with the code of every failed statement. */
  readonly failed: (code: string) => void
}

export class SocketDialect extends PostgresDialect {
  readonly #config: SocketDialectConfig

  constructor(config: SocketDialectConfig) {
    super(config)
    this.#config = config
  }

  override createDriver(): Driver {
    return new SocketDriver(this.#config)
  }
}

const WRITES: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE'])

class SocketDriver implements Driver {
  readonly #config: SocketDialectConfig

  constructor(config: SocketDialectConfig) {
    this.#config = config
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<Session> {
    const client = (await this.#config.pool.connect()) as pg.PoolClient & SocketClient
    return new Session(client, this.#config.failed)
  }

  async releaseConnection(session: Session): Promise<void> {
    session.release()
  }

  async beginTransaction(session: Session, { isolationLevel, accessMode }: TransactionSettings): Promise<void> {
    const level = isolationLevel ? ` isolation level ${isolationLevel}` : ''
    await session.executeQuery(CompiledQuery.raw(`start transaction${level}${accessMode ? ` ${accessMode}` : ''}`))
  }

  /**
   * @throws Error when an earlier statement failed: PostgreSQL then rolls back and reports that only in the command tag
   */
  async commitTransaction(session: Session): Promise<void> {
    if ((await session.run(CompiledQuery.raw('commit'))).command === 'ROLLBACK') {
      throw new Error('The transaction was rolled back: a statement in it had failed')
    }
  }

  async rollbackTransaction(session: Session): Promise<void> {
    try {
      await session.executeQuery(CompiledQuery.raw('rollback'))
    } catch (error) {
      session.isBroken = true
      throw error
    }
  }

  async destroy(): Promise<void> {
    await this.#config.pool.end()
  }
}

class Session implements DatabaseConnection {
  readonly #client: pg.PoolClient & SocketClient
  readonly #failed: (code: string) => void
  /** The connection may have an open transaction, so the pool discards it. */
  isBroken = false

  constructor(client: pg.PoolClient & SocketClient, failed: (code: string) => void) {
    this.#client = client
    this.#failed = failed
  }

  async run({ sql, parameters }: CompiledQuery): Promise<pg.QueryResult> {
    try {
      return await this.#client.run(sql, parameters)
    } catch (error) {
      if (error instanceof pg.DatabaseError) this.#failed(error.code ?? '')
      throw error
    }
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const { command, rowCount, rows } = await this.run(query)
    return { rows: rows ?? [], ...(WRITES.has(command) && { numAffectedRows: BigInt(rowCount ?? 0) }) }
  }

  // biome-ignore lint/correctness/useYield: it must be a generator by its type, and the shop reads page by page instead of over a cursor
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error('Not supported: read page by page')
  }

  release(): void {
    this.#client.release(this.isBroken)
  }
}
