/**
 * Load shedding: decides which requests are admitted, and when. The number of requests in progress is limited, and one
 * turn of the event loop starts no more than it has time for. The rest wait here, where they are counted: notifications
 * go first, then payments, then browsing. Within a priority senders take turns, so that one who sends much delays only
 * itself.
 *
 * While money is in progress, everything else gets a fixed share of this process's time, however much of it
 * waits. What cannot be admitted soon is refused early (`waiting-line.ts`).
 */
import {
  countAdmitted,
  createLine,
  type Line,
  mayWait,
  PRIORITIES,
  type Priority,
  ROOM,
  type Room,
  refuseOld,
  turnAway,
} from './waiting-line.ts'

const MONEY: readonly Priority[] = ['notification', 'payment']
const OTHERS: readonly Priority[] = ['unverified', 'page', 'browsing']

/** How many requests may be in progress at once. */
export interface Slots {
  /** Notifications and payments together. */
  readonly money: number
  /** Pages need only this process, so they take time but no slot. */
  readonly browsing: number
}

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

interface Shedder {
  readonly slots: Slots
  readonly now: () => number
  readonly lines: Readonly<Record<Priority, Line>>
  /** When this turn of the event loop has no more time; undefined before it has started a request. */
  turnEnds: number | undefined
  batchIsOn: boolean
  lettingIn: boolean
  /** Looks for those who have waited too long, as long as somebody waits. */
  looking: NodeJS.Timeout | undefined
}

/** @param now a monotonic clock in milliseconds */
export function createLoadShedder(
  slots: Slots,
  room: Room = ROOM,
  now: () => number = () => performance.now(),
): LoadShedder {
  const lines = {
    notification: createLine('notification', now),
    payment: createLine('payment', now),
    unverified: createLine('unverified', now),
    page: createLine('page', now),
    browsing: createLine('browsing', now),
  }
  const shedder: Shedder = {
    slots,
    now,
    lines,
    turnEnds: undefined,
    batchIsOn: false,
    lettingIn: false,
    looking: undefined,
  }
  return {
    enter(priority, sender, admitted, refused) {
      const line = lines[priority]
      const isMoney = MONEY.includes(priority)
      const isFree = line.queue.length() === 0 && hasSlot(shedder, line) && (isMoney || !moneyIsHere(shedder))
      if (isFree && turnHasTime(shedder)) {
        countAdmitted(line)
        admitted()
        return undefined
      }
      if (!mayWait(line, sender, room)) return turnAway(refused)
      const waiter = { since: now(), admitted, refused }
      line.queue.push(sender, waiter)
      shedder.looking ??= setInterval(look, LOOK_EVERY_MS, shedder).unref()
      if (!isMoney) planBatch(shedder)
      return () => line.queue.remove(sender, waiter)
    },
    leave(priority) {
      lines[priority].inHand -= 1
      lines[priority].leftAt = now()
      resume(shedder)
    },
    comeBack(priority) {
      lines[priority].inHand += 1
    },
    moneyIsHere: () => moneyIsHere(shedder),
    waiting: (priority) => lines[priority].queue.length(),
    inHand: (priority) => lines[priority].inHand,
  }
}

function moneyWaits({ lines: { notification, payment } }: Shedder): boolean {
  return notification.queue.length() + payment.queue.length() > 0
}

function sinceMoneyMoved({ lines: { notification, payment }, now }: Shedder): number {
  return now() - Math.max(notification.leftAt, payment.leftAt, notification.enteredAt, payment.enteredAt)
}

function moneyIsHere(shedder: Shedder): boolean {
  const { notification, payment } = shedder.lines
  const isInHand = moneyWaits(shedder) || notification.inHand + payment.inHand > 0
  return sinceMoneyMoved(shedder) < (isInHand ? STUCK_MS : LINGER_MS)
}

function hasSlot(shedder: Shedder, line: Line): boolean {
  const { slots, lines, now } = shedder
  const { notification, payment, browsing, unverified } = lines
  if (line === notification && line.inHand >= slots.money - KEPT_FOR_PAYMENTS) return false
  if (line === notification || line === payment) return notification.inHand + payment.inHand < slots.money
  if (line === browsing && line.inHand >= slots.browsing) return false
  if (line === unverified && line.inHand >= UNVERIFIED_SLOTS) return false
  const moneyMovesOn = moneyWaits(shedder) && sinceMoneyMoved(shedder) < STUCK_MS
  return !moneyMovesOn || (line.inHand === 0 && now() - line.enteredAt >= CRUMB_MS)
}

function turnHasTime(shedder: Shedder): boolean {
  if (shedder.turnEnds === undefined) {
    shedder.turnEnds = shedder.now() + TURN_MS
    setImmediate(() => {
      shedder.turnEnds = undefined
      resume(shedder)
    })
  }
  return shedder.now() < shedder.turnEnds
}

/** The most urgent line that has a waiter and a free slot. */
function next(shedder: Shedder, priorities: readonly Priority[]): Line | undefined {
  return priorities
    .map((priority) => shedder.lines[priority])
    .find((line) => line.queue.length() > 0 && hasSlot(shedder, line))
}

function resume(shedder: Shedder): void {
  const hasTime = () => turnHasTime(shedder)
  const isMoneyHere = moneyIsHere(shedder)
  letIn(shedder, isMoneyHere ? MONEY : PRIORITIES, hasTime)
  if (isMoneyHere) planBatch(shedder)
}

function letIn(shedder: Shedder, priorities: readonly Priority[], hasTime: () => boolean): void {
  if (shedder.lettingIn) return // an immediate answer calls `leave` within this loop, which then continues
  shedder.lettingIn = true
  // Check the time last: it schedules another turn, and without a free slot the event loop should sleep and not spin.
  for (let first = next(shedder, priorities); first && hasTime(); first = next(shedder, priorities)) {
    countAdmitted(first)
    first.queue.take()?.admitted()
  }
  shedder.lettingIn = false
}

/** Admits some of the others, then pauses for a multiple of the time they took. */
function planBatch(shedder: Shedder): void {
  const { now } = shedder
  if (shedder.batchIsOn || !next(shedder, OTHERS)) return
  shedder.batchIsOn = true
  let began = 0
  setImmediate(() => {
    began = now()
    let left: number = BATCH.most
    letIn(shedder, OTHERS, () => left-- > 0 && now() - began < BATCH.ms)
  })
  // Between the two `setImmediate` calls, Node runs the started requests up to their first wait: that is the time
  // they took.
  setImmediate(() => {
    const rest = Math.max(1, BATCH.rest * (now() - began))
    setTimeout(() => {
      shedder.batchIsOn = false
      resume(shedder)
    }, rest).unref()
  })
}

function look(shedder: Shedder): void {
  const lines = Object.values(shedder.lines)
  for (const line of lines) refuseOld(line)
  resume(shedder)
  if (lines.some(({ queue }) => queue.length() > 0)) return
  clearInterval(shedder.looking)
  shedder.looking = undefined
}
