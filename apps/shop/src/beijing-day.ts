/** Beijing days, by which bills are made and the shop counts: `YYYY-MM-DD`. */

export const DAY_PATTERN = '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$'

const DAY_MS = 86_400_000
/** How far Beijing is ahead of UTC, all year. */
export const UTC8_MS = 8 * 60 * 60_000

/** The day that a moment falls on. */
export const dayOf = (at: Date): string => new Date(at.getTime() + UTC8_MS).toISOString().slice(0, 10)

/** Whether it is a day that exists. */
export const isDay = (text: string): boolean =>
  new RegExp(DAY_PATTERN).test(text) && !Number.isNaN(midnight(text).getTime()) && dayOf(midnight(text)) === text

export const midnight = (day: string): Date => new Date(`${day}T00:00:00+08:00`)

export const dayBefore = (day: string): string => dayOf(new Date(midnight(day).getTime() - 1))

export const endOf = (day: string): Date => new Date(midnight(day).getTime() + DAY_MS)

/** The middle of a day: the time of something of which only the day is known. */
export const noonOf = (day: string): Date => new Date(midnight(day).getTime() + DAY_MS / 2)

/** The time of an hour on the following day. */
export const hourAfter = (day: string, hour: number): Date => new Date(endOf(day).getTime() + hour * 3_600_000)

/** How many days ago the day ended. */
export const daysSince = (day: string, now: Date): number => (now.getTime() - endOf(day).getTime()) / DAY_MS
