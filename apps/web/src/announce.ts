/** What is said to those who listen to the page: one polite live region for all of it. */
import { nextTick, shallowRef } from 'vue'

export const announced = shallowRef('')

/** Says a message once; the same one twice is said twice. */
export async function announce(message: string): Promise<void> {
  announced.value = ''
  await nextTick()
  announced.value = message
}
