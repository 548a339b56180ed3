/** Formats money, dates and durations for the current language. */
import { type Language, language } from './i18n.ts'

/** The shop keeps its books in China's time zone, so all dates are shown in it. */
const TIME_ZONE = 'Asia/Shanghai'

/** Individual options, because iOS 14 supports neither `dateStyle` nor `timeStyle`. */
const WORDED = { year: 'numeric', month: 'short', day: 'numeric', timeZone: TIME_ZONE } as const
const DIGITS = { year: 'numeric', month: '2-digit', day: '2-digit', timeZone: TIME_ZONE } as const
const TO_THE_SECOND = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const

const makers = {
  date: (at: Language) => new Intl.DateTimeFormat(at, WORDED),
  moment: (at: Language) => new Intl.DateTimeFormat(at, { ...WORDED, ...TO_THE_SECOND }),
  clock: (at: Language) => new Intl.DateTimeFormat(at, { ...TO_THE_SECOND, timeZone: TIME_ZONE }),
  stamp: () => new Intl.DateTimeFormat('sv-SE', { ...DIGITS, ...TO_THE_SECOND }),
  day: () => new Intl.DateTimeFormat('sv-SE', DIGITS),
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

/** @param yuan a decimal string with two places, as the API writes money; formatted digit by digit, without floats */
export function money(yuan: string): string {
  const [, sign = '', whole = '', rest = ''] = /^(-?)(\d+)(\.\d+)?$/.exec(yuan) ?? []
  return `${sign}¥${whole.replace(/\B(?=(\d{3})+$)/g, ',')}${rest}`
}

/** A disjunction: `支付宝、微信支付或云闪付`; `Alipay, WeChat Pay, or UnionPay`. */
export function oneOf(names: readonly string[]): string {
  const [comma, or] = language() === 'en' ? [', ', names.length > 2 ? ', or ' : ' or '] : ['、', '或']
  return [names.slice(0, -1).join(comma), ...names.slice(-1)].filter(Boolean).join(or)
}

/** The date of an RFC 3339 timestamp. */
export const date = (moment: string): string => maker('date').format(new Date(moment))

/** Date and time, to the second, of an RFC 3339 timestamp. */
export const moment = (at: string): string => maker('moment').format(new Date(at))

/** The time of day, to the second. */
export const clock = (at: Date): string => maker('clock').format(at)

/** `2026-11-23 16:43:21`: date and time for tables, of the same width in every row and language. */
export const stamp = (at: string): string => maker('stamp').format(new Date(at))

/** `2026-11-23`: the date in the same format. */
export const day = (at: string): string => maker('day').format(new Date(at))

/** A study duration: `45 min`, `1 h 20 min`; `45 分钟`, `1 小时 20 分钟`. */
export function length(minutes: number): string {
  const hours = Math.floor(minutes / 60)
  const rest = minutes % 60
  const [h, m] = language() === 'en' ? [' h', ' min'] : [' 小时', ' 分钟']
  return [hours > 0 ? `${hours}${h}` : '', rest > 0 || hours === 0 ? `${rest}${m}` : ''].filter(Boolean).join(' ')
}

/** A waiting time, rounded up: `45 秒`, `15 分钟`, `3 小时`. The server's own texts round the same way. */
export function waiting(seconds: number): string {
  const [count, zh, en] =
    seconds < 60
      ? [Math.ceil(seconds), '秒', 'second']
      : seconds <= 7200
        ? [Math.ceil(seconds / 60), '分钟', 'minute']
        : [Math.ceil(seconds / 3600), '小时', 'hour']
  return language() === 'en' ? `${count} ${en}${count === 1 ? '' : 's'}` : `${count} ${zh}`
}

/** The remaining time as `29:05`, with hours in front if there are any. Never negative. */
export function countdown(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  const two = (value: number) => String(value).padStart(2, '0')
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor(seconds / 60) % 60
  return `${hours > 0 ? `${hours}:` : ''}${two(minutes)}:${two(seconds % 60)}`
}
