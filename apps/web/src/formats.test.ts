import { afterEach, expect, test } from 'vitest'
import { countdown, date, day, length, moment, money } from './formats.ts'
import { installMessages } from './i18n.ts'

const speak = (language: 'zh-CN' | 'en') => {
  installMessages.global.locale.value = language as never
}
afterEach(() => speak('zh-CN'))

const LATE = '2026-11-23T23:59:58.000+08:00'

test('money is written digit by digit, with the sign of the yuan, in both languages', () => {
  for (const language of ['zh-CN', 'en'] as const) {
    speak(language)
    expect(money('39.00')).toBe('¥39.00')
    expect(money('0.01')).toBe('¥0.01')
    expect(money('999999999.99')).toBe('¥999,999,999.99')
  }
})

test("days and times are the shop's, UTC+8, wherever the reader is", () => {
  expect(date(LATE)).toBe('2026年11月23日')
  expect(day(LATE)).toBe('2026-11-23')
  expect(moment(LATE)).toBe('2026年11月23日 23:59:58')
  speak('en')
  expect(date(LATE)).toBe('Nov 23, 2026')
  expect(moment(LATE)).toBe('Nov 23, 2026, 23:59:58')
})

test('a length of study', () => {
  expect([length(45), length(60), length(80), length(0)]).toEqual(['45 分钟', '1 小时', '1 小时 20 分钟', '0 分钟'])
  speak('en')
  expect([length(45), length(60), length(80)]).toEqual(['45 min', '1 h', '1 h 20 min'])
})

test('a countdown shows hours only where there are any, and never less than nothing', () => {
  expect(countdown(29 * 60_000 + 5_999)).toBe('29:05')
  expect(countdown(3_600_000 + 61_000)).toBe('1:01:01')
  expect(countdown(-5)).toBe('00:00')
})
