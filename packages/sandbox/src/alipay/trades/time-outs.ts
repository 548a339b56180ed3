/** When unpaid trades close. */
import { DAY, endOfBeijingDay, HOUR, MINUTE } from '../../core/time.ts'
import type { Order } from './trade.ts'

export const LONGEST_TIMEOUT = 15 * DAY

/**
 * When an unpaid trade closes: `time_expire` wins, then `timeout_express` counted from the first request, then 15 days.
 */
export function expiry(order: Order, firstAt: number): number {
  if (order.timeExpire !== undefined) return order.timeExpire
  return order.timeoutExpress === undefined
    ? firstAt + LONGEST_TIMEOUT
    : (timeoutEnd(order.timeoutExpress, firstAt) ?? firstAt + LONGEST_TIMEOUT)
}

/**
 * The time that `timeout_express` means (`90m`, `12h`, `15d`, `1c` until midnight); undefined if invalid or above 15
 * days.
 */
export function timeoutEnd(text: string, from: number): number | undefined {
  if (text === '1c') return endOfBeijingDay(from)
  const match = /^([1-9]\d{0,5})([mhd])$/.exec(text)
  if (!match) return undefined
  const unit = match[2] === 'm' ? MINUTE : match[2] === 'h' ? HOUR : DAY
  const length = Number(match[1]) * unit
  return length > LONGEST_TIMEOUT ? undefined : from + length
}
