/**
 * The median of several measurements, and the spread of their middle half as a share; of three measurements, of all.
 */
export function middle(values: readonly number[]): { readonly value: number; readonly noise: number } {
  const sorted = [...values].sort((left, right) => left - right)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  const value = at(0.5)
  return { value, noise: (at(0.75) - at(0.25)) / value }
}
