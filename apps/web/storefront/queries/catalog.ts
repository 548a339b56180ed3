/** What is sold, as the server tells it; kept a while so that going back is instant. */
import { useInfiniteQuery, useQuery } from '@pinia/colada'
import { computed, type MaybeRefOrGetter, toValue } from 'vue'
import { answer, api } from '../../src/api/client.ts'

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

/** Courses that fit a filter, page after page. */
export function useCourses(filter: MaybeRefOrGetter<CourseFilter>) {
  const query = useInfiniteQuery({
    key: () => ['courses', { ...toValue(filter) }],
    query: ({ pageParam, signal }) =>
      answer(
        api.GET('/api/courses', {
          params: { query: { ...toValue(filter), ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
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
