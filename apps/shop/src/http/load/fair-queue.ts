/** A queue in which senders take turns: a sender of many requests delays itself and not everybody else. */

/** A sender's waiting items, the oldest first. */
export interface Lane<Item> {
  readonly items: readonly Item[]
  /** Since when this sender has had something waiting without a gap, in milliseconds. */
  readonly since: number
}

export interface FairQueue<Item> {
  /** The number of waiting items of all senders. */
  length(): number
  lanes(): ReadonlyMap<string, Lane<Item>>
  push(sender: string, item: Item): void
  /** Removes the oldest item of the sender whose turn it is; that sender then moves to the end of the round. */
  take(): Item | undefined
  remove(sender: string, item: Item): void
  /** Removes the newest item of the sender with the most items, if it has at least `least`. */
  dropOfLongest(least: number): Item | undefined
}

/** @param now a monotonic clock in milliseconds */
export function createFairQueue<Item>(now: () => number = () => performance.now()): FairQueue<Item> {
  // The map's insertion order is the order of turns.
  const lanes = new Map<string, { readonly items: Item[]; readonly since: number }>()
  let length = 0
  const removeAt = (sender: string, index: number): Item | undefined => {
    const lane = lanes.get(sender)
    const [item] = lane?.items.splice(index, 1) ?? []
    if (item !== undefined) length -= 1
    if (lane?.items.length === 0) lanes.delete(sender)
    return item
  }
  return {
    length: () => length,
    lanes: () => lanes,
    push(sender, item) {
      const lane = lanes.get(sender) ?? { items: [], since: now() }
      lane.items.push(item)
      lanes.set(sender, lane)
      length += 1
    },
    take() {
      const [first] = lanes
      if (!first) return undefined
      const [sender, lane] = first
      const item = removeAt(sender, 0)
      if (lanes.delete(sender)) lanes.set(sender, lane)
      return item
    },
    remove(sender, item) {
      const index = lanes.get(sender)?.items.indexOf(item) ?? -1
      if (index >= 0) removeAt(sender, index)
    },
    dropOfLongest(least) {
      let longest = { sender: '', count: 0 }
      for (const [sender, { items }] of lanes)
        if (items.length > longest.count) longest = { sender, count: items.length }
      return longest.count > 0 && longest.count >= least ? removeAt(longest.sender, longest.count - 1) : undefined
    },
  }
}
