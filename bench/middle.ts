/** The middle of what was measured several times, and how far the middle half of it lies apart, as a share. Of three: all of it. */
export function middle(values: readonly number[]): { readonly value: number; readonly noise: number } {
  const sorted = [...values].sort((left, right) => left - right)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  const value = at(0.5)
  return { value, noise: (at(0.75) - at(0.25)) / value }
}
