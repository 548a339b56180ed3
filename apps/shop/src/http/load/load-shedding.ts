/**
 * Load shedding: decides which requests are admitted, and when. The number of requests in progress is limited, and one
 * turn of the event loop starts no more than it has time for. The rest wait here, where they are counted: notifications
 * go first, then payments, then browsing. Within a priority senders take turns, so that one who sends much delays only
 * itself.
 *
 * While money is in progress, everything else gets a fixed share of this process's time, however much of it waits.
 *
 * Queues are kept short by age. A burst may wait; but when a sender has had requests waiting for a while, it sends more
 * than can be answered, and waiting would only delay every answer. What cannot be admitted soon is refused early.
 */
import { createFairQueue, type FairQueue, type Lane } from './fair-queue.ts'

/** The most urgent first. Unverified: a notification from a sender whose last one had no valid signature. */
export const PRIORITIES = ['notification', 'payment', 'unverified', 'page', 'browsing'] as const
export type Priority = (typeof PRIORITIES)[number]
const MONEY: readonly Priority[] = ['notification', 'payment']
const OTHERS: readonly Priority[] = ['unverified', 'page', 'browsing']

/** How many requests may be in progress at once. */
export interface Slots {
  /** Notifications and payments together. */
  readonly money: number
  /** Pages need only this process, so they take time but no slot. */
  readonly browsing: number
}

/** How many requests of one priority may wait: of one sender, and in total. */
export interface Room {
  readonly sender: number
  readonly all: number
}
const ROOM: Room = { sender: 400, all: 2000 }

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
/** Slots for money that notifications never take, since anybody can send a request that looks like one. */
const KEPT_FOR_PAYMENTS = 2
/** How many unverified notifications may be in progress at once. */
const UNVERIFIED_SLOTS = 2
/** While money waits, one request of each other priority is still admitted this often, so that none is starved. */
const CRUMB_MS = 20
/** Payments of which none ends for this long are stuck; delaying other requests would not help them. */
const STUCK_MS = 250
const LOOK_EVERY_MS = 25
/**
 * The time that a turn of the event loop may spend on starting requests. One turn accepts one new connection, so turns
 * must be short: if one turn started everything that waits, new connections would wait many seconds to be accepted.
 */
const TURN_MS = 4
/**
 * While money is in progress, at most this many others start at once, for at most `ms`; then `rest` times that is a
 * pause.
 */
const BATCH = { most: 8, ms: 1, rest: 5 } as const
/**
 * Money seen this recently counts as in progress: the buyer's next request or the gateway's next notification follows.
 */
const LINGER_MS = 50

interface Waiter {
  readonly since: number
  readonly admitted: () => void
  readonly refused: () => void
}

interface Line {
  readonly priority: Priority
  readonly queue: FairQueue<Waiter>
  inHand: number
  enteredAt: number
  leftAt: number
  /** Admitted requests in the last complete window (a quarter of a second), and in the current one. */
  lately: number
  counted: number
  countedSince: number
}

export interface LoadShedder {
  /** Calls one of the two, at once or later. @returns a function that gives up waiting, if the request has to wait */
  enter(priority: Priority, sender: string, admitted: () => void, refused: () => void): (() => void) | undefined
  /** An admitted request is done. */
  leave(priority: Priority): void
  /** An admitted request that released its slot with `leave` takes it back: it is not refused half done. */
  comeBack(priority: Priority): void
  /** Whether orders or notifications are in progress in this process. */
  moneyIsHere(): boolean
  waiting(priority: Priority): number
  inHand(priority: Priority): number
}

/** @param now a monotonic clock in milliseconds */
export function createLoadShedder(
  slots: Slots,
  room: Room = ROOM,
  now: () => number = () => performance.now(),
): LoadShedder {
  const line = (priority: Priority): Line => ({
    priority,
    queue: createFairQueue<Waiter>(now),
    inHand: 0,
    enteredAt: Number.NEGATIVE_INFINITY,
    leftAt: Number.NEGATIVE_INFINITY,
    lately: 0,
    counted: 0,
    countedSince: now(),
  })
  const notifications = line('notification')
  const payments = line('payment')
  const unverified = line('unverified')
  const pages = line('page')
  const browsing = line('browsing')
  const lines: Readonly<Record<Priority, Line>> = {
    notification: notifications,
    payment: payments,
    unverified,
    page: pages,
    browsing,
  }
  let timer: NodeJS.Timeout | undefined
  let turnEnds: number | undefined
  let batchIsOn = false

  const turnHasTime = (): boolean => {
    if (turnEnds === undefined) {
      turnEnds = now() + TURN_MS
      setImmediate(() => {
        turnEnds = undefined
        resume()
      })
    }
    return now() < turnEnds
  }

  const moneyWaits = () => notifications.queue.length() + payments.queue.length() > 0
  const moneyMoved = () => Math.max(notifications.leftAt, payments.leftAt, notifications.enteredAt, payments.enteredAt)
  const moneyIsHere = () => {
    const isInHand = moneyWaits() || notifications.inHand + payments.inHand > 0
    return now() - moneyMoved() < (isInHand ? STUCK_MS : LINGER_MS)
  }

  const hasRoom = (of: Line): boolean => {
    const { money } = slots
    if (of === notifications && notifications.inHand >= money - KEPT_FOR_PAYMENTS) return false
    if (of === notifications || of === payments) return notifications.inHand + payments.inHand < money
    if (of === browsing && browsing.inHand >= slots.browsing) return false
    if (of === unverified && unverified.inHand >= UNVERIFIED_SLOTS) return false
    const moneyMovesOn = moneyWaits() && now() - moneyMoved() < STUCK_MS
    return !moneyMovesOn || (of.inHand === 0 && now() - of.enteredAt >= CRUMB_MS)
  }

  const count = (of: Line) => {
    const at = now()
    of.inHand += 1
    of.enteredAt = at
    if (at - of.countedSince > COUNTED_MS) {
      of.lately = at - of.countedSince > 2 * COUNTED_MS ? 0 : of.counted
      of.counted = 0
      of.countedSince = at
    }
    of.counted += 1
  }

  /** The most urgent line that has a waiter and a free slot. */
  const next = (priorities: readonly Priority[]): Line | undefined =>
    priorities.map((priority) => lines[priority]).find((of) => of.queue.length() > 0 && hasRoom(of))

  let lettingIn = false
  const letIn = (priorities: readonly Priority[], hasTime: () => boolean) => {
    if (lettingIn) return // an immediate answer calls `leave` within this loop, which then continues
    lettingIn = true
    // Check the time last: it schedules another turn, and without a free slot the event loop should sleep and not spin.
    for (let first = next(priorities); first && hasTime(); first = next(priorities)) {
      count(first)
      first.queue.take()?.admitted()
    }
    lettingIn = false
  }

  const resume = () => {
    if (!moneyIsHere()) return letIn(PRIORITIES, turnHasTime)
    letIn(MONEY, turnHasTime)
    planBatch()
  }

  /** Admits some of the others, then pauses for a multiple of the time they took. */
  const planBatch = () => {
    if (batchIsOn || !next(OTHERS)) return
    batchIsOn = true
    let began = 0
    setImmediate(() => {
      began = now()
      let left: number = BATCH.most
      letIn(OTHERS, () => left-- > 0 && now() - began < BATCH.ms)
    })
    // Between the two `setImmediate` calls, Node runs the started requests up to their first wait: that is the time
    // they took.
    setImmediate(() => {
      const rest = Math.max(1, BATCH.rest * (now() - began))
      setTimeout(() => {
        batchIsOn = false
        resume()
      }, rest).unref()
    })
  }

  const isPersistent = ({ priority }: Line, { since }: Lane<Waiter>) => now() - since > PATIENCE_MS[priority].burst

  const sendAway = (of: Line) => {
    for (const [sender, lane] of [...of.queue.lanes()]) {
      const { burst, standing } = PATIENCE_MS[of.priority]
      const patience = isPersistent(of, lane) ? standing : burst
      for (let first = lane.items[0]; first && now() - first.since > patience; first = lane.items[0]) {
        of.queue.remove(sender, first)
        first.refused()
      }
    }
  }

  const look = () => {
    for (const of of Object.values(lines)) sendAway(of)
    resume()
    if (PRIORITIES.some((priority) => lines[priority].queue.length() > 0)) return
    clearInterval(timer)
    timer = undefined
  }

  /**
   * Whether this sender may queue one more request; when the queue is full, the sender with the most gives up its
   * newest.
   */
  const mayWait = (of: Line, sender: string): boolean => {
    const lane = of.queue.lanes().get(sender)
    const own = lane?.items.length ?? 0
    if (own >= room.sender) return false
    // This sender already has as many waiting as can be admitted within the time that a request waits.
    const share = Math.max(of.lately, of.counted) / Math.max(1, of.queue.lanes().size)
    if (lane && isPersistent(of, lane) && own > share) return false
    if (of.queue.length() < room.all) return true
    const other = of.queue.dropOfLongest(own + 2)
    if (other) turnAway(other.refused)
    return other !== undefined
  }

  /** Refuses with a delay: a client that retries at once would otherwise be answered in a tight loop. */
  const turnAway = (refused: () => void) => {
    const later = setTimeout(refused, TURNED_AWAY_MS).unref()
    return () => clearTimeout(later)
  }

  return {
    enter(priority, sender, admitted, refused) {
      const of = lines[priority]
      const isMoney = MONEY.includes(priority)
      if (of.queue.length() === 0 && hasRoom(of) && (isMoney || !moneyIsHere()) && turnHasTime()) {
        count(of)
        admitted()
        return undefined
      }
      if (!mayWait(of, sender)) return turnAway(refused)
      const waiter: Waiter = { since: now(), admitted, refused }
      of.queue.push(sender, waiter)
      timer ??= setInterval(look, LOOK_EVERY_MS).unref()
      if (!isMoney) planBatch()
      return () => of.queue.remove(sender, waiter)
    },
    leave(priority) {
      lines[priority].inHand -= 1
      lines[priority].leftAt = now()
      resume()
    },
    comeBack(priority) {
      lines[priority].inHand += 1
    },
    moneyIsHere,
    waiting: (priority) => lines[priority].queue.length(),
    inHand: (priority) => lines[priority].inHand,
  }
}
