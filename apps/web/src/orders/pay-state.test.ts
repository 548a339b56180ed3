import { expect, test } from 'vitest'
import type { Order } from '../api/client.ts'
import { payState, returnParameters } from './pay-state.ts'

const known = (status: Order['status']) => ({ status, paymentCheck: 'known' as const })

test('only the order says paid; a signed return of an unpaid order is being confirmed', () => {
  expect(payState(known('paid'), false)).toBe('paid')
  expect(payState(known('partially_refunded'), true)).toBe('paid')
  expect(payState(known('unpaid'), true)).toBe('confirming')
  expect(payState(known('unpaid'), false)).toBe('unpaid')
  expect(payState(known('expired'), true)).toBe('unpaid')
  expect(payState(known('cancelled'), true)).toBe('unpaid')
})

test('a gateway that gives no answer leaves it unknown, closed or not; a signed return is still being confirmed', () => {
  for (const status of ['unpaid', 'expired', 'cancelled'] as const) {
    expect(payState({ status, paymentCheck: 'unanswered' }, false)).toBe('unanswered')
    expect(payState({ status, paymentCheck: 'unanswered' }, true)).toBe('confirming')
  }
  expect(payState({ status: 'paid', paymentCheck: 'unanswered' }, false)).toBe('paid')
})

test('the parameters are handed on exactly, each once', () => {
  expect(returnParameters({ sign: 'a+b/c==', empty: '', bare: null, twice: ['1', '2'] })).toEqual({
    sign: 'a+b/c==',
    empty: '',
    bare: '',
    twice: '1',
  })
})
