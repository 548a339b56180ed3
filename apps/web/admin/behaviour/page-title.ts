/** The document title of the current page. */
import { watchEffect } from 'vue'
import { tAdmin } from '../words.ts'

export function usePageTitle(page: () => string): void {
  watchEffect(() => {
    document.title = tAdmin('title', { page: page() })
  })
}
