/** Several statements in one round trip. */
import type { Compilable } from 'kysely'
import type { Transaction } from './connect.ts'

type RowsOf<Statement> = Statement extends Compilable<infer Row> ? Row[] : never
export type RowsOfAll<Statements extends readonly unknown[]> = {
  -readonly [Index in keyof Statements]: RowsOf<Statements[Index]>
}

/**
 * Sends the statements one right behind the other, and waits for all of them. They run in this order, each seeing what the
 * one before did; none may be built from another's result. @throws what the first of them that fails throws
 */
export async function together<const Statements extends readonly Compilable<unknown>[]>(
  tx: Transaction,
  ...statements: Statements
): Promise<RowsOfAll<Statements>> {
  const results = await tx
    .getExecutor()
    .provideConnection((connection) =>
      Promise.all(statements.map((statement) => connection.executeQuery(statement.compile()))),
    )
  return results.map(({ rows }) => rows) as RowsOfAll<Statements>
}
