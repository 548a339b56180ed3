/** The timeline merges history, notifications, gateway queries and grants by time. */
import { expect, test } from 'vitest'
import type { AdminOrder } from '../../../src/api/client.ts'
import { timeLineOf } from './time-line.ts'

const at = (second: number) => `2026-11-23T10:00:${String(second).padStart(2, '0')}.000+08:00`
const line = (
  second: number,
  subject: 'order' | 'attempt' | 'access',
  event: string,
  number: string | null = null,
) => ({
  at: at(second),
  subject,
  event,
  number,
  from: null,
  to: '',
  actor: 'gateway',
  user: null,
  reason: '',
})

test('all four are merged by time, each with what it is about', () => {
  const order = {
    lines: [{ courseId: 7, title: 'A course', access: { grantedAt: at(4), grantedBy: 'order' } }],
    notifications: [{ id: 3, receivedAt: at(3), accepted: true, effect: 'settled', attemptNo: 'a1' }],
    asked: [{ at: at(2), user: 'lin', attemptNo: 'a1', answer: 'waiting' }],
    history: [
      line(1, 'order', 'place'),
      line(4, 'attempt', 'pay', 'a1'),
      line(4, 'order', 'pay'),
      line(9, 'access', 'revoke', '7'),
    ],
  } as unknown as AdminOrder
  const timeLine = timeLineOf(order)
  expect(timeLine.map(({ event }) => event)).toEqual([
    'order_place',
    'gateway_ask',
    'notification_accept',
    'attempt_pay',
    'order_pay',
    'access_grant',
    'access_revoke',
  ])
  expect(timeLine[1]).toMatchObject({ user: 'lin', number: 'a1', answer: 'waiting' })
  expect(timeLine[2]?.notification).toEqual({ id: 3, effect: 'settled' })
  expect(timeLine.slice(-2).map(({ course }) => course)).toEqual(['A course', 'A course'])
})
