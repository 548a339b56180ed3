/**
 * The state table of refunds. A buyer's begins as `requested`; one that staff or the shop itself create begins as
 * `approved`.
 */
import type { StateTable } from '../../orders/state-table.ts'

export const REFUND_STATUSES = [
  'requested',
  'approved',
  'sent',
  'succeeded',
  'refused',
  'declined',
  'withdrawn',
] as const

export type RefundStatus = (typeof REFUND_STATUSES)[number]

export const REFUND_TRANSITIONS = {
  approve: {
    from: ['requested'],
    to: 'approved',
    by: ['staff'],
    right: 'refunds.send',
    needs: 'a member of staff with permission to send refunds',
    does: 'sends it, once this is committed',
  },
  decline: {
    from: ['requested'],
    to: 'declined',
    by: ['staff'],
    right: 'refunds.send',
    needs: 'an answer to the buyer',
    does: 'releases the reserved amount',
  },
  withdraw: {
    from: ['requested'],
    to: 'withdrawn',
    by: ['buyer'],
    needs: 'not decided yet',
    does: 'releases the reserved amount',
  },
  send: {
    from: ['approved'],
    to: 'sent',
    by: ['job'],
    needs: 'its number and amount are stored, and no other refund of this payment is in progress',
    does: 'from here on the outcome is unknown until the gateway confirms it; meanwhile it is sent again with the same number',
  },
  succeed: {
    from: ['requested', 'approved', 'sent', 'refused', 'declined', 'withdrawn'],
    to: 'succeeded',
    by: ['gateway'],
    needs: 'the gateway has confirmed the refund',
    does: 'updates the order and revokes the access of the lines that are now fully refunded; a line that another refund has covered meanwhile is not counted again',
  },
  resendMissing: {
    from: ['succeeded'],
    to: 'succeeded',
    by: ['gateway'],
    needs: "the day's bill lacks it, staff have sent it again with the same number, and the gateway has now made it",
    does: 'clears the day of its bill: it is on the bill of the day on which the gateway made it, unless an earlier bill has it',
  },
  correct: {
    from: ['succeeded'],
    to: 'succeeded',
    by: ['gateway'],
    needs: "the day's bill lists it with another amount, and staff have had that amount recorded",
    does: 'an excess is taken from the payment and belongs to no line; a lack is free again, and the lines that are no longer paid back whole give access again',
  },
  refuse: {
    from: ['sent'],
    to: 'refused',
    by: ['gateway'],
    needs: 'the gateway has refused it several times and knows no such refund when queried; or it has closed it',
    does: 'releases the amount; staff see it',
  },
  stop: {
    from: ['approved', 'sent'],
    to: 'refused',
    by: ['staff'],
    right: 'refunds.send',
    needs:
      'its last attempt was clearly refused, or there was none; the gateway has never accepted it, and knows no such refund when queried',
    does: 'releases the amount, and it is not sent again; the buyer sees it',
  },
  giveWay: {
    from: ['requested', 'approved', 'sent'],
    to: 'refused',
    by: ['shop'],
    needs: 'the gateway has confirmed that the same money, or all that was left, was refunded under another number',
    does: 'releases the amount; staff see it',
  },
  sendAgain: {
    from: ['refused'],
    to: 'approved',
    by: ['staff'],
    right: 'refunds.send',
    needs: 'the amount can still be refunded',
    does: 'reserves the amount again and sends it with the same number, or with a new one if the gateway has closed it',
  },
} as const satisfies StateTable<RefundStatus>

export type RefundEvent = keyof typeof REFUND_TRANSITIONS
