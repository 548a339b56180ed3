/** What the shop asks of a payment provider. One folder a provider; nothing above this line knows their names. */
import type { Fen } from '../../money.ts'

/** Who pays, as far as it decides what they are sent to. */
export interface Payer {
  /** `messenger`: a phone's browser inside the messenger, which opens no cashier. */
  readonly device: 'computer' | 'phone' | 'messenger'
  /** Their network address, which some gateways want to know. */
  readonly address: string
}

/** What the gateway is told about one try to pay an order. */
export interface AttemptToPay {
  readonly attemptNo: string
  readonly orderNo: string
  readonly amount: Fen
  readonly subject: string
  /** The link's own limit: after it the gateway takes no money for this attempt. */
  readonly expiresAt: Date
  /** Which of the provider's products it is paid by: an attempt never changes it. */
  readonly channel: string
  /** The merchant that it was opened at: the number is made known to no other. Null where that was not noted. */
  readonly merchant: string | null
}

/**
 * Where the buyer goes (`payUrl`) or what the buyer scans (`codeUrl`); with the page where it can be scanned without a
 * phone, where the gateway is a sandbox.
 */
export type PayLink = { readonly payUrl: string } | { readonly codeUrl: string; readonly scanUrl?: string }

/** A link with its own end, after which the gateway gives another one for the same attempt. */
export interface OrderedLink {
  readonly link: PayLink
  readonly until: Date
}

/**
 * How a provider makes its links: signed here, without any network, or ordered from its gateway once the attempt is
 * stored. Ordering the same attempt again is harmless, though the link before it may die.
 */
export type Links =
  | { readonly made: 'here'; sign(attempt: AttemptToPay): Promise<PayLink> }
  /** @throws ShopError GATEWAY_UNAVAILABLE */
  | { readonly made: 'there'; order(attempt: AttemptToPay, payer: Payer): Promise<OrderedLink> }

/** What the gateway says of an attempt, its answer's signature verified. */
export type GatewayTrade =
  | { readonly state: 'none' }
  /** With the gateway's number of the trade, where it tells one. */
  | { readonly state: 'waiting' | 'closed'; readonly tradeNo?: string }
  /** It was paid, whatever has gone back since, all of it included. */
  | {
      readonly state: 'paid'
      readonly tradeNo: string
      readonly amount: Fen
      readonly paidAt: Date
      /** Where it was paid, where there may be several. */
      readonly merchant?: string | null
    }

/** One check of a notification, with its verdict; kept in the inbox for staff to read. */
export interface Check {
  readonly check: string
  readonly passed: boolean
  /** What it says. */
  readonly detail?: string
  /** What it should have said, where that is one thing. */
  readonly expected?: string
}

/** A notification as it came. */
export interface RawNotification {
  readonly body: Buffer
  /** What came in all; `body` is cut off where it was larger than we keep. */
  readonly bodyBytes: number
  readonly contentType: string
  readonly headers: Readonly<Record<string, string>>
  readonly address: string
  readonly receivedAt: Date
}

/** A notification as its provider reads it. Without `paid` it says nothing that we act on. */
export interface ReadNotification {
  readonly checks: readonly Check[]
  readonly attemptNo?: string
  readonly tradeNo?: string
  readonly notifyId?: string
  /** Set only when every check passed and the notification says that the attempt was paid. */
  readonly paid?: PaidNotice
  /** The refund of ours that a genuine notification is about: its word is not taken for it, the gateway is asked. */
  readonly refundNo?: string
  /** Set when the notification is genuine and there is nothing to do, so that it must not come again. */
  readonly nothingToDo?: boolean
  /** Byte for byte what the doctor sends to see whether the address answers: it claims nothing. */
  readonly probe?: boolean
}

/** The gateway's word, verified, that an attempt was paid to our application and our seller. */
export interface PaidNotice {
  readonly attemptNo: string
  readonly tradeNo: string
  readonly amount: Fen
  readonly paidAt: Date
  /** Whose word it is, where there may be several merchants. */
  readonly from?: PaidWord
}

export interface PaidWord {
  readonly merchant: string | null
  /**
   * Whether it counts for what was opened at this merchant; null where that was not noted.
   * @throws ShopError GATEWAY_UNAVAILABLE while it cannot be known yet
   */
  pays(opened: string | null): boolean
}

/** A refund, by what its gateway knows it by. */
export interface RefundRef {
  readonly attemptNo: string
  readonly tradeNo: string
  readonly requestNo: string
  /** Where it was paid; null where that was not noted. */
  readonly merchant: string | null
}

/** What the gateway is asked to pay back. The same number with the same amount never pays back twice. */
export interface RefundToSend extends RefundRef {
  readonly amount: Fen
  /** All that was paid with the trade. */
  readonly paid: Fen
  readonly reason: string
  /** How often it was sent, this time included. */
  readonly tries: number
}

/** `accepted`: on its way, which may take days. `later`: refused for now, and the very same request may succeed later. */
export type RefundAnswer =
  | { readonly state: 'succeeded' }
  | { readonly state: 'accepted' }
  /** `taken`: the gateway has it, and it waits there for something that somebody must do. */
  | { readonly state: 'later'; readonly refusal: string; readonly taken?: boolean }
  /** `spent`: its number can never be used again, since the gateway has closed it. */
  | { readonly state: 'refused'; readonly refusal: string; readonly spent?: boolean }

/** One line of a day's bill. Amounts in fen. */
export interface BillLine {
  readonly kind: 'payment' | 'refund'
  readonly tradeNo: string
  readonly attemptNo: string
  /** Of a refund; '' on a payment. */
  readonly requestNo: string
  readonly amount: Fen
  /** What the gateway kept. */
  readonly fee: number
  /** What it was to keep, where the shop has been told the rate. */
  readonly expectedFee?: number
  readonly at: Date
}

export type BillAnswer =
  | { readonly state: 'not yet' }
  | { readonly state: 'ready'; readonly lines: readonly BillLine[] }

export interface PaymentProvider {
  readonly name: string
  /** Under which merchant new attempts are opened; noted with each. Undefined while none takes payments. */
  readonly merchant: string | undefined
  /** Which product suits the payer. */
  channelFor(payer: Payer): string
  readonly links: Links
  /** Asks the gateway, where the attempt was opened. @throws ShopError GATEWAY_UNAVAILABLE when there is no answer that can be believed */
  ask(attemptNo: string, merchant: string | null): Promise<GatewayTrade>
  /** Closes the attempt's trade if it waits for payment. @throws ShopError GATEWAY_UNAVAILABLE */
  close(attemptNo: string, merchant: string | null): Promise<void>
  /** Pays back, or finds that it was paid back before. @throws ShopError GATEWAY_UNAVAILABLE when the outcome is unknown */
  refund(refund: RefundToSend): Promise<RefundAnswer>
  /** What became of a refund, without sending it. Undefined where its books know of none, or do not say. @throws the same */
  lookForRefund(refund: RefundRef): Promise<RefundAnswer | undefined>
  /** A Beijing day's bill (`YYYY-MM-DD`), once it is due. @throws ShopError GATEWAY_UNAVAILABLE */
  bill(day: string): Promise<BillAnswer>
  /** Verifies and reads. Never throws for what somebody sent. */
  readNotification(raw: RawNotification): Promise<ReadNotification>
}
