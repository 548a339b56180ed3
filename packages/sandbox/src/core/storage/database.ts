/** The sandbox's own storage: one SQLite file, opened once, with typed prepared statements. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync, SQLInputValue, SQLOutputValue } from 'node:sqlite'
import { migrate } from './schema.ts'

export type Value = SQLInputValue

export interface Statement<Row> {
  get(...values: readonly Value[]): Row | undefined
  all(...values: readonly Value[]): Row[]
  run(...values: readonly Value[]): { readonly changes: number; readonly lastId: number }
}

export interface Database {
  /** Prepares one statement; `Row` describes its columns. */
  prepare<Row extends Record<string, SQLOutputValue> = Record<string, never>>(sql: string): Statement<Row>
  exec(sql: string): void
  /**
   * Runs `work` completely or not at all; a nested call joins the outer transaction. `work` must be synchronous. Its
   * changes are durable only once `committed` resolves, so nothing may leave this process before that.
   */
  transaction<T>(work: () => T): T
  /** Resolves once every transaction so far is on disk. */
  committed(): Promise<void>
  close(): void
}

/**
 * Opens (or creates) `<folder>/sandbox.sqlite`. WAL with synchronous=NORMAL: a returned commit has been handed to the
 * operating system, so it survives any death of this process; only a power cut may lose the last ones.
 */
export function openDatabase(folder: string): Database {
  mkdirSync(folder, { recursive: true })
  const connection = new (sqlite().DatabaseSync)(join(folder, 'sandbox.sqlite'))
  claim(connection, folder)
  migrate(connection)
  return wrap(connection)
}

/** One process per folder: two would each deliver every notification. The lock ends with the process. */
function claim(connection: DatabaseSync, folder: string): void {
  try {
    connection.exec(
      'pragma busy_timeout=500; pragma locking_mode=exclusive; pragma journal_mode=wal; begin immediate; commit',
    )
    connection.exec(
      'pragma synchronous=normal; pragma foreign_keys=on; pragma cache_size=-16384; pragma wal_autocheckpoint=8000',
    )
  } catch {
    connection.close()
    throw new Error(`another sandbox is using ${folder}; stop it or choose another --data folder`)
  }
}

/**
 * Transactions of one turn of the event loop are committed together, which costs one write instead of dozens. Each has
 * a savepoint of its own, so that a failing one rolls back only itself.
 */
function wrap(connection: DatabaseSync): Database {
  const begin = connection.prepare('begin immediate')
  const commit = connection.prepare('commit')
  const mark = connection.prepare('savepoint each')
  const keep = connection.prepare('release each')
  const takeBack = connection.prepare('rollback to each')
  let inside = false
  let batch: Promise<void> | undefined
  let finish: (() => void) | undefined

  function open(): void {
    begin.run()
    batch = new Promise((resolve, reject) => {
      finish = () => {
        batch = undefined
        finish = undefined
        try {
          commit.run()
          resolve()
        } catch (error) {
          reject(error)
        }
      }
    })
    // Callers that depend on the batch await it and get its error; there may be none.
    batch.catch(() => undefined)
    setImmediate(() => finish?.())
  }

  return {
    prepare: <Row extends Record<string, SQLOutputValue>>(sql: string) => typed<Row>(connection, sql),
    exec: (sql) => connection.exec(sql),
    transaction(work) {
      if (inside) return work()
      if (!batch) open()
      mark.run()
      inside = true
      try {
        const result = work()
        keep.run()
        return result
      } catch (error) {
        takeBack.run()
        keep.run()
        throw error
      } finally {
        inside = false
      }
    },
    committed: () => batch ?? DONE,
    close() {
      finish?.()
      connection.close()
    },
  }
}

const DONE = Promise.resolve()

function typed<Row extends Record<string, SQLOutputValue>>(connection: DatabaseSync, sql: string): Statement<Row> {
  const statement = connection.prepare(sql)
  return {
    get: (...values) => statement.get(...values) as Row | undefined,
    all: (...values) => statement.all(...values) as Row[],
    run(...values) {
      const { changes, lastInsertRowid } = statement.run(...values)
      return { changes: Number(changes), lastId: Number(lastInsertRowid) }
    },
  }
}

/** Loads node:sqlite without its own "experimental" warning on Node 22, and without hiding any other warning. */
function sqlite(): typeof import('node:sqlite') {
  const emit = process.emitWarning
  process.emitWarning = () => undefined
  try {
    return process.getBuiltinModule('node:sqlite')
  } finally {
    process.emitWarning = emit
  }
}
