/** Lists that come page by page. */
import { type EntryKey, useInfiniteQuery } from '@pinia/colada'
import { computed } from 'vue'

/** @param key what is listed, filters and all @param read one page, from a cursor (empty for the first) */
export function usePagesOf<Item>(
  key: () => EntryKey,
  read: (cursor: { cursor?: string }, signal: AbortSignal) => Promise<{ items: Item[]; next: string | null }>,
) {
  const query = useInfiniteQuery({
    key,
    query: ({ pageParam, signal }) => read(pageParam === '' ? {} : { cursor: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => last.next,
  })
  const items = computed(() => query.data.value?.pages.flatMap((page) => page.items))
  return { ...query, items }
}
