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
    needs: "a verified payment of exactly the order's amount, to our application and seller",
    does: 'records which attempt paid and grants access to every course of the order',
  },
  cancel: {
    from: ['unpaid'],
    to: 'cancelled',
    by: ['buyer', 'staff'],
    right: 'orders.cancel',
    needs: 'the gateway has confirmed that nothing was paid, and has closed the open payment',
    does: 'closes the open attempts',
  },
  expire: {
    from: ['unpaid'],
    to: 'expired',
    by: ['job'],
    needs: 'the pay link has expired, with a margin for clocks, and the gateway has confirmed that nothing was paid',
    does: 'closes the open attempts',
  },
  replace: {
    from: ['expired'],
    to: 'expired',
    by: ['shop'],
    needs:
      'a payment within a day after the order expired, for courses that are on sale and that the buyer does not own',
    does: 'moves the payment to a new order with the same lines, which is paid at once; this order does not change',
  },
  refundPart: {
    from: ['paid', 'partially_refunded'],
    to: 'partially_refunded',
    by: ['gateway'],
    needs: 'the gateway has confirmed a partial refund',
    does: 'revokes the access of the lines that are now fully refunded, and of no other',
  },
  refundRest: {
    from: ['paid', 'partially_refunded'],
    to: 'refunded',
    by: ['gateway'],
    needs: 'the gateway has confirmed the refund of the rest',
    does: 'revokes the access that this order granted',
  },
  refundLess: {
    from: ['refunded'],
    to: 'partially_refunded',
    by: ['gateway'],
    needs: "the gateway's bill has said that less went back than our books had, and staff have had that recorded",
    does: 'gives back the access to the lines that are not paid back whole',
  },
} as const satisfies StateTable<OrderStatus>

export type OrderEvent = keyof typeof ORDER_TRANSITIONS
