/** Asks again every few seconds while something is under way and somebody looks. */
import { onScopeDispose, watch } from 'vue'

const EVERY_MS = 2000

/** @param everyMs how long to wait in between, milliseconds */
export function usePolling(unfinished: () => boolean, ask: () => Promise<unknown>, everyMs = EVERY_MS): void {
  let waiting: ReturnType<typeof setTimeout> | undefined
  const again = () => {
    clearTimeout(waiting)
    waiting = setTimeout(async () => {
      if (!document.hidden) {
        await ask().catch(() => {
          // No answer now; the next question may bring one, and the page says itself what it could not load.
        })
      }
      if (unfinished()) again()
    }, everyMs)
  }
  watch(unfinished, (is) => (is ? again() : clearTimeout(waiting)), { immediate: true })
  onScopeDispose(() => clearTimeout(waiting))
}
