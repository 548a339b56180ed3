import { afterEach, expect, test } from 'vitest'
import { clock, countdown, date, day, length, moment, money, oneOf, stamp, waiting } from './formats.ts'
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
    expect(money('9007199254740993.01')).toBe('¥9,007,199,254,740,993.01')
    expect(money('-1268.00')).toBe('-¥1,268.00')
  }
})

test("days and times are the shop's, UTC+8, wherever the reader is", () => {
  expect(date(LATE)).toBe('2026年11月23日')
  expect(day(LATE)).toBe('2026-11-23')
  expect(moment(LATE)).toBe('2026年11月23日 23:59:58')
  expect(stamp(LATE)).toBe('2026-11-23 23:59:58')
  expect(clock(new Date('2026-11-23T00:05:06.000+08:00'))).toBe('00:05:06')
  speak('en')
  expect(date(LATE)).toBe('Nov 23, 2026')
  expect(moment(LATE)).toBe('Nov 23, 2026, 23:59:58')
})

test('a choice is written as the language writes it', () => {
  expect([oneOf([]), oneOf(['甲']), oneOf(['甲', '乙']), oneOf(['甲', '乙', '丙'])]).toEqual([
    '',
    '甲',
    '甲或乙',
    '甲、乙或丙',
  ])
  speak('en')
  expect([oneOf(['A']), oneOf(['A', 'B']), oneOf(['A', 'B', 'C'])]).toEqual(['A', 'A or B', 'A, B, or C'])
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

test('a wait is rounded up to what people say', () => {
  expect([1, 45, 60, 61, 892, 7200, 7201].map(waiting)).toEqual([
    ...['1 秒', '45 秒', '1 分钟', '2 分钟', '15 分钟', '120 分钟', '3 小时'],
  ])
  speak('en')
  expect([1, 45, 60, 892, 10_000].map(waiting)).toEqual(['1 second', '45 seconds', '1 minute', '15 minutes', '3 hours'])
})
