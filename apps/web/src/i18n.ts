/**
 * The two languages of the pages: which one is shown, its messages, and the typed way to say one. The back office adds its
 * own messages to those that both share.
 */
import { createI18n } from 'vue-i18n'
import type messages from './locales/zh-CN.ts'

export type Language = 'zh-CN' | 'en'

type Leaves<Group> = {
  [Key in keyof Group & string]: Group[Key] extends string ? Key : `${Key}.${Leaves<Group[Key]>}`
}[keyof Group & string]

/** Every message that is shared, or the storefront's; a misspelt one does not compile. */
export type MessageKey = Leaves<typeof messages>

type Loader = Readonly<Record<Language, () => Promise<{ default: object }>>>

const KEPT = 'xuecheng.language'

const load: Loader = { 'zh-CN': () => import('./locales/zh-CN.ts'), en: () => import('./locales/en.ts') }

const more: { group: string; load: Loader }[] = []

/** Has every language bring these messages too, under a name of their own. To be called before a language is shown. */
export function alsoSay(group: string, also: Loader): void {
  more.push({ group, load: also })
}

const i18n = createI18n({ legacy: false, locale: 'zh-CN', fallbackLocale: false, messages: {} })

export const installMessages = i18n

/** The language shown now. Reactive where it is read while rendering. */
export const language = (): Language => (i18n.global.locale.value === 'en' ? 'en' : 'zh-CN')

/** Says a message in the language shown: what its `{places}` are filled with; a count chooses singular or plural and fills `{n}`. */
export type Speak<Messages> = (key: Leaves<Messages>, named?: Record<string, string | number>, count?: number) => string

/** The typed way to say the messages of a group; without a name, those that are shared. */
export const speaker =
  <Messages>(group = ''): Speak<Messages> =>
  (key, named = {}, count) => {
    const name = group === '' ? key : `${group}.${key}`
    return count === undefined ? i18n.global.t(name, named) : i18n.global.t(name, { n: count, ...named }, count)
  }

export const t: Speak<typeof messages> = speaker()

/** Whether there is a message of this name: what the server names may be newer than these pages. */
export const isSaid = (name: string): boolean => i18n.global.te(name)

/** The names of the messages of a group. */
export const namesUnder = (group: string): string[] => Object.keys(i18n.global.tm(group))

/** Shows a language, says so to assistive technology (`<html lang>`), and keeps the choice for the next visit. */
export async function showLanguage(wanted: Language, keep = true): Promise<void> {
  const [{ default: shared }, ...own] = await Promise.all([load[wanted](), ...more.map((also) => also.load[wanted]())])
  const named = own.map(({ default: messages }, place) => [more[place]?.group ?? '', messages] as const)
  i18n.global.setLocaleMessage(wanted, { ...shared, ...Object.fromEntries(named) } as never)
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
