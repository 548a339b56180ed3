/**
 * The interface of a payment provider. Each provider has its own folder; the code outside those folders knows no names.
 */
import type { Fen } from '../money.ts'

/** The paying client, as far as it decides which link the buyer gets. */
export interface Client {
  /** `messenger`: a phone's browser inside the messenger, which opens no cashier page. */
  readonly device: 'computer' | 'phone' | 'messenger'
  /** The client's IPv4 or IPv6 address, which some gateways require; empty if unknown. */
  readonly address: string
}

/** A public example address (RFC 5737), to find out what a buyer anywhere on the internet would get. */
export const SOMEWHERE = '203.0.113.7'

/** What the gateway receives for one attempt to pay an order. */
export interface AttemptToPay {
  readonly attemptNo: string
  readonly orderNo: string
  /** The path of the shop page for this payment: a buyer who gives up at the gateway returns to it. */
  readonly page: string
  readonly amount: Fen
  readonly subject: string
  /** The link's own limit: after it the gateway accepts no payment for this attempt. */
  readonly expiresAt: Date
  /** Which of the provider's products it is paid with; fixed for the life of an attempt. */
  readonly channel: string
  /** The merchant it was opened at; its number is sent to no other. Null if that was not recorded. */
  readonly merchant: string | null
}

/**
 * The page the buyer is sent to (`payUrl`) or the code the buyer scans (`codeUrl`). A sandbox adds the page where the
 * code can be scanned without a phone.
 */
export type PayLink = { readonly payUrl: string } | { readonly codeUrl: string; readonly scanUrl?: string }

/** A link with its own expiry, after which the gateway issues another one for the same attempt. */
export interface RequestedLink {
  readonly link: PayLink
  readonly until: Date
}

/** The gateway makes no link for this attempt. It may be paid or closed there: a query tells. */
export interface LinkRefused {
  readonly refusal: string
}

/**
 * How a provider makes its links: signed locally without any network call, or requested from its gateway once the
 * attempt is stored. Requesting one again for the same attempt is harmless, though the previous link may stop working.
 */
export type Links =
  | { readonly signed: 'locally'; sign(attempt: AttemptToPay): Promise<PayLink> }
  /** @throws ShopError GATEWAY_UNAVAILABLE when there is no answer that can be trusted */
  | {
      readonly signed: 'at the gateway'
      request(attempt: AttemptToPay, client: Client): Promise<RequestedLink | LinkRefused>
    }

/** What the gateway reports about an attempt, in an answer whose signature was verified. */
export type GatewayTrade =
  | { readonly state: 'none' }
  /** With the gateway's trade number, if it gives one. */
  | { readonly state: 'waiting' | 'closed'; readonly tradeNo?: string }
  /** It was paid, even if part or all of it has been refunded since. */
  | {
      readonly state: 'paid'
      readonly tradeNo: string
      readonly amount: Fen
      readonly paidAt: Date
      /** The merchant it was paid at, if there can be several. */
      readonly merchant?: string | null
      /** Whether some of it, possibly all, has been refunded since: a query does not say how much. */
      readonly isRefunded?: boolean
    }

/** One check of a notification with its result; kept in the inbox for staff to read. */
export interface Check {
  readonly check: string
  readonly passed: boolean
  /** The value in the notification. */
  readonly detail?: string
  /** The expected value, if there is exactly one. */
  readonly expected?: string
}

/** A notification as received. */
export interface RawNotification {
  readonly body: Buffer
  /** The size of the whole body; `body` is truncated if it was larger than we keep. */
  readonly bodyBytes: number
  readonly contentType: string
  readonly headers: Readonly<Record<string, string>>
  readonly address: string
  readonly receivedAt: Date
}

/** A notification as its provider parses it. Without `paid` it settles nothing. */
export interface ReadNotification {
  readonly checks: readonly Check[]
  readonly attemptNo?: string
  readonly tradeNo?: string
  readonly notifyId?: string
  /** Set only when every check passed and the notification says that the attempt was paid. */
  readonly paid?: PaidNotice
  /**
   * Our refund that a genuine notification is about. The notification's result is not relied on: the gateway is
   * queried.
   */
  readonly refundNo?: string
  /** Set when the notification is genuine and needs no action, so that the gateway stops sending it. */
  readonly nothingToDo?: boolean
  /** Byte for byte what the diagnostics send to check that the address answers: it claims nothing. */
  readonly probe?: boolean
}

/** A verified report of the gateway that an attempt was paid to our application and our seller. */
export interface PaidNotice {
  readonly attemptNo: string
  readonly tradeNo: string
  readonly amount: Fen
  readonly paidAt: Date
  /** The merchant that reported it, if there can be several. */
  readonly from?: PaidReport
}

export interface PaidReport {
  readonly merchant: string | null
  /**
   * Whether this report counts for an attempt opened at the given merchant; null if that was not recorded.
   * @throws ShopError GATEWAY_UNAVAILABLE while that cannot be known yet
   */
  pays(opened: string | null): boolean
}

/** Identifies a refund at its gateway. */
export interface RefundRef {
  readonly attemptNo: string
  readonly tradeNo: string
  readonly requestNo: string
  /** The merchant it was paid at; null if that was not recorded. */
  readonly merchant: string | null
}

/** A refund to request from the gateway. The same number with the same amount never pays back twice. */
export interface RefundToSend extends RefundRef {
  readonly amount: Fen
  /** The whole amount paid with the trade. */
  readonly paid: Fen
  readonly reason: string
  /** How many times it was sent, including this one. */
  readonly tries: number
}

/** `accepted`: in progress, which may take days. `later`: refused for now; the same request may succeed later. */
export type RefundAnswer =
  /** `at`: the gateway's own time, by which its bill lists the refund; left out if it does not say. */
  | { readonly state: 'succeeded'; readonly at?: Date | undefined }
  | { readonly state: 'accepted' }
  /**
   * `taken`: the gateway has the refund, but it waits there until somebody acts. `unmade`: the gateway refused this call,
   * and says that it has no refund with that number.
   */
  | { readonly state: 'later'; readonly refusal: string; readonly taken?: boolean; readonly unmade?: boolean }
  /** `spent`: the gateway has closed the refund's number, which can never be used again. */
  | { readonly state: 'refused'; readonly refusal: string; readonly spent?: boolean }

/** `none`: the gateway has no refund with that number. */
export type RefundFound = RefundAnswer | { readonly state: 'none' }

/** One line of a day's bill. Amounts in fen. */
export interface BillLine {
  readonly kind: 'payment' | 'refund'
  readonly tradeNo: string
  readonly attemptNo: string
  /** Refunds only; '' on a payment. */
  readonly requestNo: string
  readonly amount: Fen
  /** The merchant that the bill names for it, if there can be several in one bill. */
  readonly merchant?: string
  /** Whether that is none of the shop's own, retired ones included: another application of the same account. */
  readonly isOfAnotherApplication?: boolean
  /** The fee that the gateway charged; negative if it gave a fee back. */
  readonly fee: number
  /** The fee by the configured rate, if there is one. */
  readonly expectedFee?: number
  readonly at: Date
}

/** The totals that a bill itself states, by name: amounts in fen, and counts. */
export type BillSummary = Readonly<Record<string, number>>

/**
 * `none`: there is no bill, since the account had no trades that day. `not offered`: the gateway gives out no bill of
 * that day, or no longer. `contradictory`: its rows do not add up to the totals that it states, so nothing in it counts.
 */
export type BillAnswer =
  | { readonly state: 'not yet' | 'none' | 'not offered' | 'contradictory' }
  | { readonly state: 'ready'; readonly lines: readonly BillLine[]; readonly summary?: BillSummary }

export interface PaymentProvider {
  readonly name: string
  /** The merchant at which new attempts are opened; stored with each. Undefined while none takes payments. */
  readonly merchant: string | undefined
  /** Which product suits the client. */
  channelFor(client: Client): string
  readonly links: Links
  /** Minimum time between two different refunds of one payment: the gateway refuses a second one before that. */
  readonly refundGapMs: number
  /**
   * Queries the gateway, at the merchant where the attempt was opened.
   * @throws ShopError GATEWAY_UNAVAILABLE when there is no answer that can be trusted
   */
  queryTrade(attemptNo: string, merchant: string | null): Promise<GatewayTrade>
  /** Closes the attempt's trade if it is waiting for payment. @throws ShopError GATEWAY_UNAVAILABLE */
  close(attemptNo: string, merchant: string | null): Promise<void>
  /**
   * Refunds, or finds that it was refunded before.
   * @throws ShopError GATEWAY_UNAVAILABLE when the outcome is unknown
   */
  refund(refund: RefundToSend): Promise<RefundAnswer>
  /**
   * Looks a refund up without sending it. Undefined if the gateway's books do not say.
   * @throws ShopError GATEWAY_UNAVAILABLE when the outcome is unknown
   */
  queryRefund(refund: RefundRef): Promise<RefundFound | undefined>
  /**
   * A Beijing day's bill (`YYYY-MM-DD`), once it is due.
   * @param tradedAt the merchants at which our books have payments or refunds of that day; null if that was not recorded
   * @throws ShopError GATEWAY_UNAVAILABLE
   */
  bill(day: string, tradedAt: readonly (string | null)[]): Promise<BillAnswer>
  /** Verifies and parses. Never throws because of what was sent. */
  readNotification(raw: RawNotification): Promise<ReadNotification>
}
