/** The state table of payment attempts. */
import type { StateTable } from '../../orders/state-table.ts'

export const ATTEMPT_STATUSES = ['open', 'paid', 'closed'] as const

export type AttemptStatus = (typeof ATTEMPT_STATUSES)[number]

export const ATTEMPT_TRANSITIONS = {
  pay: {
    from: ['open', 'closed'],
    to: 'paid',
    by: ['gateway'],
    needs: "a verified payment of exactly the attempt's amount, to our application and seller",
    does: "records the gateway's number and time; pays the order, or is refunded if the order does not need it",
  },
  close: {
    from: ['open'],
    to: 'closed',
    by: ['gateway', 'buyer', 'staff', 'job'],
    needs: 'the gateway has confirmed that nothing was paid, and has closed the open payment',
    does: 'is queried once more after its pay link has expired, since a link that was never opened cannot be closed at the gateway',
  },
} as const satisfies StateTable<AttemptStatus>

export type AttemptEvent = keyof typeof ATTEMPT_TRANSITIONS
