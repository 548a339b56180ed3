/** Queries of the logged-in buyer. Every key begins with `mine`; logging out removes them all from the cache. */
import { useInfiniteQuery, useQuery, useQueryCache } from '@pinia/colada'
import { computed, type MaybeRefOrGetter, toValue } from 'vue'
import { answer, api, type Order, type OwnedCourse } from '../../src/api/client.ts'
import { useAsBuyer } from '../as-buyer.ts'
import { useSession } from '../session.ts'

async function readOwned(): Promise<OwnedCourse[]> {
  const owned: OwnedCourse[] = []
  let cursor: string | null | undefined
  do {
    const page = await answer(api.GET('/api/me/courses', { params: { query: cursor ? { cursor } : {} } }))
    owned.push(...page.items)
    cursor = page.next
  } while (cursor)
  return owned
}

/** All courses that the buyer owns, also by id. Not requested while logged out. */
export function useOwned() {
  const session = useSession()
  const query = useQuery({
    key: ['mine', 'courses'],
    query: readOwned,
    enabled: () => session.isIn,
    staleTime: 60_000,
  })
  const asBuyer = useAsBuyer()
  // A query that a page still uses keeps its last data, which must not be shown after logging out.
  const mine = computed(() => (session.isIn && !asBuyer.value ? query.data.value : undefined))
  const byCourse = computed(() => new Map(mine.value?.map((owned) => [owned.course.id, owned])))
  /** True until it is known which courses are owned; logged-out users own none. */
  const unsure = computed(() => session.pending || (session.isIn && query.status.value === 'pending'))
  return { ...query, byCourse, unsure }
}

/** A lesson as the server shows it to this reader, or to a buyer if staff preview it as one. */
export const useLesson = (
  of: () => { readonly courseId: number; readonly lessonId: number; readonly asBuyer: boolean },
  enabled: () => boolean,
) =>
  useQuery({
    key: () => ['mine', 'lesson', of().courseId, of().lessonId, of().asBuyer ? 'as buyer' : ''],
    query: ({ signal }) => {
      const { courseId, lessonId, asBuyer } = of()
      const params = { path: { id: courseId, lessonId }, query: asBuyer ? { as: 'buyer' as const } : {} }
      return answer(api.GET('/api/courses/{id}/lessons/{lessonId}', { params, signal }))
    },
    enabled,
    staleTime: 300_000,
  })

export function useOrders() {
  const query = useInfiniteQuery({
    key: ['mine', 'orders'],
    query: ({ pageParam }) =>
      answer(api.GET('/api/orders', { params: { query: pageParam ? { cursor: pageParam } : {} } })),
    initialPageParam: '',
    getNextPageParam: (last) => last.next,
    staleTime: 0,
  })
  const items = computed(() => query.data.value?.pages.flatMap((page) => page.items))
  return { ...query, items }
}

export const readOrder = (orderNo: string, signal?: AbortSignal): Promise<Order> =>
  answer(api.GET('/api/orders/{orderNo}', { params: { path: { orderNo } }, ...(signal ? { signal } : {}) }))

/** One order; not requested while its number is unknown. */
export const useOrder = (orderNo: MaybeRefOrGetter<string | undefined>) =>
  useQuery({
    key: () => ['mine', 'order', toValue(orderNo) ?? ''],
    enabled: () => toValue(orderNo) !== undefined,
    query: ({ signal }) => readOrder(toValue(orderNo) ?? '', signal),
    staleTime: 0,
  })

/** Writes a changed order to the query cache, and invalidates what depends on it. */
export function useOrderNews() {
  const cache = useQueryCache()
  return (order: Order): void => {
    cache.setQueryData(['mine', 'order', order.orderNo], order)
    void cache.invalidateQueries({ key: ['mine', 'orders'] })
    void cache.invalidateQueries({ key: ['mine', 'courses'] })
  }
}
