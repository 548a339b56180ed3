/**
 * The state table of orders: for each transition the states it starts from and ends in, its condition, its effect, and
 * who may cause it. Everything that changes an order's status checks this table.
 */
import type { StateTable } from './state-table.ts'

export const ORDER_STATUSES = ['unpaid', 'paid', 'partially_refunded', 'refunded', 'cancelled', 'expired'] as const

export type OrderStatus = (typeof ORDER_STATUSES)[number]

export const ORDER_TRANSITIONS = {
  pay: {
    from: ['unpaid'],
    to: 'paid',
    by: ['gateway'],
    needs: "a verified payment of exactly the order's amount, for our application and our seller",
    does: 'notes which attempt paid and grants access to every course of the order',
  },
  cancel: {
    from: ['unpaid'],
    to: 'cancelled',
    by: ['buyer', 'staff'],
    right: 'orders.cancel',
    needs: 'the gateway has said that nothing was paid, and has closed what was open there',
    does: 'closes the open attempts',
  },
  expire: {
    from: ['unpaid'],
    to: 'expired',
    by: ['job'],
    needs: "the pay link's own limit is past, with a margin for clocks, and the gateway has said that nothing was paid",
    does: 'closes the open attempts',
  },
  replace: {
    from: ['expired'],
    to: 'expired',
    by: ['shop'],
    needs:
      'a payment that came within a day after the end, for courses that are on sale and that the buyer does not own',
    does: 'moves the payment to a new order of the same lines, which is paid by it at once; this one stays as it is',
  },
  refundPart: {
    from: ['paid', 'partially_refunded'],
    to: 'partially_refunded',
    by: ['gateway'],
    needs: 'the gateway has said that a part of the payment went back',
    does: 'takes away the access of the lines that are now paid back whole, and of no other',
  },
  refundRest: {
    from: ['paid', 'partially_refunded'],
    to: 'refunded',
    by: ['gateway'],
    needs: 'the gateway has said that the last part of the payment went back',
    does: 'takes away the access that this order gave',
  },
} as const satisfies StateTable<OrderStatus>

export type OrderEvent = keyof typeof ORDER_TRANSITIONS
