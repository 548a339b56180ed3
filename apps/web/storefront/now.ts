/** The current time, updated every second while the page is visible. */
import { onScopeDispose, type Ref, readonly, ref } from 'vue'

/** @returns milliseconds since 1970, by this device's clock */
export function useNow(): Readonly<Ref<number>> {
  const now = ref(Date.now())
  const ticking = setInterval(() => {
    now.value = Date.now()
  }, 1000)
  onScopeDispose(() => clearInterval(ticking))
  return readonly(now)
}
