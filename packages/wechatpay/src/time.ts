/** Times as API v3 writes them: RFC 3339, sent with `+08:00`, read with any offset. */
import { writeTime } from '@xuecheng/client-kit'

/** Fractions of a second are dropped. */
export const writeMoment = (at: Date): string => `${writeTime(at).replace(' ', 'T')}+08:00`

/** Undefined for an invalid time. */
export function readMoment(text: string): Date | undefined {
  const [, day, rest] = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2}))$/.exec(text) ?? []
  if (!day || !rest) return undefined
  const at = new Date(`${day}${rest}`)
  // `Date` turns a day that the month does not have into a day of the next month.
  const exists = new Date(`${day}T00:00:00Z`)
  return Number.isNaN(at.getTime()) || exists.toISOString().slice(0, 10) !== day ? undefined : at
}
