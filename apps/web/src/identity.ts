/** What this shop is called and how it is reached: told by the page itself, so that nothing jumps once it is known. */
import { language, t } from './i18n.ts'

interface Told {
  readonly names?: { readonly zh?: string; readonly en?: string }
  readonly contact?: {
    readonly text?: string
    readonly phone?: string
    readonly email?: string
    readonly chatId?: string
  }
  readonly icp?: string
  readonly logo?: string | null
}

/** Without it (a page served by the development server) everything is as usual. */
export function readTold(content: string | null | undefined): Told {
  if (!content) return {}
  try {
    const told: unknown = JSON.parse(content)
    return typeof told === 'object' && told !== null ? told : {}
  } catch {
    return {}
  }
}

const told =
  typeof document === 'undefined' ? {} : readTold(document.querySelector('meta[name="shop"]')?.getAttribute('content'))

/** In the language shown. */
export const shopName = (): string => (language() === 'en' ? told.names?.en : told.names?.zh) || t('shop.name')

export const shopLogo: string | undefined = told.logo ?? undefined
export const shopIcp: string = told.icp ?? ''
export const shopContact = {
  text: told.contact?.text ?? '',
  phone: told.contact?.phone ?? '',
  email: told.contact?.email ?? '',
  chatId: told.contact?.chatId ?? '',
}
export const hasContact = Object.values(shopContact).some((line) => line !== '')
