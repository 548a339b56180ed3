/** Schemas that every subject uses in its API. */
import { Type } from 'typebox'
import { UTC8_MS } from '../beijing-day.ts'
import { NAME_LENGTH, VISIBLE_LINE } from '../text/visible-line.ts'

/** Money in the API: yuan with two decimal places. */
export const MONEY = '^(0|[1-9][0-9]{0,8})\\.[0-9]{2}$'
export const Money = Type.String({
  maxLength: 12,
  pattern: MONEY,
  examples: ['39.00'],
})

/** A time in the API: RFC 3339 with an offset. */
export const Moment = Type.String({ examples: ['2026-11-23T10:00:00.000+08:00'] })

export const Nothing = Type.Null({ description: 'No content' })

/** An object in a request that may have no other fields. */
export const closed = <Fields extends Type.TProperties>(fields: Fields) =>
  Type.Object(fields, { additionalProperties: false })

/** The error answers of a route. */
export const problems = (...statuses: number[]) =>
  Object.fromEntries(statuses.map((status) => [status, Type.Ref('Problem')]))

/** A name that other people see. */
export const DisplayName = Type.String({
  minLength: 1,
  maxLength: NAME_LENGTH,
  pattern: VISIBLE_LINE,
  description: 'One line of visible characters',
})

/** A time as RFC 3339 in the shop's zone, UTC+8, regardless of the server's own zone. */
export function writeMoment(at: Date): string {
  return `${new Date(at.getTime() + UTC8_MS).toISOString().slice(0, -1)}+08:00`
}

export const writeMomentOrNull = (at: Date | null): string | null => (at ? writeMoment(at) : null)

type Camel<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name

/** A row in the API: its columns in camel case, its times written. */
export type View<Row> = {
  [Name in keyof Row & string as Camel<Name>]: Row[Name] extends infer Value
    ? Value extends Date
      ? string
      : Value
    : never
}

/** A row whose columns are fields of the answer as they are. */
export const viewOf = <Row extends object>(row: Row): View<Row> =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      value instanceof Date ? writeMoment(value) : value,
    ]),
  ) as View<Row>

/** A list that is always short, in the same shape as paged lists but with a single page. */
export const WholeList = <Name extends string>(of: Name) =>
  Type.Object({ items: Type.Array(Type.Ref(of)), next: Type.Null() })

export const wholeList = <Item>(items: Item[]) => ({ items, next: null })
