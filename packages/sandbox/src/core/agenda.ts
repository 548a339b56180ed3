/**
 * The schedule on the sandbox's clock: notifications to send and trades to close. Runs entries as time passes; when the
 * clock is moved, runs everything due in between, in order of time.
 */
import type { Clock } from './clock.ts'

export interface Entry {
  /** Milliseconds on the sandbox's clock. */
  readonly at: number
  readonly kind: 'deliver' | 'expire' | 'pay' | 'wechat-deliver' | 'wechat-expire' | 'wechat-pay' | 'wechat-refund'
  readonly id: string
}

export interface Agenda {
  /** Replaces an existing entry of the same kind and id. */
  add(entry: Entry): void
  /** Removes an entry that is no longer needed: a paid trade has no time-out. */
  forget(kind: Entry['kind'], id: string): void
  /** The number of pending entries. */
  size(): number
  start(): void
  /** Moves the clock forward; resolves when everything due until then has run. */
  advanceTo(at: number): Promise<void>
  /** Resolves once nothing is running (later entries stay). */
  settled(): Promise<void>
  clear(): void
  close(): Promise<void>
}

/** How many entries run at once: enough to keep a shop busy, few enough not to overload it. */
const WIDTH = 64
const LONGEST_TIMER = 60_000

export function createAgenda(clock: Clock, run: (entry: Entry) => Promise<void>): Agenda {
  const heap: Item[] = []
  const known = new Map<string, Item>()
  const running = new Set<Promise<void>>()
  let order = 0
  let timer: NodeJS.Timeout | undefined
  let started = false
  let advancing: Promise<void> = Promise.resolve()
  let moving = 0

  function take(item: Item): Entry {
    remove(heap, item)
    known.delete(nameOf(item.entry.kind, item.entry.id))
    return item.entry
  }

  function forget(kind: Entry['kind'], id: string): void {
    const item = known.get(nameOf(kind, id))
    if (item) take(item)
  }

  function empty(): void {
    heap.length = 0
    known.clear()
    clearTimeout(timer)
  }

  function wake(): void {
    if (!started || moving > 0) return
    clearTimeout(timer)
    const now = clock.now()
    while (running.size < WIDTH) {
      const next = heap[0]
      if (!next) return
      if (next.entry.at > now) {
        timer = setTimeout(wake, Math.min(next.entry.at - now, LONGEST_TIMER))
        return
      }
      launch(take(next))
    }
  }

  function launch(entry: Entry): void {
    const work = run(entry).catch((error: unknown) => {
      process.stderr.write(
        `sandbox: ${entry.kind} ${entry.id} failed: ${error instanceof Error ? error.message : error}\n`,
      )
    })
    const done = work.then(() => {
      running.delete(done)
      wake()
    })
    running.add(done)
  }

  async function idle(): Promise<void> {
    while (running.size > 0) await Promise.all(running)
  }

  async function move(target: number): Promise<void> {
    await idle()
    for (;;) {
      const due = heap[0]?.entry.at
      if (due === undefined || due > Math.max(target, clock.now())) break
      if (due > clock.now()) clock.set(due)
      for (let next = heap[0]; next?.entry.at === due && running.size < WIDTH; next = heap[0]) launch(take(next))
      await idle()
    }
    if (target > clock.now()) clock.set(target)
  }

  return {
    add(entry) {
      forget(entry.kind, entry.id)
      const item = { entry, order: order++, place: heap.length }
      known.set(nameOf(entry.kind, entry.id), item)
      push(heap, item)
      if (heap[0] === item) wake()
    },
    forget,
    size: () => heap.length,
    start() {
      started = true
      wake()
    },
    advanceTo(at) {
      moving++
      advancing = advancing
        .then(() => move(at))
        .finally(() => {
          moving--
          wake()
        })
      return advancing
    },
    settled: idle,
    clear: empty,
    async close() {
      started = false
      empty()
      await idle()
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
function remove(heap: Item[], item: Item): void {
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
