/**
 * The shop's name, logo and contact. They are embedded in the page, so that the layout does not shift when they load.
 */
import { language, t } from './i18n.ts'

interface ShopProfile {
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

/** Without embedded content (on the development server) the defaults apply. */
export function readTold(content: string | null | undefined): ShopProfile {
  if (!content) return {}
  try {
    const profile: unknown = JSON.parse(content)
    return typeof profile === 'object' && profile !== null ? profile : {}
  } catch {
    return {}
  }
}

const profile =
  typeof document === 'undefined' ? {} : readTold(document.querySelector('meta[name="shop"]')?.getAttribute('content'))

/** In the current language. */
export const shopName = (): string => (language() === 'en' ? profile.names?.en : profile.names?.zh) || t('shop.name')

export const shopLogo: string | undefined = profile.logo ?? undefined
export const shopIcp: string = profile.icp ?? ''
export const shopContact = {
  text: profile.contact?.text ?? '',
  phone: profile.contact?.phone ?? '',
  email: profile.contact?.email ?? '',
  chatId: profile.contact?.chatId ?? '',
}
export const hasContact = Object.values(shopContact).some((line) => line !== '')
