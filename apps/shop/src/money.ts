/** Money as whole fen, never as a float: text in, integer inside, text out. */

declare const fen: unique symbol

/** An amount in fen (1/100 yuan): a safe integer, never negative here. */
export type Fen = number & { readonly [fen]: true }

/** The form of an amount in requests: up to 999,999,999.99 yuan, at most two decimals. */
export const AMOUNT_PATTERN = '^(0|[1-9][0-9]{0,8})(\\.[0-9]{1,2})?$'
const amountRegex = new RegExp(AMOUNT_PATTERN)

/** A whole number as fen. @throws RangeError when it is not a safe, non-negative integer */
export function toFen(value: number | bigint): Fen {
  const number = Number(value)
  if (!Number.isSafeInteger(number) || number < 0) throw new RangeError('Not an amount in fen')
  return number as Fen
}

/** Reads "39.00", "39.9" or "39" (yuan) as fen; undefined for anything else. */
export function parseYuan(text: string): Fen | undefined {
  if (!amountRegex.test(text)) return undefined
  const [yuan = '0', decimals = ''] = text.split('.')
  return toFen(Number(yuan) * 100 + Number(decimals.padEnd(2, '0')))
}

/** Writes fen as yuan with two places: 3900 → "39.00". */
export function formatYuan(amount: Fen): string {
  const digits = String(amount).padStart(3, '0')
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`
}

/** Adds amounts. @throws RangeError when the sum is not a safe integer */
export function sumFen(amounts: Iterable<Fen>): Fen {
  let total = 0
  for (const amount of amounts) total += amount
  return toFen(total)
}
