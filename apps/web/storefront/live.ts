/** An order that keeps itself up to date while its page is open. */
import { onScopeDispose, shallowRef, watch } from 'vue'
import type { Order } from '../src/api/client.ts'
import { followOrder, isSettled, type Liveness } from '../src/live-order.ts'
import { readOrder, useOrderNews } from './queries/mine.ts'

/** Follows the order until it is settled or the page is left. What changes goes where every page reads orders. */
export function useLiveOrder(order: () => Order | undefined) {
  const news = useOrderNews()
  const liveness = shallowRef<Liveness>('connecting')
  const lastNews = shallowRef<Date>()
  let stop: (() => void) | undefined

  const following = () => {
    const now = order()
    return now && !isSettled(now) ? now.orderNo : undefined
  }
  watch(
    following,
    (orderNo) => {
      stop?.()
      stop = undefined
      if (orderNo === undefined) return
      stop = followOrder({
        address: `/api/orders/${encodeURIComponent(orderNo)}/events`,
        ask: () => readOrder(orderNo),
        changed(changed) {
          lastNews.value = new Date()
          news(changed)
        },
        liveness(now) {
          liveness.value = now
        },
      })
    },
    { immediate: true },
  )
  onScopeDispose(() => stop?.())
  return { liveness, lastNews }
}
