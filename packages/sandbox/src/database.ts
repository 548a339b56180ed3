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
  /** Prepares one statement; `Row` describes what its columns hold. */
  prepare<Row extends Record<string, SQLOutputValue> = Record<string, never>>(sql: string): Statement<Row>
  exec(sql: string): void
  /** Runs `work` in one transaction; within another one it joins that. Nothing asynchronous may happen inside. */
  transaction<T>(work: () => T): T
  close(): void
}

/**
 * Opens (or makes) `<folder>/sandbox.sqlite`. WAL with synchronous=NORMAL: a commit is in the operating system's hands
 * when it returns, so it outlives any death of this process; only a power cut may take the last ones.
 */
export function openDatabase(folder: string): Database {
  mkdirSync(folder, { recursive: true })
  const connection = new (sqlite().DatabaseSync)(join(folder, 'sandbox.sqlite'))
  claim(connection, folder)
  migrate(connection)
  return wrap(connection)
}

/** One process per folder: two would each deliver every notification. The lock ends with the process, however it ends. */
function claim(connection: DatabaseSync, folder: string): void {
  try {
    connection.exec(
      'pragma busy_timeout=500; pragma locking_mode=exclusive; pragma journal_mode=wal; begin immediate; commit',
    )
    connection.exec('pragma synchronous=normal; pragma foreign_keys=on')
  } catch {
    connection.close()
    throw new Error(`another sandbox is using ${folder}; stop it or choose another --data folder`)
  }
}

function wrap(connection: DatabaseSync): Database {
  const begin = connection.prepare('begin immediate')
  const commit = connection.prepare('commit')
  const rollback = connection.prepare('rollback')
  let inside = false
  return {
    prepare: <Row extends Record<string, SQLOutputValue>>(sql: string) => typed<Row>(connection, sql),
    exec: (sql) => connection.exec(sql),
    transaction(work) {
      if (inside) return work()
      begin.run()
      inside = true
      try {
        const result = work()
        commit.run()
        return result
      } catch (error) {
        rollback.run()
        throw error
      } finally {
        inside = false
      }
    },
    close: () => connection.close(),
  }
}

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
