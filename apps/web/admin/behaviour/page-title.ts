/** The document title of the current page. */
import { watchEffect } from 'vue'
import { w } from '../words.ts'

export function usePageTitle(page: () => string): void {
  watchEffect(() => {
    document.title = w('title', { page: page() })
  })
}
