/** Statements so frequent that building their text each time would cost more than sending them. */
import type { Compilable, CompiledQuery } from 'kysely'

/**
 * Builds a statement on its first use and keeps its text; later calls replace only the values. Values must be objects
 * (lists, dates): they are recognised among the parameters by identity. Conditions and numbers decided while building
 * keep their first value.
 */
export function compiledQuery<Values extends readonly object[], Row>(
  build: (...values: Values) => Compilable<Row>,
): (...values: Values) => CompiledQuery<Row> {
  let kept: { readonly statement: CompiledQuery<Row>; readonly places: readonly number[] } | undefined
  return (...values) => {
    if (!kept) {
      const statement = build(...values).compile()
      kept = { statement, places: statement.parameters.map((parameter) => values.indexOf(parameter as object)) }
    }
    const { statement, places } = kept
    const parameters = statement.parameters.map((parameter, index) => values[places[index] ?? -1] ?? parameter)
    return { ...statement, parameters }
  }
}
