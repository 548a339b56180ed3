/**
 * The queue for password hashes of one process. A hash deliberately takes some twenty milliseconds of a processor, so
 * one runs at a time, followed by a pause as long as itself: half of the processor's time is left for everything else,
 * and three quarters while money is in progress. Turns rotate among the kinds of work, and within a kind among its
 * senders, so that a flood of one kind or from one address delays only itself.
 */
import { ShopError } from '../../errors.ts'
import { createFairQueue, type FairQueue } from '../../http/load/fair-queue.ts'
import { moneyIsHere } from '../../http/load/overload.ts'

/** What a password is hashed for. */
export type HashKind = 'login' | 'registration' | 'change' | 'staff' | 'import'

/** The sender of a waiting hash: senders of one kind take turns. */
export interface HashSender {
  readonly kind: HashKind
  /** The address, account or import that requests the hash. */
  readonly from: string
}

/** The maximum number waiting per kind: a class that logs in at once, and at most a few seconds of work. */
const MAX_WAITING = 100
const MAX_REST_MS = 250
/** While there is more urgent work, the pause after a hash is this multiple of its duration. */
const BUSY_REST = 3

interface Waiter {
  readonly start: () => Promise<void>
  readonly refuse: (error: ShopError) => void
}

type Line = FairQueue<Waiter>

export interface HashQueue {
  /**
   * Runs the work when its turn comes.
   * @throws ShopError PASSWORDS_BUSY when too many of its kind wait and no other sender has more of them waiting
   */
  run<Result>(sender: HashSender, work: () => Promise<Result>): Promise<Result>
  /** How many wait, of all kinds. */
  waiting(): number
}

/**
 * @param rest waits; replaceable in tests
 * @param now a monotonic clock in milliseconds
 * @param isBusy whether there is more urgent work
 */
export function createHashQueue(
  rest: (ms: number) => Promise<void> = (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  now: () => number = () => performance.now(),
  isBusy: () => boolean = moneyIsHere,
): HashQueue {
  const lines = new Map<HashKind, Line>()
  let running = false
  let lastMs = 25
  let restedAt = now()

  const waiting = () => [...lines.values()].reduce((sum, line) => sum + line.length(), 0)
  const busy = () =>
    new ShopError('PASSWORDS_BUSY', { retryAfterSeconds: Math.max(1, Math.ceil((waiting() * 2 * lastMs) / 1000)) })

  const work = async () => {
    running = true
    while (lines.size > 0) {
      if (now() < restedAt) await rest(restedAt - now())
      const began = now()
      await takeTurn(lines)?.start()
      lastMs = now() - began
      restedAt = now() + Math.min(lastMs * (isBusy() ? BUSY_REST : 1), MAX_REST_MS)
    }
    running = false
  }

  return {
    waiting,
    run: (sender, task) =>
      new Promise((resolve, reject) => {
        const line = lines.get(sender.kind) ?? createFairQueue<Waiter>(now)
        if (line.length() >= MAX_WAITING) {
          const own = line.lanes().get(sender.from)?.items.length ?? 0
          const other = line.dropOfLongest(own + 2)
          if (!other) return reject(busy())
          other.refuse(busy())
        }
        line.push(sender.from, { start: () => task().then(resolve, reject), refuse: reject })
        lines.set(sender.kind, line)
        if (!running) void work()
      }),
  }
}

/** The first waiter of the kind whose turn it is; the kind then moves to the end of the round. */
function takeTurn(lines: Map<HashKind, Line>): Waiter | undefined {
  const [first] = lines
  if (!first) return undefined
  const [kind, line] = first
  lines.delete(kind)
  const waiter = line.take()
  if (line.length() > 0) lines.set(kind, line)
  return waiter
}
