import { expect, test } from 'vitest'
import { payState, returnParameters } from './pay-state.ts'

test('only the order says paid; a signed return of an unpaid order is being confirmed', () => {
  expect(payState('paid', false)).toBe('paid')
  expect(payState('partially_refunded', true)).toBe('paid')
  expect(payState('unpaid', true)).toBe('confirming')
  expect(payState('unpaid', false)).toBe('unpaid')
  expect(payState('expired', true)).toBe('unpaid')
  expect(payState('cancelled', true)).toBe('unpaid')
})

test('the parameters are handed on exactly, each once', () => {
  expect(returnParameters({ sign: 'a+b/c==', empty: '', bare: null, twice: ['1', '2'] })).toEqual({
    sign: 'a+b/c==',
    empty: '',
    bare: '',
    twice: '1',
  })
})
