import { expect, test } from 'vitest'
import type { Order } from '../api/client.ts'
import { isSettled } from './live-order.ts'
import { keptLines, paidBack, refundOf } from './paid-back.ts'

type Refund = Order['refunds'][number]

const line = (courseId: number, price: string) => ({ courseId, price }) as Order['lines'][number]
const refund = (status: Refund['status'], lines: Refund['lines']) => ({ status, lines }) as Refund

const order = {
  lines: [line(1, '39.00'), line(2, '49.00'), line(3, '50.00')],
  refunds: [
    refund('succeeded', [
      { courseId: 1, amount: '39.00' },
      { courseId: 2, amount: '9.90' },
    ]),
    refund('succeeded', [{ courseId: 2, amount: '10.00' }]),
    refund('requested', [{ courseId: 3, amount: '50.00' }]),
    refund('declined', [{ courseId: 3, amount: '50.00' }]),
  ],
}

test('only what the gateway has paid back has gone back, and a course stays until all of it has', () => {
  expect([1, 2, 3].map((courseId) => paidBack(order, courseId))).toEqual(['39.00', '19.90', '0.00'])
  expect(keptLines(order).map(({ courseId }) => courseId)).toEqual([2, 3])
})

test('an order is followed while it is to be paid, and while a refund of it waits or is on its way', () => {
  expect(isSettled({ status: 'unpaid', refunds: [] })).toBe(false)
  expect(isSettled({ status: 'paid', refunds: [] })).toBe(true)
  for (const status of ['requested', 'approved', 'sent'] as const) {
    expect(isSettled({ status: 'paid', refunds: [refund(status, [])] })).toBe(false)
  }
  for (const status of ['succeeded', 'refused', 'declined', 'withdrawn'] as const) {
    expect(isSettled({ status: 'partially_refunded', refunds: [refund(status, [])] })).toBe(true)
  }
})

test('a refund of several lines is never more than is left of the payment', () => {
  const lines = [{ refundable: '39.00' }, { refundable: '59.00' }] as Order['lines']
  expect(refundOf({ refundable: '98.00' }, lines)).toBe('98.00')
  expect(refundOf({ refundable: '78.00' }, lines)).toBe('78.00')
  expect(refundOf({ refundable: '78.00' }, lines.slice(0, 1))).toBe('39.00')
  expect(refundOf({ refundable: '78.00' }, [])).toBe('0.00')
})
