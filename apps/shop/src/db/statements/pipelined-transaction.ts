/**
 * Transactions of two round trips: locks and reads are sent with the beginning, and the one statement that writes with
 * the end. Nothing is written before the beginning is confirmed, and a failed write ends in a rollback.
 */
import { type Compilable, CompiledQuery } from 'kysely'
import { collectPublications, publisherOf } from '../pub-sub.ts'
import type { Database, Transaction } from '../types.ts'
import { pipeline, type RowsOfAll } from './pipeline.ts'

export interface PipelinedTransaction {
  /** For statements that do not fit into the two trips. */
  readonly tx: Transaction
  /** Begins and reads in one trip; only reads and locks, each seeing the effects of what the one before waited for. */
  begin<const Statements extends readonly Compilable<unknown>[]>(
    ...statements: Statements
  ): Promise<RowsOfAll<Statements>>
  /** Writes and commits in one trip: a single statement, so that it is all or nothing. */
  end<Row>(statement: Compilable<Row>): Promise<Row[]>
}

const statement = (text: string): Compilable<never> => ({ compile: () => CompiledQuery.raw(text) })
const BEGIN = statement('begin')
const COMMIT = statement('commit')
const ROLLBACK = statement('rollback')
/** Fails when an earlier failure was ignored: a commit alone would roll back without an error. */
const UNBROKEN = statement('select 1')

/** Runs the work in a transaction: committed at its end at the latest, rolled back when it throws. */
export function pipelinedTransaction<Answer>(
  db: Database,
  work: (transaction: PipelinedTransaction) => Promise<Answer>,
): Promise<Answer> {
  return db.connection().execute(async (session) => {
    // One connection between begin and end: a transaction in all but its type.
    const tx = session as Transaction
    const publications = collectPublications(tx)
    const publish = () => publisherOf(db).publish(publications.splice(0))
    let open = false
    try {
      const answer = await work({
        tx,
        async begin(...statements) {
          open = true
          const [, ...rows] = await pipeline(tx, BEGIN, ...statements)
          return rows as RowsOfAll<typeof statements>
        },
        async end(last) {
          const [rows] = await pipeline(tx, last, COMMIT)
          open = false
          publish()
          return rows
        },
      })
      if (open) await pipeline(tx, UNBROKEN, COMMIT)
      publish()
      return answer
    } catch (error) {
      // After a failed statement the commit was already a rollback, and another rollback has no effect.
      if (open) await pipeline(tx, ROLLBACK).catch(() => {})
      throw error
    }
  })
}
