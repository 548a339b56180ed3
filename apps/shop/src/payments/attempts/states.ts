/** The state table of payment attempts. */
import type { StateTable } from '../../orders/state-table.ts'

export const ATTEMPT_STATUSES = ['open', 'paid', 'closed'] as const

export type AttemptStatus = (typeof ATTEMPT_STATUSES)[number]

export const ATTEMPT_TRANSITIONS = {
  pay: {
    from: ['open', 'closed'],
    to: 'paid',
    by: ['gateway'],
    needs: "a verified payment of exactly the attempt's amount, for our application and our seller",
    does: "keeps the gateway's number and time of it; pays the order, or is refunded where the order does not need it",
  },
  close: {
    from: ['open'],
    to: 'closed',
    by: ['gateway', 'buyer', 'staff', 'job'],
    needs: 'the gateway has said that nothing was paid, and has closed what was open there',
    does: 'is looked at once more after its pay link has ended, since a link that nobody opened cannot be closed there',
  },
} as const satisfies StateTable<AttemptStatus>

export type AttemptEvent = keyof typeof ATTEMPT_TRANSITIONS
