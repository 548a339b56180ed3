/**
 * Notifications (WeChat Pay, "Payment notification", "Refund notification"): verified from the raw body, then
 * decrypted.
 */
import { decrypt, type Encrypted } from './encryption.ts'
import { asObject, fenOf, type JsonObject, readObject, textOf } from './json.ts'
import type { KeyRing } from './key-ring.ts'
import { isStatus, type RefundStatus } from './refund.ts'
import { readMoment } from './time.ts'
import { isPaid, readTrade, type TradeFields } from './trade.ts'
import { checkSignature, type HeadersLike, type SignatureProblem } from './verify.ts'

/** The documented limit of the encrypted part, and room for the envelope; genuine ones are a few kilobytes. */
const MAX_BYTES = 1024 * 1024 + 64 * 1024

/** A genuine notification. Genuine does not mean that it is about your order: compare the fields. */
export type Notification = PaymentNotification | RefundNotification

interface Envelope {
  readonly ok: true
  /** The same in every delivery of one event. */
  readonly id: string
  readonly createTime: Date
  /** `TRANSACTION.SUCCESS`, `REFUND.SUCCESS`, `REFUND.ABNORMAL`, `REFUND.CLOSED`. */
  readonly eventType: string
}

/** A payment succeeded: WeChat sends no other payment event. */
export interface PaymentNotification extends Envelope, TradeFields {
  readonly kind: 'transaction'
  readonly transactionId: string
  readonly successTime: Date
}

/** A refund reached its final state. Amounts in fen. */
export interface RefundNotification extends Envelope {
  readonly kind: 'refund'
  readonly mchId: string
  readonly outTradeNo: string
  readonly transactionId: string
  readonly outRefundNo: string
  readonly refundId: string
  readonly status: RefundStatus
  /** Of this refund alone. */
  readonly refund: number
  /** The order's amount. */
  readonly total: number
  readonly payerRefund: number | undefined
  readonly successTime: Date | undefined
  readonly receivedBy: string | undefined
  readonly values: JsonObject
}

export type RefusalCode =
  | SignatureProblem
  | 'TOO_LARGE'
  | 'NOT_JSON'
  | 'NOT_DECRYPTED'
  | 'UNSUPPORTED_EVENT'
  | 'MISSING_FIELD'

/** Answer with 4XX or 5XX: WeChat then sends it again, correctly signed if this one was a signature test. */
export interface Refused {
  readonly ok: false
  readonly code: RefusalCode
  readonly message: string
}

export interface Opener {
  readonly keys: KeyRing
  readonly apiV3Key: Buffer
  readonly clock: () => Date
}

/**
 * Verifies a notification and reads it. Never throws for bad input.
 * @param body the raw bytes, before any parsing
 * @param headers the request's headers
 */
export async function verifyNotification(
  body: Uint8Array | string,
  headers: HeadersLike,
  { keys, apiV3Key, clock }: Opener,
): Promise<Notification | Refused> {
  const bytes =
    typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  if (bytes.length > MAX_BYTES) return refuse('TOO_LARGE', 'The body is larger than 1 MiB.')
  const bad = await checkSignature(bytes, headers, keys, clock())
  // guard: wechat-signature
  if (bad) return refuse(bad.code, bad.message)
  const envelope = readObject(bytes.toString('utf8'))
  const resource = asObject(envelope?.['resource'])
  if (!envelope || !resource) return refuse('NOT_JSON', 'The body is not a notification.')
  const plain = decrypt(encryptedOf(resource), apiV3Key)
  if (plain === undefined)
    return refuse(
      'NOT_DECRYPTED',
      'It cannot be decrypted: the configured APIv3 key is not the one set in the console.',
    )
  const values = readObject(plain)
  const createTime = readMoment(textOf(envelope, 'create_time'))
  const [id, eventType] = [textOf(envelope, 'id'), textOf(envelope, 'event_type')]
  if (!values || !id || !createTime) return missing()
  const outer = { ok: true, id, createTime, eventType } as const
  if (eventType === 'TRANSACTION.SUCCESS') return readPayment(outer, values) ?? missing()
  if (/^REFUND\.(SUCCESS|ABNORMAL|CLOSED)$/.test(eventType)) return readRefund(outer, values) ?? missing()
  return refuse('UNSUPPORTED_EVENT', `${eventType.slice(0, 40) || 'Nothing'} is not a payment or refund event.`)
}

const refuse = (code: RefusalCode, message: string): Refused => ({ ok: false, code, message })

const missing = (): Refused =>
  refuse('MISSING_FIELD', 'A field that every such notification has is missing or not readable.')

const encryptedOf = (resource: JsonObject): Encrypted => ({
  algorithm: textOf(resource, 'algorithm'),
  ciphertext: textOf(resource, 'ciphertext'),
  nonce: textOf(resource, 'nonce'),
  associatedData: textOf(resource, 'associated_data'),
})

function readPayment(envelope: Envelope, values: JsonObject): PaymentNotification | undefined {
  const trade = readTrade(values)
  if (!trade?.transactionId || !trade.successTime || !isPaid(trade.tradeState)) return undefined
  const { transactionId, successTime } = trade
  return { ...envelope, kind: 'transaction', ...trade, transactionId, successTime }
}

/** Here the status is called `refund_status`, unlike in answers. */
function readRefund(envelope: Envelope, values: JsonObject): RefundNotification | undefined {
  const text = (name: string) => textOf(values, name)
  const amount = asObject(values['amount'])
  const [refund, total, status] = [fenOf(amount, 'refund'), fenOf(amount, 'total'), text('refund_status')]
  const [mchId, outTradeNo, transactionId] = [text('mchid'), text('out_trade_no'), text('transaction_id')]
  const [outRefundNo, refundId] = [text('out_refund_no'), text('refund_id')]
  if (!mchId || !outTradeNo || !transactionId || !outRefundNo || !refundId) return undefined
  if (!isStatus(status) || refund === undefined || total === undefined) return undefined
  // The envelope's event type and the encrypted content must agree.
  if (envelope.eventType !== `REFUND.${status}`) return undefined
  return {
    ...envelope,
    kind: 'refund',
    mchId,
    outTradeNo,
    transactionId,
    outRefundNo,
    refundId,
    status,
    refund,
    total,
    payerRefund: fenOf(amount, 'payer_refund'),
    successTime: readMoment(text('success_time')),
    receivedBy: text('user_received_account') || undefined,
    values,
  }
}
