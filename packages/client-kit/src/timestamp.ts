/** Beijing time, as the gateways write it: `yyyy-MM-dd HH:mm:ss` in UTC+8, whatever the process's time zone. */
const UTC8_MS = 8 * 60 * 60 * 1000

/** A time in Beijing time; fractions of a second are dropped. */
export function writeTime(at: Date): string {
  const text = new Date(at.getTime() + UTC8_MS).toISOString()
  return `${text.slice(0, 10)} ${text.slice(11, 19)}`
}

/** Reads `yyyy-MM-dd HH:mm:ss`, with or without milliseconds; undefined for anything else. */
export function readTime(text: string | undefined): Date | undefined {
  const [, day, time] = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?)$/.exec(text ?? '') ?? []
  if (!day || !time) return undefined
  const at = new Date(`${day}T${time}+08:00`)
  return Number.isNaN(at.getTime()) || !writeTime(at).startsWith(day) ? undefined : at
}
