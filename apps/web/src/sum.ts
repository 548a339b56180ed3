/** Adds and parses prices as integer fen, without floats. */

const TYPED = /^(0|[1-9]\d{0,8})(?:\.(\d{1,2}))?$/
const PRICE = /^(0|[1-9]\d*)\.(\d{2})$/

/** @param prices decimal strings with two places. @returns the same. @throws RangeError for anything else */
export function sumOfPrices(prices: readonly string[]): string {
  const fen = prices.reduce((sum, price) => sum + fenOf(price), 0n)
  return `${fen / 100n}.${String(fen % 100n).padStart(2, '0')}`
}

/**
 * Parses an amount as users type it (`39`, `39.5`, ` ¥39.50`). @returns it with two places, or undefined if it is no
 * amount
 */
export function readAmount(typed: string): string | undefined {
  const [, yuan, rest = ''] = TYPED.exec(typed.trim().replace(/^[¥￥]\s*/, '')) ?? []
  return yuan === undefined ? undefined : `${yuan}.${rest.padEnd(2, '0')}`
}

/** Whether a price is higher than another. @throws RangeError for an invalid price */
export const isMore = (price: string, than: string): boolean => fenOf(price) > fenOf(than)

function fenOf(price: string): bigint {
  const [, yuan, rest] = PRICE.exec(price) ?? []
  if (yuan === undefined || rest === undefined) throw new RangeError(`"${price}" is not a price`)
  return BigInt(yuan) * 100n + BigInt(rest)
}
