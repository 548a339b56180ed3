/** Which names may be displayed. */
import { expect, test } from 'vitest'
import { isVisibleLine } from './visible-line.ts'

test.each(['李编辑', 'Ann Lee', "O'Neil (Dr.)", '👩‍👩‍👧', '❤️ 书', 'می‌خواهم', 'राम', 'ถึงแล้ว', 'ｱ'])(
  '%s is shown',
  (name) => {
    expect(isVisibleLine(name)).toBe(true)
  },
)

test.each([
  ['a line end', 'a\nb'],
  ['a line separator', 'a\u2028b'],
  ['a tab', 'a\tb'],
  ['NUL', 'a\0'],
  ['half of an emoji', '\ud83d'],
  ['an override of direction', 'ab\u202egnp.exe'],
  ['an isolate', '\u2066a'],
  ['a mark of direction', 'a\u200fb'],
  ['a zero-width space', 'a\u200bb'],
  ['a byte order mark', '\ufeffa'],
  ['a soft hyphen', 'a\u00adb'],
  ['a letter for private use', '\ue000'],
  ['spaces only', ' \u3000 '],
  ['joiners only', '\u200d\ufe0f'],
  ['a blank of Braille', '\u2800'],
  ['a Hangul filler', '\u3164'],
  ['marks without a letter', '\u0301'],
  ['a tower of marks', 'e\u0301\u0302\u0303\u0304\u0305'],
])('%s is refused', (_what, name) => {
  expect(isVisibleLine(name)).toBe(false)
})
