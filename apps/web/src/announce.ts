/** Announcements to screen readers: one polite live region for the whole page. */
import { nextTick, shallowRef } from 'vue'

export const announced = shallowRef('')

/** Announces a message; repeating the same message announces it again. */
export async function announce(message: string): Promise<void> {
  announced.value = ''
  await nextTick()
  announced.value = message
}
