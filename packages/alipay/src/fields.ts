/** Checks request fields that Alipay would refuse, before anything is signed or sent. */
import { checkedLength, FieldError } from '@xuecheng/client-kit'

export function checkedTradeNo(field: string, number: string): string {
  // Genuine notifications contain hyphens although the documentation forbids them.
  if (/^[A-Za-z0-9_-]{1,64}$/.test(number)) return number
  throw new FieldError(field, 'must be 1 to 64 letters, digits and underscores')
}

export function checkedSubject(subject: string): string {
  if (subject.trim() === '') throw new FieldError('subject', 'must not be empty')
  if (/[/=&]/.test(subject)) throw new FieldError('subject', 'must not contain / = &')
  return checkedLength('subject', subject, 256) ?? ''
}

export function checkedAddress(field: string, address: string | undefined): string | undefined {
  if (address && !/^https?:\/\/[^\s]+$/i.test(address)) throw new FieldError(field, 'must be an http(s) address')
  return checkedLength(field, address, 256)
}

const MIN_MS = 60_000
const MAX_MS = 15 * 86_400_000

export function checkedExpiry(at: Date, now: Date): Date {
  const ahead = at.getTime() - now.getTime()
  if (!(ahead >= MIN_MS && ahead <= MAX_MS))
    throw new FieldError('time_expire', 'must lie between 1 minute and 15 days ahead')
  return at
}

/** Either number; Alipay's own is used when both are given. */
export interface TradeRef {
  /** The merchant's number. */
  readonly outTradeNo?: string | undefined
  /** Alipay's number. */
  readonly tradeNo?: string | undefined
}

/** @throws FieldError when neither number is given */
export function checkedTradeRef({ outTradeNo, tradeNo }: TradeRef): { out_trade_no?: string; trade_no?: string } {
  if (!outTradeNo && !tradeNo) throw new FieldError('out_trade_no', 'either it or trade_no must be given')
  return {
    ...(outTradeNo ? { out_trade_no: checkedTradeNo('out_trade_no', outTradeNo) } : {}),
    ...(tradeNo ? { trade_no: checkedTradeNo('trade_no', tradeNo) } : {}),
  }
}
