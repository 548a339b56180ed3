/** The two languages of the pages: which one is shown, its messages, and the typed way to say one. */
import { createI18n } from 'vue-i18n'
import type messages from './locales/zh-CN.ts'

export type Language = 'zh-CN' | 'en'

type Leaves<Group> = {
  [Key in keyof Group & string]: Group[Key] extends string ? Key : `${Key}.${Leaves<Group[Key]>}`
}[keyof Group & string]

/** Every message there is; a misspelt one does not compile. */
export type MessageKey = Leaves<typeof messages>

const KEPT = 'xuecheng.language'

const load = { 'zh-CN': () => import('./locales/zh-CN.ts'), en: () => import('./locales/en.ts') }

const i18n = createI18n({ legacy: false, locale: 'zh-CN', fallbackLocale: false, messages: {} })

export const installMessages = i18n

/** The language shown now. Reactive where it is read while rendering. */
export const language = (): Language => (i18n.global.locale.value === 'en' ? 'en' : 'zh-CN')

/**
 * Says a message in the language shown.
 * @param named what its `{places}` are filled with
 * @param count chooses between singular and plural; also fills `{n}`
 */
export function t(key: MessageKey, named: Record<string, string | number> = {}, count?: number): string {
  return count === undefined ? i18n.global.t(key, named) : i18n.global.t(key, { n: count, ...named }, count)
}

/** Shows a language, says so to assistive technology (`<html lang>`), and keeps the choice for the next visit. */
export async function showLanguage(wanted: Language, keep = true): Promise<void> {
  const { default: loaded } = await load[wanted]()
  i18n.global.setLocaleMessage(wanted, loaded as never)
  i18n.global.locale.value = wanted as never
  document.documentElement.lang = wanted
  if (keep) remember(wanted)
}

/** The language kept from an earlier visit; otherwise the first of the browser's that we have; otherwise Chinese. */
export function preferredLanguage(kept: string | null, browser: readonly string[]): Language {
  if (kept === 'zh-CN' || kept === 'en') return kept
  const first = browser.find((tag) => /^(zh|en)\b/i.test(tag))
  return first && /^en/i.test(first) ? 'en' : 'zh-CN'
}

export const startLanguage = (): Promise<void> => showLanguage(preferredLanguage(recall(), navigator.languages), false)

function recall(): string | null {
  try {
    return localStorage.getItem(KEPT)
  } catch {
    return null // storage is switched off: the browser's own language is asked each time
  }
}

function remember(chosen: Language): void {
  try {
    localStorage.setItem(KEPT, chosen)
  } catch {
    // storage is switched off: the choice lasts until the page is left
  }
}
