/** The title of the page that is open, in the browser's tab and history. */
import { watchEffect } from 'vue'
import { t } from '../src/i18n.ts'
import { shopName } from '../src/identity.ts'

/** Keeps the document's title up to date with what the page says of itself, while that page is open. */
export function usePageTitle(page: () => string | undefined): void {
  watchEffect(() => {
    const own = page()
    document.title =
      own === undefined || own === ''
        ? t('title.home', { name: shopName() })
        : t('title.suffix', { page: own, name: shopName() })
  })
}
