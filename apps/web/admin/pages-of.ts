/** Paginated lists. */
import { type EntryKey, useInfiniteQuery } from '@pinia/colada'
import { computed, reactive } from 'vue'

/**
 * @param key identifies the list, including its filters @param read reads one page from a cursor (empty for the first)
 */
export function usePagesOf<Page extends { items: readonly unknown[]; next: string | null }>(
  key: () => EntryKey,
  read: (cursor: { cursor?: string }, signal: AbortSignal) => Promise<Page>,
) {
  const query = useInfiniteQuery<Page, Error, string>({
    key,
    query: ({ pageParam, signal }) => read(pageParam === '' ? {} : { cursor: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => last.next,
  })
  const pages = computed(() => query.data.value?.pages)
  const items = computed(() => pages.value?.flatMap((page): Page['items'][number][] => [...page.items]))
  return reactive({ ...query, pages, items })
}
