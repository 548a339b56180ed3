/** A reported payment, and its outcome. */
import type { PaymentSource } from '../../orders/reasons.ts'
import type { PaidNotice } from '../contract.ts'

export interface PaidAttempt extends PaidNotice {
  readonly provider: string
  /** Where the report came from, for the order's history. */
  readonly source: PaymentSource
  /** The notification that was replayed, and by whom. */
  readonly replayed?: { readonly notificationId: number; readonly by: string }
  /** Whether the gateway has refunded some of it, possibly all, before we heard of it. */
  readonly isRefunded?: boolean
  readonly now: Date
}

/**
 * The outcome of a payment. `unmatched` is money that no unpaid order can take: it is recorded as unmatched, and
 * refunded if it is ours to refund.
 */
export type Settlement =
  | { readonly outcome: 'settled' }
  | { readonly outcome: 'repeated' }
  | { readonly outcome: 'unmatched'; readonly reason: UnmatchedReason }

export type UnmatchedReason =
  | 'UNKNOWN_ATTEMPT'
  | 'AMOUNT_DIFFERS'
  | 'SECOND_TRADE'
  | 'ORDER_ALREADY_PAID'
  | 'ORDER_CLOSED'
  | 'COURSE_ALREADY_OWNED'
  | 'REFUNDED_THERE'
