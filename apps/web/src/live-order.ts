/**
 * Follows an order as it changes: the server's event stream where it holds, a question every few seconds where it does
 * not, and the stream tried again in between.
 */
import type { Order } from './api/client.ts'

export type Liveness = 'connecting' | 'live' | 'polling'

export interface LiveOrder {
  /** Where the events of the order come from. */
  readonly address: string
  /** Asks once; used while the stream is down. */
  ask(): Promise<Order>
  changed(order: Order): void
  liveness(now: Liveness): void
}

const ENDED: ReadonlySet<Order['status']> = new Set(['paid', 'partially_refunded', 'refunded', 'cancelled', 'expired'])
const UNDECIDED: ReadonlySet<Order['refunds'][number]['status']> = new Set(['requested', 'approved', 'sent'])

/** Whether nothing changes it any more by itself: it is no longer to be paid, and no refund of it is on its way. */
export const isSettled = ({ status, refunds }: Pick<Order, 'status' | 'refunds'>): boolean =>
  ENDED.has(status) && !refunds.some((refund) => UNDECIDED.has(refund.status))

const ASK_EVERY_MS = 4000
const REOPEN_AFTER_MS = 10_000
const STREAM_HAS_MS = 5000

/** Starts following; ends by itself at a settled state. @returns how to stop */
export function followOrder({ address, ask, changed, liveness }: LiveOrder): () => void {
  let stopped = false
  let source: EventSource | undefined
  let asking: ReturnType<typeof setTimeout> | undefined
  let reopening: ReturnType<typeof setTimeout> | undefined

  const stop = () => {
    stopped = true
    source?.close()
    clearTimeout(asking)
    clearTimeout(reopening)
  }

  const take = (order: Order) => {
    if (stopped) return
    changed(order)
    if (isSettled(order)) stop()
  }

  const keepAsking = (after: number) => {
    clearTimeout(asking)
    asking = setTimeout(async () => {
      if (stopped || source?.readyState === EventSource.OPEN) return
      liveness('polling')
      await ask().then(take, () => {
        // No answer now: the next question, or the stream, will bring it.
      })
      if (!stopped) keepAsking(ASK_EVERY_MS)
    }, after)
  }

  const open = () => {
    if (stopped) return
    source?.close()
    source = new EventSource(address)
    source.addEventListener('open', () => {
      clearTimeout(asking)
      liveness('live')
    })
    source.addEventListener('status', (event) => take(JSON.parse(event.data) as Order))
    source.addEventListener('error', () => {
      if (stopped) return
      keepAsking(0)
      // The browser reopens a broken stream by itself, but gives up for good on one that was refused.
      if (source?.readyState !== EventSource.CLOSED) return
      clearTimeout(reopening)
      reopening = setTimeout(open, REOPEN_AFTER_MS)
    })
  }

  liveness('connecting')
  open()
  keepAsking(STREAM_HAS_MS)
  return stop
}
