/** Keeps an order up to date while its page is open. */
import { onScopeDispose, shallowRef, watch } from 'vue'
import type { Order } from '../src/api/client.ts'
import { followOrder, isSettled, type Liveness } from '../src/orders/live-order.ts'
import { readOrder, useOrderNews } from './queries/mine.ts'
import { useSession } from './session.ts'

/** Follows the order until it is settled or the page is left. Changes go into the query cache that all pages read. */
export function useLiveOrder(order: () => Order | undefined) {
  const news = useOrderNews()
  const session = useSession()
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
        orderNo,
        who: session.user?.id ?? 0,
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
