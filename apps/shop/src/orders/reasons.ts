/** Why something happened to an order, as data: a code from a closed list, with its facts. The pages have the texts. */
import { type Static, Type } from 'typebox'

/** Why the shop refunds automatically, or records a refund that was made elsewhere. */
export const REFUND_REASONS = ['ORDER_ALREADY_PAID', 'ORDER_CLOSED', 'COURSE_ALREADY_OWNED', 'MADE_BY_HAND'] as const
export type RefundReason = (typeof REFUND_REASONS)[number]

export const REASON_CODES = [
  ...REFUND_REASONS,
  'METHOD_CHOSEN',
  'PAID',
  'NOT_PAID_IN_TIME',
  'CLOSED_AT_GATEWAY',
  'NOT_NEEDED',
  'GIVEN_UP',
  'LATE_PAYMENT_OF',
  'LATE_PAYMENT_MOVED_TO',
  'NUMBER_SPENT',
  'NUMBER_REPLACED',
  'MADE_INSTEAD',
  'STOPPED',
  'REFUNDED_THERE',
  'REFUNDED',
  'DIFFERENCE',
] as const
export type ReasonCode = (typeof REASON_CODES)[number]

/** How we learned of a payment. */
export const PAYMENT_SOURCES = ['notification', 'query', 'replay'] as const
export type PaymentSource = (typeof PAYMENT_SOURCES)[number]

/** The facts of all reasons; `Reason` says which ones each reason has. */
export const DetailsShape = Type.Object({
  provider: Type.Optional(Type.String({ description: 'The payment method' })),
  tradeNo: Type.Optional(Type.String()),
  source: Type.Optional(Type.Enum([...PAYMENT_SOURCES], { description: 'How the payment came to light' })),
  notificationId: Type.Optional(Type.Integer({ description: 'The notification that was replayed' })),
  by: Type.Optional(Type.String({ description: 'Who replayed it' })),
  orderNo: Type.Optional(Type.String({ description: 'The other order' })),
  requestNo: Type.Optional(Type.String({ description: 'The refund, or its other number' })),
  why: Type.Optional(Type.Enum([...REFUND_REASONS], { description: "The refund's own reason" })),
  kind: Type.Optional(Type.String({ description: 'The kind of the difference' })),
})
export type Details = Static<typeof DetailsShape>

type Has<Code extends ReasonCode, Needed extends keyof Details = never, Also extends keyof Details = never> = {
  readonly code: Code
  /** A note that a person added. */
  readonly note?: string
} & Readonly<Required<Pick<Details, Needed>> & Pick<Details, Also>>

export type Reason =
  | Has<
      RefundReason | 'NOT_PAID_IN_TIME' | 'CLOSED_AT_GATEWAY' | 'NOT_NEEDED' | 'GIVEN_UP' | 'STOPPED' | 'REFUNDED_THERE'
    >
  | Has<'METHOD_CHOSEN', 'provider'>
  | Has<'PAID', 'provider' | 'tradeNo' | 'source', 'notificationId' | 'by'>
  /** A new order takes the payment of an expired one; each names the other. */
  | Has<'LATE_PAYMENT_OF' | 'LATE_PAYMENT_MOVED_TO', 'orderNo'>
  /** The gateway closed the refund's number, so the refund continues with another; each names the other. */
  | Has<'NUMBER_SPENT' | 'NUMBER_REPLACED', 'requestNo'>
  /** The gateway has paid the same money back with that number. */
  | Has<'MADE_INSTEAD', 'requestNo'>
  | Has<'REFUNDED', 'requestNo', 'why'>
  | Has<'DIFFERENCE', 'kind'>

/** One of the shop's own reasons, or the words of a person or a gateway. */
export type ReasonOrWords = Reason | string

/** The columns of a reason: free text as it is, anything else as data. */
export function reasonColumns(reason: ReasonOrWords) {
  if (typeof reason === 'string') return { reason, reason_code: null, details: null }
  const { code, note = '', ...details } = reason
  const facts = Object.keys(details).length === 0 ? null : JSON.stringify(details)
  return { reason: note, reason_code: code, details: facts }
}
