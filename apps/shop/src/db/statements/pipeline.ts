/** Several statements in one round trip. */
import type { Compilable } from 'kysely'
import type { Transaction } from '../types.ts'

type RowsOf<Statement> = Statement extends Compilable<infer Row> ? Row[] : never
export type RowsOfAll<Statements extends readonly unknown[]> = {
  -readonly [Index in keyof Statements]: RowsOf<Statements[Index]>
}

/**
 * Sends the statements back to back and waits for all of them. They run in this order, each seeing the effects of the
 * one before; none may depend on another's result. @throws the error of the first one that fails
 */
export async function pipeline<const Statements extends readonly Compilable<unknown>[]>(
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
