/** @xuecheng/wechatpay: WeChat Pay's API v3 for a merchant, typed, verified, without third-party dependencies. */
export {
  type CallOptions,
  describeKey,
  fingerprint,
  type GeneratedKeys,
  generateKeys,
  type KeyDefect,
  type KeyDefectCode,
  type KeyDescription,
  type KeyFormat,
  readAmount,
  readPrivateKey,
  readPublicKey,
  readSignedAmount,
  sameKey,
  samePair,
  writeAmount,
} from '@xuecheng/client-kit'
export type { DownloadOptions } from './bill-file.ts'
export {
  createWechatPay,
  type ExecuteOptions,
  type NotificationOptions,
  PRODUCTION_BASE,
  type WechatPay,
  type WechatPayOptions,
} from './client.ts'
export type { Closed } from './close.ts'
export {
  BillError,
  FieldError,
  GatewayRefusedError,
  KeyError,
  NotSentError,
  UnknownOutcomeError,
  WechatPayError,
} from './errors.ts'
export type { Done, LogEntry } from './execute.ts'
export type { TradeRef } from './fields.ts'
export { type FundFlowBill, type FundFlowOptions, type FundFlowRow, readFundFlowBill } from './fund-flow-bill.ts'
export type { JsonObject } from './json.ts'
export type { PlatformCertificate } from './key-ring.ts'
export type {
  Notification,
  PaymentNotification,
  RefundNotification,
  RefusalCode,
  Refused,
} from './notification.ts'
export {
  type H5Order,
  type H5Ordered,
  type JsapiOrder,
  type JsapiOrdered,
  type JsapiParameters,
  type NativeOrdered,
  type Order,
  withRedirectUrl,
} from './order.ts'
export type { NoTrade, Trade } from './query.ts'
export type { Refund, RefundKnown, RefundStatus, RefundUnknown } from './refund.ts'
export {
  BILL_CODES,
  type BillCode,
  CLOSE_CODES,
  type CloseCode,
  CREATE_CODES,
  type CreateCode,
  type ErrorAnswer,
  REFUND_CODES,
  REFUND_QUERY_CODES,
  type RefundCode,
  type RefundQueryCode,
  type Refusal,
  type Repeat,
  sameCode,
} from './refusals.ts'
export { readMoment, writeMoment } from './time.ts'
export { isPaid, type TradeFields, type TradeState } from './trade.ts'
export { readTradeBill, type TradeBill, type TradeBillRow, type TradeBillSummary } from './trade-bill.ts'
export type { HeadersLike, SignatureProblem } from './verify.ts'
