import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatYuan, parseYuan, sumFen, toFen } from './money.ts'

test('writing and reading an amount gives the same amount', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 99_999_999_999 }), (value) => {
      expect(parseYuan(formatYuan(toFen(value)))).toBe(value)
    }),
  )
})

test('amounts are written with two places', () => {
  expect([0, 1, 10, 100, 3900, 13800].map((value) => formatYuan(toFen(value)))).toEqual([
    '0.00',
    '0.01',
    '0.10',
    '1.00',
    '39.00',
    '138.00',
  ])
})

test.each(['', ' 1', '1 ', '-1', '+1', '1.', '.5', '1.234', '01', '1e3', '1,000', '０', 'NaN', '9999999999'])(
  '%j is no amount',
  (text) => {
    expect(parseYuan(text)).toBeUndefined()
  },
)

test('1.1 yuan is 110 fen, where floats would give 110.00000000000001', () => {
  expect(parseYuan('1.1')).toBe(110)
  expect(parseYuan('0.29')).toBe(29)
})

test('only safe non-negative integers become fen', () => {
  for (const value of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    expect(() => toFen(value)).toThrow(RangeError)
  }
  expect(() => sumFen([toFen(Number.MAX_SAFE_INTEGER), toFen(1)])).toThrow(RangeError)
})
