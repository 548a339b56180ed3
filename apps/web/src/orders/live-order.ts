/**
 * Follows an order's changes while the page is visible: by the event stream that the browser's tabs share, or by
 * polling while the stream is down or tabs cannot share one.
 */
import type { Order } from '../api/client.ts'
import { BEAT_MS, joinStream } from './order-stream.ts'

export type Liveness = 'connecting' | 'live' | 'polling'

export interface LiveOrder {
  readonly orderNo: string
  /** The id of the account that owns the order. */
  readonly who: number
  /** Reads the order once; used while the stream is down. */
  ask(): Promise<Order>
  changed(order: Order): void
  liveness(now: Liveness): void
}

const ENDED: ReadonlySet<Order['status']> = new Set(['paid', 'partially_refunded', 'refunded', 'cancelled', 'expired'])
const UNDECIDED: ReadonlySet<Order['refunds'][number]['status']> = new Set(['requested', 'approved', 'sent'])

/** Whether the order no longer changes by itself: it cannot be paid any more, and no refund of it is in progress. */
export const isSettled = ({ status, refunds }: Pick<Order, 'status' | 'refunds'>): boolean =>
  ENDED.has(status) && !refunds.some((refund) => UNDECIDED.has(refund.status))

const ASK_EVERY_MS = 4000
const STREAM_HAS_MS = 5000
/** The tab with the stream sends a message every beat; without one for this long, polling starts. */
const SILENCE_MS = 3 * BEAT_MS

/** Starts following; stops by itself at a settled state. @returns a function that stops it */
export function followOrder({ orderNo, who, ask, changed, liveness }: LiveOrder): () => void {
  let stopped = false
  let asking: ReturnType<typeof setTimeout> | undefined
  let leave: (() => void) | undefined
  let known = ''

  const take = (order: string) => {
    if (stopped || order === known) return
    known = order
    const now = JSON.parse(order) as Order
    changed(now)
    if (isSettled(now)) stop()
  }

  const askAfter = (ms: number) => {
    clearTimeout(asking)
    if (!stopped) asking = setTimeout(askOnce, ms)
  }
  async function askOnce(): Promise<void> {
    liveness('polling')
    // On failure, the next poll or the stream delivers the order.
    await ask().then(
      (order) => take(JSON.stringify(order)),
      () => {},
    )
    if (leave ?? !document.hidden) askAfter(ASK_EVERY_MS)
  }

  const begin = () => {
    leave = joinStream(who, {
      orderNo,
      news: take,
      carried() {
        liveness('live')
        askAfter(SILENCE_MS)
      },
      lost: () => askAfter(0),
    })
    askAfter(leave ? STREAM_HAS_MS : 0)
  }
  const pause = () => {
    leave?.()
    leave = undefined
    clearTimeout(asking)
  }
  const look = () => {
    pause()
    if (!document.hidden) begin()
  }
  function stop(): void {
    stopped = true
    document.removeEventListener('visibilitychange', look)
    pause()
  }

  liveness('connecting')
  document.addEventListener('visibilitychange', look)
  look()
  return stop
}
