/**
 * The two languages of the pages: the current language, its messages, and typed access to them. The back office adds
 * its own messages to the shared ones.
 */
import { createI18n } from 'vue-i18n'
import type messages from './locales/zh-CN.ts'

export type Language = 'zh-CN' | 'en'

type Leaves<Group> = {
  [Key in keyof Group & string]: Group[Key] extends string ? Key : `${Key}.${Leaves<Group[Key]>}`
}[keyof Group & string]

/** Keys of the messages that are shared or belong to the storefront; a misspelt key does not compile. */
export type MessageKey = Leaves<typeof messages>

type Loader = Readonly<Record<Language, () => Promise<{ default: object }>>>

const KEPT = 'xuecheng.language'

const load: Loader = { 'zh-CN': () => import('./locales/zh-CN.ts'), en: () => import('./locales/en.ts') }

const more: { group: string; load: Loader }[] = []

/** Registers further messages, in every language, under a group name. Call it before a language is shown. */
export function addMessages(group: string, also: Loader): void {
  more.push({ group, load: also })
}

const i18n = createI18n({ legacy: false, locale: 'zh-CN', fallbackLocale: false, messages: {} })

export const installMessages = i18n

/** The current language. Reactive when read during rendering. */
export const language = (): Language => (i18n.global.locale.value === 'en' ? 'en' : 'zh-CN')

/**
 * Translates a key into the current language. `named` fills its `{placeholders}`; a count selects singular or plural
 * and fills `{n}`.
 */
export type Translate<Messages> = (
  key: Leaves<Messages>,
  named?: Record<string, string | number>,
  count?: number,
) => string

/** Typed translation for the messages of a group, or, without a name, for the shared ones. */
export const translator =
  <Messages>(group = ''): Translate<Messages> =>
  (key, named = {}, count) => {
    const name = group === '' ? key : `${group}.${key}`
    return count === undefined ? i18n.global.t(name, named) : i18n.global.t(name, { n: count, ...named }, count)
  }

export const t: Translate<typeof messages> = translator()

/** Whether a message with this key exists: names from the server may be newer than these pages. */
export const hasMessage = (name: string): boolean => i18n.global.te(name)

/** The keys of the messages in a group. */
export const namesUnder = (group: string): string[] => Object.keys(i18n.global.tm(group))

/**
 * Switches to a language, sets it for assistive technology (`<html lang>`), and remembers the choice for the next
 * visit.
 */
export async function showLanguage(wanted: Language, keep = true): Promise<void> {
  const [{ default: shared }, ...own] = await Promise.all([load[wanted](), ...more.map((also) => also.load[wanted]())])
  const named = own.map(({ default: messages }, place) => [more[place]?.group ?? '', messages] as const)
  i18n.global.setLocaleMessage(wanted, { ...shared, ...Object.fromEntries(named) } as never)
  i18n.global.locale.value = wanted as never
  document.documentElement.lang = wanted
  if (keep) remember(wanted)
}

/** The remembered language; otherwise the first of the browser's languages that we support; otherwise Chinese. */
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
    return null // storage is disabled: use the browser's language
  }
}

function remember(chosen: Language): void {
  try {
    localStorage.setItem(KEPT, chosen)
  } catch {
    // storage is disabled: the choice lasts until the page is left
  }
}
