/** Beijing time, the only time zone in Alipay's interface. Internally times are milliseconds since 1970. */

const EIGHT_HOURS = 8 * 3_600_000
export const SECOND = 1_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** `yyyy-MM-dd HH:mm:ss` in UTC+8. */
export function beijing(at: number): string {
  return new Date(at + EIGHT_HOURS).toISOString().slice(0, 19).replace('T', ' ')
}

/** `yyyy-MM-dd HH:mm:ss.SSS` in UTC+8, the format of `gmt_refund` in notifications. */
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

/** RFC 3339 with `+08:00`, the format of this sandbox's own JSON. */
export function rfc3339(at: number): string {
  return `${new Date(at + EIGHT_HOURS).toISOString().slice(0, 23)}+08:00`
}

/** Reads `yyyy-MM-dd HH:mm:ss` (UTC+8); undefined for anything else or a day that does not exist. */
export function parseBeijing(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/.test(text)) return undefined
  const at = Date.parse(`${text.replace(' ', 'T')}Z`) - EIGHT_HOURS
  if (Number.isNaN(at) || beijing(at) !== text) return undefined
  return at
}

/** The midnight (UTC+8) at the end of an instant's day. */
export function endOfBeijingDay(at: number): number {
  return Math.floor((at + EIGHT_HOURS) / DAY + 1) * DAY - EIGHT_HOURS
}
