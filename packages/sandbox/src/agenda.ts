/**
 * What is due when, on the sandbox's clock: notifications to send and trades to close. Runs what is due as time passes,
 * and when the clock is moved runs everything on the way in the order of its time.
 */
import type { Clock } from './clock.ts'

export interface Entry {
  /** Milliseconds on the sandbox's clock. */
  readonly at: number
  readonly kind: 'deliver' | 'expire' | 'pay' | 'wechat-deliver' | 'wechat-expire' | 'wechat-pay' | 'wechat-refund'
  readonly id: string
}

export interface Agenda {
  add(entry: Entry): void
  start(): void
  /** Moves the clock to an instant ahead; resolves when everything due until then has happened. */
  advanceTo(at: number): Promise<void>
  /** Resolves once nothing is running (what is due later stays). */
  settled(): Promise<void>
  clear(): void
  close(): Promise<void>
}

/** How many entries run at once: enough to keep a shop busy, few enough not to drown it. */
const WIDTH = 64
const LONGEST_TIMER = 60_000

export function createAgenda(clock: Clock, run: (entry: Entry) => Promise<void>): Agenda {
  const heap: { entry: Entry; order: number }[] = []
  const running = new Set<Promise<void>>()
  let order = 0
  let timer: NodeJS.Timeout | undefined
  let started = false
  let advancing: Promise<void> = Promise.resolve()
  let moving = 0

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
      pop(heap)
      launch(next.entry)
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
      while (heap[0]?.entry.at === due && running.size < WIDTH) {
        const next = pop(heap)
        if (next) launch(next.entry)
      }
      await idle()
    }
    if (target > clock.now()) clock.set(target)
  }

  return {
    add(entry) {
      push(heap, { entry, order: order++ })
      if (heap[0]?.entry === entry) wake()
    },
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
    clear() {
      heap.length = 0
      clearTimeout(timer)
    },
    async close() {
      started = false
      heap.length = 0
      clearTimeout(timer)
      await idle()
    },
  }
}

type Item = { entry: Entry; order: number }

function earlier(a: Item, b: Item): boolean {
  return a.entry.at < b.entry.at || (a.entry.at === b.entry.at && a.order < b.order)
}

function push(heap: Item[], item: Item): void {
  let at = heap.length
  heap.push(item)
  while (at > 0) {
    const above = (at - 1) >> 1
    const parent = heap[above]
    if (!parent || !earlier(item, parent)) break
    heap[at] = parent
    at = above
  }
  heap[at] = item
}

function pop(heap: Item[]): Item | undefined {
  const first = heap[0]
  const last = heap.pop()
  if (!first || !last || heap.length === 0) return first
  let at = 0
  for (;;) {
    const left = 2 * at + 1
    const right = left + 1
    const a = heap[left]
    const b = heap[right]
    if (!a) break
    const below = b && earlier(b, a) ? right : left
    const child = below === right && b ? b : a
    if (!earlier(child, last)) break
    heap[at] = child
    at = below
  }
  heap[at] = last
  return first
}
