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
    needs: 'a member of staff who may send refunds',
    does: 'has it sent, once this is stored',
  },
  decline: {
    from: ['requested'],
    to: 'declined',
    by: ['staff'],
    right: 'refunds.send',
    needs: 'an answer to the buyer',
    does: 'frees the sum that was reserved',
  },
  withdraw: {
    from: ['requested'],
    to: 'withdrawn',
    by: ['buyer'],
    needs: 'nobody has decided yet',
    does: 'frees the sum that was reserved',
  },
  send: {
    from: ['approved'],
    to: 'sent',
    by: ['job'],
    needs: 'its number and its sum are stored, and no other refund of this payment is under way',
    does: 'from here on its outcome is unknown until the gateway has said it; sent again with the same number meanwhile',
  },
  succeed: {
    from: ['requested', 'approved', 'sent', 'refused', 'declined', 'withdrawn'],
    to: 'succeeded',
    by: ['gateway'],
    needs: 'the gateway has said that the money went back',
    does: 'moves the order on and takes away the access of the lines that are now paid back whole; a line that another refund has taken meanwhile is not counted again',
  },
  resendMissing: {
    from: ['succeeded'],
    to: 'succeeded',
    by: ['gateway'],
    needs:
      "the day's bill lacks it, staff have had it sent again with the same number, and the gateway has now made it",
    does: 'clears the day of its bill: the bill of the day on which the gateway made it lists it, unless an earlier one already has',
  },
  refuse: {
    from: ['sent'],
    to: 'refused',
    by: ['gateway'],
    needs:
      'the gateway has refused it several times, and its refund query has said that there is none; or it has closed it',
    does: 'frees the sum; staff see it',
  },
  stop: {
    from: ['approved', 'sent'],
    to: 'refused',
    by: ['staff'],
    right: 'refunds.send',
    needs:
      'its last try was clearly refused, or there was none; the gateway has never accepted it, and its refund query says that there is none',
    does: 'frees the sum, and nothing is sent any more; the buyer sees it',
  },
  giveWay: {
    from: ['requested', 'approved', 'sent'],
    to: 'refused',
    by: ['shop'],
    needs: 'the gateway has said that the same money, or all that was left, went back under another number',
    does: 'frees the sum; staff see it',
  },
  sendAgain: {
    from: ['refused'],
    to: 'approved',
    by: ['staff'],
    right: 'refunds.send',
    needs: 'the sum is still there to be paid back',
    does: 'reserves the sum again and has it sent with the same number; with a new one where the gateway has closed it',
  },
} as const satisfies StateTable<RefundStatus>

export type RefundEvent = keyof typeof REFUND_TRANSITIONS
