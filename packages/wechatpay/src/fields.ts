/** Checks of request fields that WeChat Pay would refuse, made before anything is signed or sent. */
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

/** 1,000,000.00 yuan and more are beyond any limit of WeChat Pay's; this bound only keeps the number a safe one. */
const MOST_FEN = 10_000_000_000

/** Whole fen. */
export function checkedFen(field: string, fen: number): number {
  if (Number.isSafeInteger(fen) && fen >= 1 && fen <= MOST_FEN) return fen
  throw new FieldError(field, 'must be a whole number of fen, at least 1')
}

/** Required text of at most so many characters. */
export function checkedText(field: string, text: string, most: number): string {
  const checked = checkedLength(field, text.trim() === '' ? '' : text, most)
  if (checked === undefined) throw new FieldError(field, 'must not be empty')
  return checked
}

/** WeChat refuses a query of its own, and calls nothing but http(s). */
export function checkedNotifyUrl(address: string, most = 255): string {
  if (!isHttpAddress(address) || /[\s?#]/.test(address))
    throw new FieldError('notify_url', 'must be an http(s) address without ? or #')
  return checkedText('notify_url', address, most)
}

const MOST_MS = 7 * 86_400_000

/**
 * A moment less than a minute ahead is moved by WeChat to a minute from now; it is let through, since a link that is
 * ordered again must name the moment that it was first ordered with.
 */
export function checkedExpiry(at: Date, now: Date): Date {
  const ahead = at.getTime() - now.getTime()
  if (ahead > 0 && ahead <= MOST_MS) return at
  throw new FieldError('time_expire', 'must lie ahead, by at most 7 days')
}

/** What stands in a header between quotation marks. */
export function checkedName(field: string, name: string, shape: RegExp, what: string): string {
  if (shape.test(name)) return name
  throw new FieldError(field, `must be ${what}`)
}

/** One of the two numbers; WeChat's own wins where both are given. */
export interface TradeRef {
  /** The merchant's number. */
  readonly outTradeNo?: string | undefined
  /** WeChat's number, which exists once it is paid. */
  readonly transactionId?: string | undefined
}

/** @throws FieldError when neither number is there */
export function checkedTradeRef({ outTradeNo, transactionId }: TradeRef): {
  transaction_id?: string
  out_trade_no?: string
} {
  if (transactionId) return { transaction_id: checkedTransactionId(transactionId) }
  if (outTradeNo) return { out_trade_no: checkedOutTradeNo(outTradeNo) }
  throw new FieldError('out_trade_no', 'either it or transaction_id must be given')
}
