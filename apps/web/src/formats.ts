/** Money, dates and lengths as a reader of the shown language writes them. */
import { type Language, language } from './i18n.ts'

/** The shop keeps its books in China's time; a date on an order means that day. */
const TIME_ZONE = 'Asia/Shanghai'

const makers = {
  money: (at: Language) =>
    new Intl.NumberFormat(at, { style: 'currency', currency: 'CNY', currencyDisplay: 'narrowSymbol' }),
  date: (at: Language) =>
    new Intl.DateTimeFormat(at, { dateStyle: at === 'en' ? 'medium' : 'long', timeZone: TIME_ZONE }),
  moment: (at: Language) =>
    new Intl.DateTimeFormat(at, {
      dateStyle: 'medium',
      timeStyle: 'medium',
      timeZone: TIME_ZONE,
      hourCycle: 'h23',
    }),
  clock: (at: Language) => new Intl.DateTimeFormat(at, { timeStyle: 'medium', timeZone: TIME_ZONE, hourCycle: 'h23' }),
  stamp: () => new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium', timeZone: TIME_ZONE }),
  day: () => new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeZone: TIME_ZONE }),
}

const made = new Map<string, unknown>()

function maker<Name extends keyof typeof makers>(name: Name): ReturnType<(typeof makers)[Name]> {
  const key = `${name} ${language()}`
  const known = made.get(key) as ReturnType<(typeof makers)[Name]> | undefined
  if (known) return known
  const fresh = makers[name](language()) as ReturnType<(typeof makers)[Name]>
  made.set(key, fresh)
  return fresh
}

/** @param yuan a decimal string with two places, as the API writes money; it is formatted digit by digit, no float */
export const money = (yuan: string): string => maker('money').format(yuan as `${number}`)

/** The day of an RFC 3339 moment. */
export const date = (moment: string): string => maker('date').format(new Date(moment))

/** Day and time, to the second, of an RFC 3339 moment. */
export const moment = (at: string): string => maker('moment').format(new Date(at))

/** The time of day, to the second. */
export const clock = (at: Date): string => maker('clock').format(at)

/** `2026-11-23 16:43:21`: day and time as tables show them, of one width in every row and language. */
export const stamp = (at: string): string => maker('stamp').format(new Date(at))

/** `2026-11-23`: the day as it is stamped. */
export const day = (at: string): string => maker('day').format(new Date(at))

/** A length of study: `45 min`, `1 h 20 min`; `45 分钟`, `1 小时 20 分钟`. */
export function length(minutes: number): string {
  const hours = Math.floor(minutes / 60)
  const rest = minutes % 60
  const [h, m] = language() === 'en' ? [' h', ' min'] : [' 小时', ' 分钟']
  return [hours > 0 ? `${hours}${h}` : '', rest > 0 || hours === 0 ? `${rest}${m}` : ''].filter(Boolean).join(' ')
}

/** What is left until a moment, as `29:05`; hours in front where there are any. Never negative. */
export function countdown(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  const two = (value: number) => String(value).padStart(2, '0')
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor(seconds / 60) % 60
  return `${hours > 0 ? `${hours}:` : ''}${two(minutes)}:${two(seconds % 60)}`
}
