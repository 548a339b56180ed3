/**
 * Who comes in, and when. So many requests are in hand at once, and no more are begun in one turn of the event loop than it
 * has time for; the others wait here, where they are seen: notifications are taken first, then payments, then browsing.
 *
 * A queue is kept short by how long it has been there. A burst may wait; but where a queue has not been empty for a while,
 * more comes than can be answered, and waiting would only make every answer late: whoever cannot be let in soon is sent
 * away, the sooner the better.
 */

/** The most urgent first. */
export const URGENCIES = ['notification', 'payment', 'page', 'browsing'] as const
export type Urgency = (typeof URGENCIES)[number]

/** How many requests are in hand at once. */
export interface Places {
  /** Notifications and payments together. */
  readonly money: number
  /** Pages need nothing but this process, and take none: only time. */
  readonly browsing: number
}

/**
 * How long a queue may go on before it counts as standing. A person is answered within a second, the work included, or sent
 * away. A gateway is no person: it waits for five seconds at least, and what is sent away comes again only minutes later.
 */
const BURST_MS: Readonly<Record<Urgency, number>> = {
  notification: 4000,
  payment: 700,
  page: 700,
  browsing: 700,
}
/** How long anybody waits in a queue that stands. */
const STANDING_PATIENCE_MS = 250
/** Of the places for money, so many are never all taken by notifications: anybody can send what looks like one. */
const KEPT_FOR_PAYMENTS = 2
/** While money waits, one page and one other request each this often is let in all the same: nobody is shut out for good. */
const CRUMB_MS = 20
/** Payments of which none ends for so long are stuck: holding browsing back would not help them. */
const STUCK_MS = 250
const LOOK_EVERY_MS = 25
/**
 * What a turn of the event loop has for beginning requests. One turn accepts one new connection, so turns must be short:
 * with all that is there at once begun in the same turn, newcomers would wait at the door for many seconds.
 */
const TURN_MS = 4

interface Waiter {
  readonly since: number
  readonly admitted: () => void
  readonly refused: () => void
  gone: boolean
}

interface Line {
  readonly burst: number
  readonly waiting: Waiter[]
  inHand: number
  enteredAt: number
  emptyAt: number
  leftAt: number
  /** How many were let in lately: in the last quarter of a second that is over, and in this one. */
  lately: number
  counted: number
  countedSince: number
}

export interface Admission {
  /** Calls one of the two back, at once or later. @returns how to give up waiting, for one that has to wait */
  enter(urgency: Urgency, admitted: () => void, refused: () => void): (() => void) | undefined
  /** What was admitted is done. */
  leave(urgency: Urgency): void
  /** What was admitted and went out with `leave` comes back: it is not sent away half done. */
  comeBack(urgency: Urgency): void
  waiting(urgency: Urgency): number
  inHand(urgency: Urgency): number
}

/** @param now milliseconds of a clock that only goes forward */
export function createAdmission(places: Places, now: () => number = () => performance.now()): Admission {
  const line = (urgency: Urgency): Line => ({
    burst: BURST_MS[urgency],
    waiting: [],
    inHand: 0,
    enteredAt: Number.NEGATIVE_INFINITY,
    emptyAt: now(),
    leftAt: now(),
    lately: 0,
    counted: 0,
    countedSince: now(),
  })
  const notifications = line('notification')
  const payments = line('payment')
  const pages = line('page')
  const browsing = line('browsing')
  const lines: Readonly<Record<Urgency, Line>> = {
    notification: notifications,
    payment: payments,
    page: pages,
    browsing,
  }
  let timer: NodeJS.Timeout | undefined
  let turnEnds: number | undefined

  const hasTime = (): boolean => {
    if (turnEnds === undefined) {
      turnEnds = now() + TURN_MS
      setImmediate(() => {
        turnEnds = undefined
        letIn()
      })
    }
    return now() < turnEnds
  }

  const hasRoom = (urgency: Urgency): boolean => {
    const { money } = places
    if (urgency === 'notification' && notifications.inHand >= money - KEPT_FOR_PAYMENTS) return false
    if (urgency === 'notification' || urgency === 'payment') return notifications.inHand + payments.inHand < money
    if (urgency === 'browsing' && browsing.inHand >= places.browsing) return false
    const moneyWaits = notifications.waiting.length + payments.waiting.length > 0
    const moneyMovesOn = moneyWaits && now() - Math.max(notifications.leftAt, payments.leftAt) < STUCK_MS
    return !moneyMovesOn || (lines[urgency].inHand === 0 && now() - lines[urgency].enteredAt >= CRUMB_MS)
  }

  const count = (of: Line) => {
    const at = now()
    of.inHand += 1
    of.enteredAt = at
    if (at - of.countedSince > STANDING_PATIENCE_MS) {
      of.lately = at - of.countedSince > 2 * STANDING_PATIENCE_MS ? 0 : of.counted
      of.counted = 0
      of.countedSince = at
    }
    of.counted += 1
  }

  /** The most urgent line in which somebody waits for whom there is room. */
  const next = (): Line | undefined => {
    const urgency = URGENCIES.find((each) => {
      const { waiting } = lines[each]
      while (waiting[0]?.gone) waiting.shift()
      return waiting.length > 0 && hasRoom(each)
    })
    return urgency && lines[urgency]
  }

  const someWait = () => URGENCIES.some((urgency) => lines[urgency].waiting.length > 0)

  let lettingIn = false
  const letIn = () => {
    if (lettingIn) return // what is answered at once leaves in the middle of this loop, which then goes on
    lettingIn = true
    // Time is asked for last: where there is no room, the loop is to sleep until somebody leaves, not to turn and turn.
    for (let first = next(); first && hasTime(); first = next()) {
      count(first)
      first.waiting.shift()?.admitted()
    }
    lettingIn = false
    emptied()
  }

  const emptied = () => {
    const at = now()
    for (const each of Object.values(lines)) if (each.waiting.length === 0) each.emptyAt = at
  }

  const isStanding = ({ waiting, emptyAt, burst }: Line) => waiting.length > 0 && now() - emptyAt > burst

  const sendAway = () => {
    for (const each of Object.values(lines)) {
      const { waiting } = each
      const patience = isStanding(each) ? STANDING_PATIENCE_MS : each.burst
      for (let first = waiting[0]; first && (first.gone || now() - first.since > patience); first = waiting[0]) {
        waiting.shift()
        if (!first.gone) first.refused()
      }
    }
    emptied()
  }

  const look = () => {
    sendAway()
    letIn()
    if (someWait()) return
    clearInterval(timer)
    timer = undefined
  }

  return {
    enter(urgency, admitted, refused) {
      const of = lines[urgency]
      if (of.waiting.length === 0 && hasRoom(urgency) && hasTime()) {
        count(of)
        admitted()
        return undefined
      }
      if (of.waiting.length === 0) of.emptyAt = now()
      // As many wait already as are let in while anybody has patience.
      if (isStanding(of) && of.waiting.length > Math.max(of.lately, of.counted)) {
        refused()
        return undefined
      }
      const waiter: Waiter = { since: now(), admitted, refused, gone: false }
      of.waiting.push(waiter)
      timer ??= setInterval(look, LOOK_EVERY_MS).unref()
      return () => {
        waiter.gone = true
      }
    },
    leave(urgency) {
      lines[urgency].inHand -= 1
      lines[urgency].leftAt = now()
      letIn()
    },
    comeBack(urgency) {
      lines[urgency].inHand += 1
    },
    waiting: (urgency) => lines[urgency].waiting.filter(({ gone }) => !gone).length,
    inHand: (urgency) => lines[urgency].inHand,
  }
}
