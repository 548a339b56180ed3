/** Seeded random numbers: the same seed draws the same plan. (sfc32, seeded through splitmix32.) */

export interface Random {
  /** A whole number from 0 up to, not including, `end`. */
  below(end: number): number
  chance(percent: number): boolean
  pick<Item>(items: readonly [Item, ...Item[]] | readonly Item[]): Item
  /** One of the names, as often as its weight says. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name
  /** An independent generator, so that one user's pace does not change another's draws. */
  fork(): Random
}

export function createRandom(seed: number): Random {
  let state = seed | 0
  const splitmix = () => {
    state = (state + 0x9e3779b9) | 0
    let bits = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97)
    return (bits ^ (bits >>> 15)) >>> 0
  }
  let [a, b, c, counter] = [splitmix(), splitmix(), splitmix(), 1]
  const next = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  const random: Random = {
    below: (end) => next() % end,
    chance: (percent) => next() % 100 < percent,
    pick: (items) => {
      const item = items[next() % items.length]
      if (item === undefined) throw new RangeError('nothing to pick from')
      return item
    },
    weighted(weights) {
      const entries = Object.entries<number>(weights)
      let left = next() % entries.reduce((sum, [, weight]) => sum + weight, 0)
      for (const [name, weight] of entries) {
        if (left < weight) return name as keyof typeof weights
        left -= weight
      }
      throw new RangeError('no weights')
    },
    fork: () => createRandom(next() | 0),
  }
  return random
}
