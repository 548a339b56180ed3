/** The document title of the current page. */
import { watchEffect } from 'vue'
import { t } from '../src/i18n.ts'
import { shopName } from '../src/shop-profile.ts'

/** Keeps the document title up to date with the page's title while that page is open. */
export function usePageTitle(page: () => string | undefined): void {
  watchEffect(() => {
    const own = page()
    document.title =
      own === undefined || own === ''
        ? t('title.home', { name: shopName() })
        : t('title.suffix', { page: own, name: shopName() })
  })
}
