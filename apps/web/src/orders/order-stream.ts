/**
 * One event stream per browser, shared by its tabs: over HTTP/1.1 a browser opens at most six connections to a server,
 * so a seventh page with its own stream would never load. The tab that holds the lock opens the stream for the orders
 * of all tabs, and broadcasts its events. When that tab is closed, hidden or crashes, the browser passes the lock to
 * the next one.
 */
import { newRequestKey } from '../request-key.ts'

export interface Waiting {
  readonly orderNo: string
  /** The order as the server just sent it, as JSON. */
  news(order: string): void
  /** The stream is open and includes this order; repeated every few seconds. */
  carried(): void
  /** The stream is down. */
  lost(): void
}

type Message =
  | { readonly kind: 'want'; readonly tab: string; readonly orderNo: string }
  | { readonly kind: 'leave'; readonly tab: string }
  | { readonly kind: 'news'; readonly orderNo: string; readonly order: string }
  | { readonly kind: 'carried'; readonly orderNos: readonly string[] }
  | { readonly kind: 'lost' }

/** How often each tab repeats its request, and the tab with the stream confirms it. */
export const BEAT_MS = 4000
/** A tab is considered gone after this time without a request. */
const FORGET_MS = 3 * BEAT_MS
/** The server's maximum per stream; tabs beyond it poll. */
const MAX_ORDERS = 16
const REOPEN_AFTER_MS = 10_000
/** Collects tabs that open at the same time, as after a restart of the browser, into one stream. */
const GATHER_MS = 100

const canShare = (): boolean => 'BroadcastChannel' in globalThis && 'locks' in navigator

/**
 * Follows an order together with this browser's other tabs.
 * @param who the owner's account id: tabs of another account have a stream of their own
 * @returns a function that stops it; undefined if the browser cannot share (iOS before 15.4, or a page without https)
 */
export function joinStream(who: number, waiting: Waiting): (() => void) | undefined {
  if (!canShare()) return undefined
  const tab = newRequestKey()
  const name = `xuecheng.orders.${who}`
  const channel = new BroadcastChannel(name)
  const others = new Map<string, { orderNo: string; saidAt: number }>()
  const leaving = new AbortController()
  let stream: ReturnType<typeof openStream> | undefined

  const receive = (message: Message): void => {
    if (message.kind === 'news' && message.orderNo === waiting.orderNo) waiting.news(message.order)
    if (message.kind === 'carried' && message.orderNos.includes(waiting.orderNo)) waiting.carried()
    if (message.kind === 'lost') waiting.lost()
    if (message.kind === 'leave') others.delete(message.tab)
    if (message.kind !== 'want') return
    others.set(message.tab, { orderNo: message.orderNo, saidAt: Date.now() })
    stream?.want(message.orderNo)
  }
  const say = (message: Message): void => {
    channel.postMessage(message)
    receive(message)
  }
  const wanted = (): string[] => {
    for (const [other, { saidAt }] of others) if (Date.now() - saidAt > FORGET_MS) others.delete(other)
    return [...new Set([waiting.orderNo, ...[...others.values()].map(({ orderNo }) => orderNo)])].slice(0, MAX_ORDERS)
  }
  const beat = () => {
    channel.postMessage({ kind: 'want', tab, orderNo: waiting.orderNo } satisfies Message)
    stream?.beat()
  }

  channel.onmessage = ({ data }: MessageEvent<Message>) => receive(data)
  beat()
  const beating = setInterval(beat, BEAT_MS)
  const lead = () =>
    new Promise<void>((done) => {
      stream = openStream(wanted, say)
      leaving.signal.addEventListener('abort', () => done())
    })
  // Rejected when this tab leaves while it waits for the lock.
  navigator.locks.request(name, { signal: leaving.signal }, lead).catch(() => {})

  return () => {
    clearInterval(beating)
    stream?.close()
    channel.postMessage({ kind: 'leave', tab } satisfies Message)
    leaving.abort()
    channel.close()
  }
}

/** The stream itself, in the tab that holds the lock. */
function openStream(wanted: () => string[], say: (message: Message) => void) {
  let source: EventSource | undefined
  let orderNos: string[] = []
  let opening: ReturnType<typeof setTimeout> | undefined
  const latest = new Map<string, string>()

  const openAfter = (ms: number) => {
    clearTimeout(opening)
    opening = setTimeout(open, ms)
  }
  function open(): void {
    source?.close()
    latest.clear()
    orderNos = wanted()
    const opened = new EventSource(`/api/orders/events?orderNos=${orderNos.map(encodeURIComponent).join(',')}`)
    source = opened
    opened.addEventListener('open', beat)
    opened.addEventListener('status', ({ data }: MessageEvent<string>) => {
      const { orderNo } = JSON.parse(data) as { orderNo: string }
      latest.set(orderNo, data)
      say({ kind: 'news', orderNo, order: data })
    })
    opened.addEventListener('error', () => {
      say({ kind: 'lost' })
      // The browser reopens a broken stream by itself, but not one that the server refused.
      if (opened.readyState === EventSource.CLOSED) openAfter(REOPEN_AFTER_MS)
    })
  }
  function beat(): void {
    if (source?.readyState === EventSource.OPEN) say({ kind: 'carried', orderNos })
  }
  openAfter(GATHER_MS)

  return {
    beat,
    /** Adds a tab's order: sends what is known of it, or reopens the stream to include it. */
    want(orderNo: string): void {
      const order = latest.get(orderNo)
      if (order !== undefined) say({ kind: 'news', orderNo, order })
      else if (source && !orderNos.includes(orderNo) && wanted().includes(orderNo)) openAfter(GATHER_MS)
    },
    close(): void {
      clearTimeout(opening)
      source?.close()
    },
  }
}
