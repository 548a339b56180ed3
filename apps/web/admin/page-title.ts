/** The title of the page that is open, in the browser's tab and history. */
import { watchEffect } from 'vue'
import { w } from './words.ts'

export function usePageTitle(page: () => string): void {
  watchEffect(() => {
    document.title = w('title', { page: page() })
  })
}
