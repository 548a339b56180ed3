/** The day or month that a bill covers, in Beijing time. */
import { beijing, DAY, parseBeijing } from './time.ts'

export interface Period {
  /** First instant, milliseconds. */
  readonly from: number
  /** First instant after the period. */
  readonly until: number
  /** `20170628` or `201706`, as in file names. */
  readonly digits: string
}

/** Reads `yyyy-MM-dd` or `yyyy-MM`; undefined for anything else or a day that does not exist. */
export function readPeriod(text: string): Period | undefined {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) {
    const from = parseBeijing(`${text} 00:00:00`)
    return from === undefined ? undefined : { from, until: from + DAY, digits: text.replaceAll('-', '') }
  }
  if (!/^\d{4}-\d{2}$/.test(text)) return undefined
  const from = parseBeijing(`${text}-01 00:00:00`)
  if (from === undefined) return undefined
  const next = beijing(from + 31 * DAY).slice(0, 7)
  return { from, until: parseBeijing(`${next}-01 00:00:00`) ?? from, digits: text.replace('-', '') }
}

/** The period in a file's name; undefined if it is invalid. */
export function periodOfDigits(digits: string): Period | undefined {
  const parts = /^(\d{4})(\d{2})(\d{2})?$/.exec(digits)
  return parts ? readPeriod(parts.slice(1).filter(Boolean).join('-')) : undefined
}
