/** Adds prices as whole fen; a float never touches them. */

const PRICE = /^(0|[1-9]\d*)\.(\d{2})$/

/** @param prices decimal strings with two places. @returns the same. @throws RangeError for anything else */
export function sumOfPrices(prices: readonly string[]): string {
  const fen = prices.reduce((sum, price) => {
    const [, yuan, rest] = PRICE.exec(price) ?? []
    if (yuan === undefined || rest === undefined) throw new RangeError(`"${price}" is not a price`)
    return sum + BigInt(yuan) * 100n + BigInt(rest)
  }, 0n)
  return `${fen / 100n}.${String(fen % 100n).padStart(2, '0')}`
}
