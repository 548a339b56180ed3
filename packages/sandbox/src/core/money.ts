/** Money as integer fen. Decimal text exists only at the boundaries: Alipay's fields and this sandbox's JSON. */

declare const fen: unique symbol
/** An amount in fen (1/100 yuan), always a safe integer. */
export type Fen = number & { readonly [fen]: true }

export const ZERO = 0 as Fen

/** Converts an integer to fen. Throws RangeError if it is not an exact integer. */
export function toFen(value: number | bigint): Fen {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new RangeError('an amount in fen must be a safe integer')
  return number as Fen
}

/** Reads yuan with at most two decimals ("88.8", "0.01", "39"); undefined for anything else. */
export function parseYuan(text: string): Fen | undefined {
  const match = /^(\d{1,12})(?:\.(\d{1,2}))?$/.exec(text)
  if (!match) return undefined
  const [, yuan = '0', cents = ''] = match
  return toFen(BigInt(yuan) * 100n + BigInt(cents.padEnd(2, '0')))
}

/** Writes fen as yuan with exactly two decimals; negative amounts start with a minus sign ("-0.05"). */
export function yuan(amount: Fen): string {
  const digits = String(Math.abs(amount)).padStart(3, '0')
  return `${amount < 0 ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`
}

export function add(a: Fen, b: Fen): Fen {
  return toFen(a + b)
}

export function subtract(a: Fen, b: Fen): Fen {
  return toFen(a - b)
}
