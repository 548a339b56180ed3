/** Checks the order of events, by the times in both sides' records. */
import type { Gateway, ShopBooks } from './books.ts'

/** Between the gateway's answer and our commit a buyer may still open a link that was unopened when we queried. */
const SLIP_MS = 5000
/** An order expires this long after its link has ended. */
const MARGIN_MS = 60_000

/**
 * A trade that existed when its order was closed had been closed at the gateway first; a paid one had paid the order.
 */
export function closedFirst(shop: ShopBooks, gateway: Gateway, movedAt: number): string[] {
  const trades = new Map(gateway.trades.map((trade) => [trade.out_trade_no, trade]))
  const orders = new Map(shop.orders.map((order) => [order.id, order]))
  return shop.attempts.flatMap((attempt) => {
    const order = orders.get(attempt.order_id)
    const trade = trades.get(attempt.attempt_no)
    const closed = order?.closed_at?.getTime()
    if (!order || !trade || closed === undefined || closed > movedAt || trade.created_at > closed - SLIP_MS) return []
    const what = `${attempt.attempt_no}: ${order.order_no} was ${order.status} in the shop`
    if (trade.paid_at !== null)
      return trade.paid_at < closed ? [`${what} after it was paid at the gateway`] : [`${what} too early`]
    return trade.closed_at !== null && trade.closed_at <= closed ? [] : [`${what} before it was closed at the gateway`]
  })
}

/** No order expires before its link has ended, with a margin for clocks. */
export function expiredInTime(shop: ShopBooks): string[] {
  const orders = new Map(shop.orders.map((order) => [order.id, order]))
  return shop.history.flatMap(({ order_id, subject, event, at }) => {
    const order = orders.get(order_id)
    if (!order || subject !== 'order' || event !== 'expire') return []
    const late = at.getTime() - order.expires_at.getTime()
    return late >= MARGIN_MS ? [] : [`${order.order_no} expired ${Math.round(late / 1000)} s after its link ended`]
  })
}

/** A completed refund was never recorded as refused. */
export function refusedTooEarly(shop: ShopBooks, gateway: Gateway, movedAt: number): string[] {
  const made = new Map(gateway.refunds.map((refund) => [refund.out_request_no, refund.at]))
  return shop.history.flatMap(({ subject, event, number, at }) => {
    const madeAt = made.get(number ?? '')
    if (subject !== 'refund' || event !== 'refuse' || madeAt === undefined) return []
    const before = madeAt < movedAt && madeAt < at.getTime()
    return before ? [`refund ${number} was recorded as refused after it had been made`] : []
  })
}
