/** Beijing time, the only time zone Alipay speaks. Instants are milliseconds since 1970 everywhere in between. */

const EIGHT_HOURS = 8 * 3_600_000
export const SECOND = 1_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** `yyyy-MM-dd HH:mm:ss` in UTC+8. */
export function beijing(at: number): string {
  return new Date(at + EIGHT_HOURS).toISOString().slice(0, 19).replace('T', ' ')
}

/** `yyyy-MM-dd HH:mm:ss.SSS` in UTC+8, the form of `gmt_refund` in notifications. */
export function beijingMillis(at: number): string {
  return new Date(at + EIGHT_HOURS).toISOString().slice(0, 23).replace('T', ' ')
}

/** `yyyyMMdd` and `HHmmss` in UTC+8, the parts of trade and notification numbers. */
export function beijingDigits(at: number): { readonly day: string; readonly time: string } {
  const digits = new Date(at + EIGHT_HOURS).toISOString().replace(/\D/g, '')
  return { day: digits.slice(0, 8), time: digits.slice(8, 14) }
}

/** `yyyy-MM-dd` in UTC+8. */
export function beijingDay(at: number): string {
  return beijing(at).slice(0, 10)
}

/** RFC 3339 with `+08:00`, the form of this sandbox's own JSON. */
export function rfc3339(at: number): string {
  return `${new Date(at + EIGHT_HOURS).toISOString().slice(0, 23)}+08:00`
}

/** Reads `yyyy-MM-dd HH:mm:ss` (UTC+8); undefined where the text is not such a time or the day does not exist. */
export function parseBeijing(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/.test(text)) return undefined
  const at = Date.parse(`${text.replace(' ', 'T')}Z`) - EIGHT_HOURS
  if (Number.isNaN(at) || beijing(at) !== text) return undefined
  return at
}

/** Midnight (UTC+8) that ends the day of an instant. */
export function endOfBeijingDay(at: number): number {
  return Math.floor((at + EIGHT_HOURS) / DAY + 1) * DAY - EIGHT_HOURS
}
