/**
 * Orders courses and opens the cashier; pressing again, or retrying after a lost response, never creates a second
 * order.
 */
import { useQueryCache } from '@pinia/colada'
import { onBeforeUnmount, onMounted, ref, shallowRef } from 'vue'
import { useRouter } from 'vue-router'
import { type ApiProblem, answer, api, asProblem, type Checkout, type PayType } from '../src/api/client.ts'
import { newRequestKey } from '../src/request-key.ts'
import { paymentKey } from './queries/payment.ts'

export interface Purchase {
  readonly courseIds: number[]
  readonly totalAmount: string
  readonly payType: PayType
}

/** Sends the browser to the cashier: `going` is true from the press until it has left, or returned. */
export function useCashier() {
  const router = useRouter()
  const cache = useQueryCache()
  const going = ref(false)
  const problem = shallowRef<ApiProblem>()
  let key = { of: '', value: '' }

  // The back button may restore this page from the cache in its pressed state.
  const cameBack = (event: PageTransitionEvent) => {
    if (event.persisted) going.value = false
  }
  onMounted(() => addEventListener('pageshow', cameBack))
  onBeforeUnmount(() => removeEventListener('pageshow', cameBack))

  async function leaveFor(checkout: () => Promise<Checkout>): Promise<void> {
    if (going.value) return
    going.value = true
    problem.value = undefined
    try {
      const ready = await checkout()
      // The key is only for retrying after a lost response: later, the same courses are a new purchase.
      key = { of: '', value: '' }
      if (ready.payUrl) return location.assign(ready.payUrl)
      cache.setQueryData(paymentKey(ready.orderNo), ready)
      await router.push({ name: ready.elsewhere ? 'elsewhere' : 'scan', params: { orderNo: ready.orderNo } })
    } catch (error) {
      problem.value = asProblem(error)
    }
    going.value = false
  }

  /** Uses one idempotency key per purchase, so that a retry gets the same order. */
  const buy = (purchase: Purchase) =>
    leaveFor(() => {
      const of = JSON.stringify(purchase)
      if (key.of !== of) key = { of, value: newRequestKey() }
      const header = { 'idempotency-key': key.value }
      return answer(api.POST('/api/orders', { body: purchase, params: { header } }))
    })

  /** Pays an order by its own method, or by another. */
  const payAgain = (orderNo: string, payType?: PayType) =>
    leaveFor(() => {
      const body = payType ? { payType } : {}
      return answer(api.POST('/api/orders/{orderNo}/payment', { params: { path: { orderNo } }, body }))
    })

  return { going, problem, buy, payAgain }
}
