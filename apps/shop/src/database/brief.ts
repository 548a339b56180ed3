/**
 * Transactions of two round trips: what is locked and read leaves with the beginning, the one statement that writes
 * leaves with the end. Nothing is written before the beginning is confirmed, and what fails to be written ends in a rollback.
 */
import { type Compilable, CompiledQuery } from 'kysely'
import { afterCommit } from './after-commit.ts'
import type { Database, Transaction } from './connect.ts'
import { type RowsOfAll, together } from './together.ts'

export interface Brief {
  /** For whatever does not fit into two trips. */
  readonly tx: Transaction
  /** Begins, and reads in the same trip; only reads and locks, each seeing what the one before waited for. */
  begin<const Statements extends readonly Compilable<unknown>[]>(
    ...statements: Statements
  ): Promise<RowsOfAll<Statements>>
  /** Writes and commits in the same trip: one statement, so that it is all or nothing. */
  end<Row>(statement: Compilable<Row>): Promise<Row[]>
}

const statement = (text: string): Compilable<never> => ({ compile: () => CompiledQuery.raw(text) })
const BEGIN = statement('begin')
const COMMIT = statement('commit')
const ROLLBACK = statement('rollback')
/** Fails where a statement before it failed and nobody minded: the commit alone would roll back, and say nothing. */
const UNBROKEN = statement('select 1')

/** Runs the work in a transaction that it begins itself; committed at its end at the latest, rolled back when it throws. */
export function brief<Answer>(db: Database, work: (brief: Brief) => Promise<Answer>): Promise<Answer> {
  return db.connection().execute(async (session) => {
    // One connection, between its begin and its end: a transaction in all but its type.
    const tx = session as Transaction
    let open = false
    try {
      const answer = await work({
        tx,
        async begin(...statements) {
          open = true
          const [, ...rows] = await together(tx, BEGIN, ...statements)
          return rows as RowsOfAll<typeof statements>
        },
        async end(last) {
          const [rows] = await together(tx, last, COMMIT)
          open = false
          await afterCommit(tx, true)
          return rows
        },
      })
      if (open) {
        await together(tx, UNBROKEN, COMMIT)
        await afterCommit(tx, true)
      }
      return answer
    } catch (error) {
      // After a failed statement the commit was a rollback already, and another one does nothing.
      if (open) await together(tx, ROLLBACK).catch(() => {})
      await afterCommit(tx, false)
      throw error
    }
  })
}
