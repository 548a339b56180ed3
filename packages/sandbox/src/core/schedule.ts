/** The entries of the agenda, in order of time: a heap, and an index by kind and id. */

export interface Entry {
  /** Milliseconds on the sandbox's clock. */
  readonly at: number
  readonly kind: 'deliver' | 'expire' | 'pay' | 'wechat-deliver' | 'wechat-expire' | 'wechat-pay' | 'wechat-refund'
  readonly id: string
}

export interface Schedule {
  /** Replaces an existing entry of the same kind and id. */
  add(entry: Entry): void
  remove(kind: Entry['kind'], id: string): void
  first(): Entry | undefined
  size(): number
  clear(): void
}

export function createSchedule(): Schedule {
  const heap: Item[] = []
  const known = new Map<string, Item>()
  let order = 0

  function remove(kind: Entry['kind'], id: string): void {
    const item = known.get(nameOf(kind, id))
    if (!item) return
    take(heap, item)
    known.delete(nameOf(kind, id))
  }

  return {
    add(entry) {
      remove(entry.kind, entry.id)
      const item = { entry, order: order++, place: heap.length }
      known.set(nameOf(entry.kind, entry.id), item)
      push(heap, item)
    },
    remove,
    first: () => heap[0]?.entry,
    size: () => heap.length,
    clear() {
      heap.length = 0
      known.clear()
    },
  }
}

/** `place` is its index in the heap. */
interface Item {
  readonly entry: Entry
  readonly order: number
  place: number
}

const nameOf = (kind: Entry['kind'], id: string): string => `${kind} ${id}`

function earlier(a: Item, b: Item): boolean {
  return a.entry.at < b.entry.at || (a.entry.at === b.entry.at && a.order < b.order)
}

function push(heap: Item[], item: Item): void {
  heap.push(item)
  rise(heap, item, heap.length - 1)
}

/** Moves the last item into the gap, then up or down. */
function take(heap: Item[], item: Item): void {
  const last = heap.pop()
  if (!last || last === item) return
  rise(heap, last, item.place)
  sink(heap, last, last.place)
}

function rise(heap: Item[], item: Item, from: number): void {
  let at = from
  while (at > 0) {
    const above = (at - 1) >> 1
    const parent = heap[above]
    if (!parent || !earlier(item, parent)) break
    put(heap, parent, at)
    at = above
  }
  put(heap, item, at)
}

function sink(heap: Item[], item: Item, from: number): void {
  let at = from
  for (;;) {
    const left = 2 * at + 1
    const a = heap[left]
    const b = heap[left + 1]
    if (!a) break
    const child = b && earlier(b, a) ? b : a
    if (!earlier(child, item)) break
    const below = child.place
    put(heap, child, at)
    at = below
  }
  put(heap, item, at)
}

function put(heap: Item[], item: Item, at: number): void {
  heap[at] = item
  item.place = at
}
