/** Queries of the catalogue, cached for a while so that going back is instant. */
import { useInfiniteQuery, useQuery } from '@pinia/colada'
import { computed, type MaybeRefOrGetter, toValue } from 'vue'
import { ApiProblem, answer, api, type CourseSummary } from '../../src/api/client.ts'

export type Sort = 'newest' | 'price' | '-price' | 'popular'

export interface CourseFilter {
  readonly kind?: 'free' | 'paid'
  readonly category?: string
  readonly q?: string
  readonly sort?: Sort
}

export const useShop = () =>
  useQuery({ key: ['shop'], query: () => answer(api.GET('/api/shop')), staleTime: 10 * 60_000 })

export const useCategories = () =>
  useQuery({ key: ['categories'], query: () => answer(api.GET('/api/categories')), staleTime: 5 * 60_000 })

/** Courses that match a filter, page by page. */
export function useCourses(filter: MaybeRefOrGetter<CourseFilter>) {
  const query = useInfiniteQuery({
    key: () => ['courses', { ...toValue(filter) }],
    async query({ pageParam, signal }) {
      // A request examines a limited number of courses: if it found none among them, continue from its cursor.
      for (let cursor = pageParam; ; ) {
        const query = { ...toValue(filter), ...(cursor ? { cursor } : {}) }
        const page = await answer(api.GET('/api/courses', { params: { query }, signal }))
        if (page.items.length > 0 || !page.next) return page
        cursor = page.next
      }
    },
    initialPageParam: '',
    getNextPageParam: (last) => last.next,
  })
  const items = computed(() => query.data.value?.pages.flatMap((page) => page.items))
  return { ...query, items }
}

export const courseQuery = (id: number) => ({
  key: ['course', id],
  query: () => answer(api.GET('/api/courses/{id}', { params: { path: { id } } })),
  staleTime: 60_000,
})

export const useCourse = (id: MaybeRefOrGetter<number>) => useQuery(() => courseQuery(toValue(id)))

export interface BasketEntry {
  readonly id: number
  /** Undefined if the course is no longer for sale. */
  readonly course?: CourseSummary
}

/** The courses of a purchase, in its order, at current prices. Keeps the previous data while it changes. */
export const useBasket = (ids: MaybeRefOrGetter<readonly number[]>) =>
  useQuery({
    key: () => ['basket', ...toValue(ids)],
    query: () => Promise.all(toValue(ids).map(readEntry)),
    placeholderData: (before: BasketEntry[] | undefined) => before,
    staleTime: 0,
  })

async function readEntry(id: number): Promise<BasketEntry> {
  try {
    return { id, course: await courseQuery(id).query() }
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 404) return { id }
    throw error
  }
}
