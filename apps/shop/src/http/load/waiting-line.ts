/**
 * The requests of one priority that wait. Their queue is kept short by age: a burst may wait; but when a sender has had
 * requests waiting for a while, it sends more than can be answered, and waiting would only delay every answer.
 */
import { createFairQueue, type FairQueue, type Lane } from './fair-queue.ts'

/** The most urgent first. Unverified: a notification from a sender whose last one had no valid signature. */
export const PRIORITIES = ['notification', 'payment', 'unverified', 'page', 'browsing'] as const
export type Priority = (typeof PRIORITIES)[number]

/** How many requests of one priority may wait: of one sender, and in total. */
export interface Room {
  readonly sender: number
  readonly all: number
}
export const ROOM: Room = { sender: 400, all: 2000 }

/**
 * How long a queue may last before it counts as persistent (`standing`), and how long a request then waits. A person
 * gets an answer within a second, including the work, or is refused. A gateway waits for at least five seconds, and
 * repeats a refused notification only minutes later.
 */
const PATIENCE_MS: Readonly<Record<Priority, { burst: number; standing: number }>> = {
  notification: { burst: 4000, standing: 4000 },
  payment: { burst: 700, standing: 250 },
  unverified: { burst: 4000, standing: 4000 },
  page: { burst: 700, standing: 250 },
  browsing: { burst: 700, standing: 250 },
}
/** The delay before a request that may not even wait is refused. */
const TURNED_AWAY_MS = 250
/** The window in which admitted requests are counted. */
const COUNTED_MS = 250

export interface Waiter {
  readonly since: number
  readonly admitted: () => void
  readonly refused: () => void
}

export interface Line {
  readonly priority: Priority
  readonly queue: FairQueue<Waiter>
  readonly now: () => number
  inHand: number
  enteredAt: number
  leftAt: number
  /** Requests admitted in the last complete window (a quarter of a second), and in the current one. */
  lately: number
  counted: number
  countedSince: number
}

export function createLine(priority: Priority, now: () => number): Line {
  return {
    priority,
    queue: createFairQueue<Waiter>(now),
    now,
    inHand: 0,
    enteredAt: Number.NEGATIVE_INFINITY,
    leftAt: Number.NEGATIVE_INFINITY,
    lately: 0,
    counted: 0,
    countedSince: now(),
  }
}

export function countAdmitted(line: Line): void {
  const at = line.now()
  line.inHand += 1
  line.enteredAt = at
  if (at - line.countedSince > COUNTED_MS) {
    line.lately = at - line.countedSince > 2 * COUNTED_MS ? 0 : line.counted
    line.counted = 0
    line.countedSince = at
  }
  line.counted += 1
}

/**
 * Whether this sender may queue one more request; when the queue is full, the sender with the most gives up its newest.
 */
export function mayWait(line: Line, sender: string, room: Room): boolean {
  const { queue } = line
  const lane = queue.lanes().get(sender)
  const own = lane?.items.length ?? 0
  if (own >= room.sender) return false
  // This sender already has as many waiting as can be admitted within the time that a request waits.
  const share = Math.max(line.lately, line.counted) / Math.max(1, queue.lanes().size)
  if (lane && isPersistent(line, lane) && own > share) return false
  if (queue.length() < room.all) return true
  const other = queue.dropOfLongest(own + 2)
  if (other) turnAway(other.refused)
  return other !== undefined
}

/** Refuses with a delay: a client that retries at once would otherwise be answered in a tight loop. */
export function turnAway(refused: () => void): () => void {
  const later = setTimeout(refused, TURNED_AWAY_MS).unref()
  return () => clearTimeout(later)
}

/** Refuses those who have waited too long. */
export function refuseOld(line: Line): void {
  const { queue, now } = line
  const { burst, standing } = PATIENCE_MS[line.priority]
  for (const [sender, lane] of [...queue.lanes()]) {
    const patience = isPersistent(line, lane) ? standing : burst
    for (let first = lane.items[0]; first && now() - first.since > patience; first = lane.items[0]) {
      queue.remove(sender, first)
      first.refused()
    }
  }
}

function isPersistent({ priority, now }: Line, { since }: Lane<Waiter>): boolean {
  return now() - since > PATIENCE_MS[priority].burst
}
