/** Beijing time, whatever the machine's zone; money without floating point. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { acknowledges, nextAttempt } from '../alipay/notifications/schedule.ts'
import { timeoutEnd } from '../alipay/trades/time-outs.ts'
import { parseYuan, toFen, yuan } from './money.ts'
import { periodOfDigits, readPeriod } from './period.ts'
import { beijing, endOfBeijingDay, HOUR, MINUTE, parseBeijing, rfc3339 } from './time.ts'

test('an instant is written and read in UTC+8', () => {
  expect(beijing(0)).toBe('1970-01-01 08:00:00')
  expect(rfc3339(1)).toBe('1970-01-01T08:00:00.001+08:00')
  expect(parseBeijing('2026-02-29 00:00:00')).toBeUndefined()
  expect(parseBeijing('2026-11-23 24:00:00')).toBeUndefined()
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (seconds) => {
      expect(parseBeijing(beijing(seconds * 1000))).toBe(seconds * 1000)
    }),
  )
})

test('time-outs: minutes, hours, days, and until midnight', () => {
  const noon = parseBeijing('2026-11-23 12:00:00') ?? 0
  expect(timeoutEnd('90m', noon)).toBe(noon + 90 * MINUTE)
  expect(timeoutEnd('15d', noon)).toBe(noon + 360 * HOUR)
  expect(timeoutEnd('1c', noon)).toBe(parseBeijing('2026-11-24 00:00:00'))
  expect(endOfBeijingDay(parseBeijing('2026-11-23 00:00:00') ?? 0)).toBe(parseBeijing('2026-11-24 00:00:00'))
  for (const wrong of ['1.5h', '0m', '361h', '16d', '2c', 'm', '90', '-1m'])
    expect(timeoutEnd(wrong, noon)).toBeUndefined()
})

test('eight attempts within 25 hours', () => {
  let at: number | undefined = 0
  const minutes: number[] = []
  for (let made = 1; at !== undefined; made++) {
    minutes.push(at / MINUTE)
    at = nextAttempt(made, at)
  }
  expect(minutes).toEqual([0, 4, 14, 24, 84, 204, 564, 1464])
  expect(acknowledges(200, Buffer.from('success\n'))).toBe(true)
  expect(acknowledges(200, Buffer.from(' success'))).toBe(false)
  expect(acknowledges(204, Buffer.from('success'))).toBe(false)
})

test('months have the right length', () => {
  expect(readPeriod('2024-02')).toMatchObject({ until: parseBeijing('2024-03-01 00:00:00') })
  expect(readPeriod('2026-12')).toMatchObject({ until: parseBeijing('2027-01-01 00:00:00') })
  expect(periodOfDigits('20240229')).toEqual(readPeriod('2024-02-29'))
  expect(readPeriod('2023-02-29')).toBeUndefined()
})

test('yuan and fen', () => {
  expect([parseYuan('0.01'), parseYuan('88.8'), parseYuan('39')]).toEqual([1, 8880, 3900])
  for (const wrong of ['', '.5', '1.', '1.001', '-1', '1e3', ' 1', '１']) expect(parseYuan(wrong)).toBeUndefined()
  expect(yuan(toFen(-5))).toBe('-0.05')
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 99_999_999_999 }), (fen) => {
      expect(parseYuan(yuan(toFen(fen)))).toBe(fen)
    }),
  )
})
