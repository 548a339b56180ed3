/** Amounts: whole fen in programs, yuan with two decimals on the wire. No floating point in between. */
import { FieldError } from './errors.ts'

/** 100,000,000.00 yuan: the maximum at Alipay, and above WeChat Pay's. */
const MAX_FEN = 10_000_000_000

/** Whole fen as yuan with two decimals. @throws FieldError outside the range */
export function writeAmount(fen: number, field = 'total_amount'): string {
  if (!Number.isSafeInteger(fen) || fen < 1 || fen > MAX_FEN) {
    throw new FieldError(field, 'must be a whole number of fen from 1 to 10,000,000,000 (0.01 to 100,000,000.00 yuan)')
  }
  const digits = String(fen).padStart(3, '0')
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`
}

/** Yuan with at most two decimals as whole fen; undefined for anything else, including negative amounts. */
export function readAmount(text: string | undefined): number | undefined {
  const [, yuan, decimals = ''] = /^(\d{1,13})(?:\.(\d{1,2}))?$/.exec(text ?? '') ?? []
  return yuan === undefined ? undefined : Number(yuan) * 100 + Number(decimals.padEnd(2, '0'))
}

/** Like `readAmount`, but also negative: refunds and fees in bills have a minus sign. */
export function readSignedAmount(text: string | undefined): number | undefined {
  const negative = text?.startsWith('-') ?? false
  const fen = readAmount(negative ? text?.slice(1) : text)
  return negative && fen !== undefined && fen !== 0 ? -fen : fen
}
