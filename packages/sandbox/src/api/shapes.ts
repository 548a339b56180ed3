/** The shapes of `/sandbox/api`: money as decimal strings in yuan, times as RFC 3339 with +08:00. */
import { type Static, type TProperties, Type } from 'typebox'
import type { Merchant } from '../alipay/merchants.ts'
import type { Trade } from '../alipay/trades/trade.ts'
import type { Buyer } from '../core/buyers.ts'
import { yuan } from '../core/money.ts'
import type { Attempt, Delivery } from '../core/notifications/store.ts'
import type { TradeEvent } from '../core/storage/history.ts'
import { rfc3339 } from '../core/time.ts'

export const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])

/** A request body. Unknown fields are refused: ignoring them would look as if they had worked. */
export const bodyOf = <P extends TProperties>(properties: P) => Type.Object(properties, { additionalProperties: false })

export const PaymentPassword = Type.Optional(
  Type.String({ maxLength: 100, description: 'If wrong, the payment is refused; the right one by default' }),
)

export const MerchantShape = Type.Object(
  {
    appId: Type.String(),
    name: Type.String(),
    sellerId: Type.String(),
    sellerEmail: Type.String(),
    keyMode: Type.Union([Type.Literal('key'), Type.Literal('cert')]),
    appPublicKey: Nullable(Type.String()),
    alipayPublicKey: Type.String({ description: 'Bare Base64 of the SPKI, as Alipay’s console shows it' }),
    certificates: Nullable(
      Type.Object({
        appCert: Type.String(),
        alipayCert: Type.String(),
        rootCert: Type.String(),
        appCertSn: Type.String(),
        alipayCertSn: Type.String(),
        rootCertSn: Type.String(),
      }),
    ),
    aesKey: Type.String({ description: 'Content encryption key, Base64' }),
    gateway: Type.String(),
    rules: Type.Object({
      notifyOnPartialRefund: Type.Boolean(),
      notifyOnClose: Type.Boolean(),
      partialRefunds: Type.Boolean(),
      refundGapSeconds: Type.Integer(),
      emptyBills: Type.Union([Type.Literal('file'), Type.Literal('error')]),
      billHour: Type.Integer(),
      refundDays: Type.Integer(),
      refundable: Type.Boolean(),
      feeRate: Type.Integer(),
    }),
    createdAt: Type.String(),
    appPrivateKey: Type.Optional(
      Type.String({ description: 'Only in the answer that created the pair: bare Base64 of PKCS#8' }),
    ),
  },
  { $id: 'Merchant' },
)

export const BuyerShape = Type.Object(
  {
    id: Type.String(),
    login: Type.String(),
    name: Type.String(),
    loginPassword: Type.String(),
    paymentPassword: Type.String(),
    balance: Type.String(),
    createdAt: Type.String(),
  },
  { $id: 'Buyer' },
)

const EventShape = Type.Object({ at: Type.String(), event: Type.String(), detail: Type.String() })

export const TradeShape = Type.Object(
  {
    tradeNo: Type.String(),
    appId: Type.String(),
    sellerId: Type.String(),
    outTradeNo: Type.String(),
    buyerId: Type.String(),
    status: Type.String(),
    totalAmount: Type.String(),
    refundedAmount: Type.String(),
    subject: Type.String(),
    method: Type.String(),
    notifyUrl: Nullable(Type.String()),
    returnUrl: Nullable(Type.String()),
    createdAt: Type.String(),
    expiresAt: Type.String(),
    paidAt: Nullable(Type.String()),
    closedAt: Nullable(Type.String()),
    history: Type.Optional(Type.Array(EventShape)),
  },
  { $id: 'Trade' },
)

export const AttemptShape = Type.Object({
  kind: Type.String(),
  at: Type.String(),
  requestHeaders: Type.String(),
  requestBody: Type.String(),
  responseStatus: Nullable(Type.Integer()),
  responseHeaders: Type.String(),
  responseBody: Type.String({ description: 'As UTF-8; the first 64 kB' }),
  error: Nullable(Type.String()),
  durationMs: Type.Integer(),
  acknowledged: Type.Boolean(),
})

export const DeliveryShape = Type.Object(
  {
    id: Type.Integer(),
    notifyId: Type.String(),
    appId: Type.String(),
    tradeNo: Type.String(),
    outTradeNo: Type.String(),
    event: Type.String(),
    url: Type.String(),
    state: Type.Union([
      Type.Literal('pending'),
      Type.Literal('delivered'),
      Type.Literal('exhausted'),
      Type.Literal('dropped'),
    ]),
    nextAt: Nullable(Type.String()),
    createdAt: Type.String(),
    attempts: Type.Array(AttemptShape),
  },
  { $id: 'Delivery' },
)

export const ErrorShape = Type.Object({ code: Type.String(), message: Type.String() }, { $id: 'Error' })

export const page = <T extends Parameters<typeof Type.Array>[0]>(items: T) =>
  Type.Object({ items: Type.Array(items), next: Nullable(Type.String()) })

const when = (at: number | undefined) => (at === undefined ? null : rfc3339(at))

export function merchantJson(merchant: Merchant, base: string): Static<typeof MerchantShape> {
  return {
    appId: merchant.appId,
    name: merchant.name,
    sellerId: merchant.sellerId,
    sellerEmail: merchant.sellerEmail,
    keyMode: merchant.keyMode,
    appPublicKey: merchant.appPublicKey ?? null,
    alipayPublicKey: merchant.alipayPublicKey,
    certificates: merchant.certificates ?? null,
    aesKey: merchant.aesKey,
    gateway: `${base}/gateway.do`,
    rules: merchant.rules,
    createdAt: rfc3339(merchant.createdAt),
  }
}

export function buyerJson(buyer: Buyer): Static<typeof BuyerShape> {
  return { ...buyer, balance: yuan(buyer.balance), createdAt: rfc3339(buyer.createdAt) }
}

export function tradeJson(trade: Trade, history?: readonly TradeEvent[]): Static<typeof TradeShape> {
  return {
    tradeNo: trade.tradeNo,
    appId: trade.appId,
    sellerId: trade.sellerId,
    outTradeNo: trade.outTradeNo,
    buyerId: trade.buyerId,
    status: trade.status,
    totalAmount: yuan(trade.total),
    refundedAmount: yuan(trade.refunded),
    subject: trade.subject,
    method: trade.request.method,
    notifyUrl: trade.request.notifyUrl ?? null,
    returnUrl: trade.request.returnUrl ?? null,
    createdAt: rfc3339(trade.createdAt),
    expiresAt: rfc3339(trade.expiresAt),
    paidAt: when(trade.paidAt),
    closedAt: when(trade.closedAt),
    ...(history && { history: history.map((event) => ({ ...event, at: rfc3339(event.at) })) }),
  }
}

export function attemptJson(attempt: Attempt): Static<typeof AttemptShape> {
  return {
    kind: attempt.kind,
    at: rfc3339(attempt.at),
    requestHeaders: attempt.requestHeaders,
    requestBody: attempt.requestBody.toString('latin1'),
    responseStatus: attempt.answer.status ?? null,
    responseHeaders: attempt.answer.headers,
    responseBody: attempt.answer.body.toString('utf8'),
    error: attempt.answer.error || null,
    durationMs: attempt.duration,
    acknowledged: attempt.acknowledged,
  }
}

export function deliveryJson(delivery: Delivery, attempts: readonly Attempt[]): Static<typeof DeliveryShape> {
  const { id, notifyId, appId, tradeNo, outTradeNo, event, url, state } = delivery
  return {
    id,
    notifyId,
    appId,
    tradeNo,
    outTradeNo,
    event,
    url,
    state,
    nextAt: when(delivery.nextAt),
    createdAt: rfc3339(delivery.createdAt),
    attempts: attempts.map(attemptJson),
  }
}
