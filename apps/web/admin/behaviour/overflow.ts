/** Whether the content of a frame is wider than the frame; updated when either changes. */
import { onBeforeUnmount, onMounted, type ShallowRef, shallowRef } from 'vue'

export function useOverflow(frame: Readonly<ShallowRef<HTMLElement | null>>): Readonly<ShallowRef<boolean>> {
  const overflows = shallowRef(false)
  const watcher = new ResizeObserver(() => {
    const { scrollWidth = 0, clientWidth = 0 } = frame.value ?? {}
    overflows.value = scrollWidth > clientWidth
  })
  onMounted(() => {
    if (!frame.value) return
    watcher.observe(frame.value)
    for (const inside of frame.value.children) watcher.observe(inside)
  })
  onBeforeUnmount(() => watcher.disconnect())
  return overflows
}
