/** Shapes that every subject uses on the wire. */
import { Type } from 'typebox'

/** Money on the wire: yuan with two places. */
export const Money = Type.String({ pattern: '^(0|[1-9][0-9]{0,8})\\.[0-9]{2}$', examples: ['39.00'] })

/** A moment on the wire: RFC 3339 with an offset. */
export const Moment = Type.String({ examples: ['2026-11-23T10:00:00.000+08:00'] })

export const Nothing = Type.Null({ description: 'No content' })

/** The answers a route may give besides its own. */
export const problems = (...statuses: number[]) =>
  Object.fromEntries(statuses.map((status) => [status, Type.Ref('Problem')]))

const UTC8_MS = 8 * 60 * 60 * 1000

/** A moment as RFC 3339 in the shop's own zone, UTC+8, wherever the server stands. */
export function writeMoment(at: Date): string {
  return `${new Date(at.getTime() + UTC8_MS).toISOString().slice(0, -1)}+08:00`
}

export const writeMomentOrNull = (at: Date | null): string | null => (at ? writeMoment(at) : null)

/** A list that is short by nature, in the shape of those that come in pages: nothing is after it. */
export const WholeList = <Name extends string>(of: Name) =>
  Type.Object({ items: Type.Array(Type.Ref(of)), next: Type.Null() })

export const wholeList = <Item>(items: Item[]) => ({ items, next: null })
