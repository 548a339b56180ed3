/** Polls every few seconds while something is in progress and the page is visible. */
import { onScopeDispose, watch } from 'vue'

const EVERY_MS = 2000

/** @param everyMs the interval in milliseconds */
export function usePolling(unfinished: () => boolean, ask: () => Promise<unknown>, everyMs = EVERY_MS): void {
  let waiting: ReturnType<typeof setTimeout> | undefined
  const again = () => {
    clearTimeout(waiting)
    waiting = setTimeout(async () => {
      if (!document.hidden) {
        await ask().catch(() => {
          // Ignore a failed poll: the next one may succeed, and the page shows its own loading errors.
        })
      }
      if (unfinished()) again()
    }, everyMs)
  }
  watch(unfinished, (is) => (is ? again() : clearTimeout(waiting)), { immediate: true })
  onScopeDispose(() => clearTimeout(waiting))
}
