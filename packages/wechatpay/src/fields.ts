/** Checks request fields that WeChat Pay would refuse, before anything is signed or sent. */
import { isIP } from 'node:net'
import { checkedLength, FieldError, isHttpAddress } from '@xuecheng/client-kit'

export function checkedOutTradeNo(number: string): string {
  if (/^[0-9A-Za-z_\-|*]{6,32}$/.test(number)) return number
  throw new FieldError('out_trade_no', 'must be 6 to 32 letters, digits and _ - | *')
}

export function checkedOutRefundNo(number: string): string {
  if (/^[0-9A-Za-z_\-|*@]{1,64}$/.test(number)) return number
  throw new FieldError('out_refund_no', 'must be 1 to 64 letters, digits and _ - | * @')
}

export function checkedTransactionId(id: string): string {
  if (/^[0-9A-Za-z]{1,32}$/.test(id)) return id
  throw new FieldError('transaction_id', 'must be 1 to 32 letters and digits')
}

/** Far beyond any limit of WeChat Pay's; this bound only keeps the number a safe integer. */
const MAX_FEN = 10_000_000_000

/** Whole fen. */
export function checkedFen(field: string, fen: number): number {
  if (Number.isSafeInteger(fen) && fen >= 1 && fen <= MAX_FEN) return fen
  throw new FieldError(field, 'must be a whole number of fen, at least 1')
}

/** Required text with a maximum length. */
export function checkedText(field: string, text: string, max: number): string {
  const checked = checkedLength(field, text.trim() === '' ? '' : text, max)
  if (checked === undefined) throw new FieldError(field, 'must not be empty')
  return checked
}

/** IPv4 or IPv6, without port, brackets or zone. */
export function checkedAddress(field: string, address: string): string {
  if (isIP(address) === 0 || address.includes('%')) throw new FieldError(field, 'must be an IPv4 or IPv6 address')
  return address
}

/** WeChat refuses addresses with a query, and calls only http(s). */
export function checkedNotifyUrl(address: string, max = 255): string {
  if (!isHttpAddress(address) || /[\s?#]/.test(address))
    throw new FieldError('notify_url', 'must be an http(s) address without ? or #')
  return checkedText('notify_url', address, max)
}

const MAX_MS = 7 * 86_400_000

/**
 * WeChat moves a time less than a minute ahead to a minute from now. Such times are allowed, since requesting a link
 * again must repeat the time of the first request.
 */
export function checkedExpiry(at: Date, now: Date): Date {
  const ahead = at.getTime() - now.getTime()
  if (ahead > 0 && ahead <= MAX_MS) return at
  throw new FieldError('time_expire', 'must be in the future, at most 7 days ahead')
}

/** A value that goes between quotation marks in a header. */
export function checkedName(field: string, name: string, shape: RegExp, what: string): string {
  if (shape.test(name)) return name
  throw new FieldError(field, `must be ${what}`)
}

/** Either number; WeChat's own is used when both are given. */
export interface TradeRef {
  /** The merchant's number. */
  readonly outTradeNo?: string | undefined
  /** WeChat's number, which exists once the order is paid. */
  readonly transactionId?: string | undefined
}

/** @throws FieldError when neither number is given */
export function checkedTradeRef({ outTradeNo, transactionId }: TradeRef): {
  transaction_id?: string
  out_trade_no?: string
} {
  if (transactionId) return { transaction_id: checkedTransactionId(transactionId) }
  if (outTradeNo) return { out_trade_no: checkedOutTradeNo(outTradeNo) }
  throw new FieldError('out_trade_no', 'either it or transaction_id must be given')
}
