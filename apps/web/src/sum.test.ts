import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isMore, readAmount, sumOfPrices } from './sum.ts'

test('prices are added to the fen', () => {
  expect(sumOfPrices(['39.00', '49.00', '50.00'])).toBe('138.00')
  expect(sumOfPrices(['0.10', '0.20'])).toBe('0.30')
  expect(sumOfPrices([])).toBe('0.00')
})

test('any prices add up as whole fen do', () => {
  const fen = fc.array(fc.bigInt({ min: 0n, max: 99_999_999_999n }), { maxLength: 50 })
  const write = (value: bigint) => `${value / 100n}.${String(value % 100n).padStart(2, '0')}`
  fc.assert(
    fc.property(fen, (values) => {
      expect(sumOfPrices(values.map(write))).toBe(write(values.reduce((sum, value) => sum + value, 0n)))
    }),
  )
})

test.each(['39', '39.0', '39.000', '-1.00', '1e2.00', '01.00', ' 1.00', '', 'free'])('%j is no price', (text) => {
  expect(() => sumOfPrices([text])).toThrow(RangeError)
})

test('an amount is read as people type it, and nothing else', () => {
  expect(['39', '39.5', ' 39.50 ', '¥0.01', '￥ 7', '0'].map(readAmount)).toEqual([
    '39.00',
    '39.50',
    '39.50',
    '0.01',
    '7.00',
    '0.00',
  ])
  for (const typed of ['', '.5', '1.', '1.234', '-1', '1e3', '01', '1,000', '9999999999']) {
    expect(readAmount(typed)).toBeUndefined()
  }
})

test('prices are compared as whole fen', () => {
  expect([isMore('10.00', '9.99'), isMore('9.99', '9.99'), isMore('0.09', '0.10')]).toEqual([true, false, false])
})
