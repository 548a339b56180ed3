/** Statements that are asked so often that building their text each time would cost more than sending it. */
import type { Compilable, CompiledQuery } from 'kysely'

/**
 * A statement of which only the values differ from one time to the next: built when it is first asked, from then on its
 * text is kept. For values that are objects (lists, dates), by which they are found among the statement's parameters; what
 * is decided while building, a condition or a number written into it, would stay as it was the first time.
 */
export function builtOnce<Values extends readonly object[], Row>(
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
