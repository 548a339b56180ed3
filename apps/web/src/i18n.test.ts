import { expect, test } from 'vitest'
import adminEnglish from '../admin/locales/en.ts'
import adminChinese from '../admin/locales/zh-CN.ts'
import { preferredLanguage } from './i18n.ts'
import english from './locales/en.ts'
import chinese from './locales/zh-CN.ts'

/** Every text with its full key. */
function texts(group: object, above = ''): [string, string][] {
  return Object.entries(group).flatMap(([name, value]: [string, unknown]) =>
    typeof value === 'object' && value !== null
      ? texts(value, `${above}${name}.`)
      : [[`${above}${name}`, String(value)] as [string, string]],
  )
}

const places = (text: string) => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]))].sort()

const each = test.each([
  { of: 'the storefront', english, chinese },
  { of: 'the back office', english: adminEnglish, chinese: adminChinese },
])

each('both languages of $of have the same texts, none of them empty', ({ english, chinese }) => {
  const names = (group: object) => texts(group).map(([name]) => name)
  expect(names(english)).toEqual(names(chinese))
  expect([...texts(english), ...texts(chinese)].filter(([, text]) => text.trim() === '')).toEqual([])
})

each('a text of $of leaves the same places to fill in both', ({ english, chinese }) => {
  const inEnglish = new Map(texts(english))
  const different = texts(chinese).filter(
    ([name, text]) => JSON.stringify(places(text)) !== JSON.stringify(places(inEnglish.get(name) ?? '')),
  )
  expect(different).toEqual([])
})

test('the language: kept, else the first of the browser that we have, else Chinese', () => {
  expect(preferredLanguage('en', ['zh-CN'])).toBe('en')
  expect(preferredLanguage(null, ['de', 'en-GB', 'zh'])).toBe('en')
  expect(preferredLanguage(null, ['zh-TW', 'en'])).toBe('zh-CN')
  expect(preferredLanguage('fr', ['fr'])).toBe('zh-CN')
  expect(preferredLanguage(null, [])).toBe('zh-CN')
})
