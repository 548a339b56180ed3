/**
 * The one table of an order's states: each transition with where it starts, where it ends, what it needs, what it does
 * and who may cause it. Everything that changes an order's status asks this table.
 */
export type OrderStatus = 'unpaid' | 'paid' | 'partially_refunded' | 'refunded' | 'cancelled' | 'expired'

export type Actor = 'buyer' | 'staff' | 'gateway' | 'job'

export interface Transition {
  readonly from: readonly OrderStatus[]
  readonly to: OrderStatus
  readonly by: readonly Actor[]
  readonly needs: string
  readonly does: string
}

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
  refundPart: {
    from: ['paid', 'partially_refunded'],
    to: 'partially_refunded',
    by: ['gateway'],
    needs: 'the gateway has said that a part of the payment went back',
    does: 'notes which line was refunded',
  },
  refundRest: {
    from: ['paid', 'partially_refunded'],
    to: 'refunded',
    by: ['gateway'],
    needs: 'the gateway has said that the last part of the payment went back',
    does: 'notes which line was refunded',
  },
} as const satisfies Record<string, Transition>

export type OrderEvent = keyof typeof ORDER_TRANSITIONS
