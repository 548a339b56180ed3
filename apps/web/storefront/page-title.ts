/** The title of the page that is open, in the browser's tab and history. */
import { watchEffect } from 'vue'
import { t } from '../src/i18n.ts'

/** Keeps the document's title up to date with what the page says of itself, while that page is open. */
export function usePageTitle(page: () => string | undefined): void {
  watchEffect(() => {
    const own = page()
    document.title = own === undefined || own === '' ? t('title.home') : t('title.suffix', { page: own })
  })
}
