/** @xuecheng/alipay: Alipay's web payment, typed, verified, without third-party dependencies. */
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
  readTime,
  sameKey,
  samePair,
  writeAmount,
  writeTime,
} from '@xuecheng/client-kit'
export type { DownloadOptions } from './bill-download.ts'
export type { BillRow } from './bill-row.ts'
export type { BillSummary, BillSummaryRow } from './bill-summary.ts'
export type { BillQuery, BillUrl } from './bill-url.ts'
export { type CertificateFiles, certSn, rootCertSn } from './certificates.ts'
export {
  type Alipay,
  type AlipayOptions,
  type Answer,
  createAlipay,
  type ExecuteOptions,
  PRODUCTION_GATEWAY,
  SANDBOX_GATEWAY,
} from './client.ts'
export type { Close, Closed } from './close.ts'
export {
  AlipayError,
  BillError,
  FieldError,
  GatewayRefusedError,
  KeyError,
  NotSentError,
  UnknownOutcomeError,
} from './errors.ts'
export type { LogEntry } from './execute.ts'
export type { TradeRef } from './fields.ts'
export type { FundBill, Notification, TradeStatus } from './notification.ts'
export type { PagePay, Pay } from './page-pay.ts'
export type { NoTrade, QueryOptions, Trade } from './query.ts'
export type { Refund, Refunded } from './refund.ts'
export type { RefundMade, RefundNotMade, RefundQuery } from './refund-query.ts'
export type { Return, ReturnOptions } from './return.ts'
export type { SignType } from './sign.ts'
export type { RefusalCode, Refused } from './signed-form.ts'
export {
  BILL_SUB_CODES,
  type BillSubCode,
  type BusinessRefusal,
  CLOSE_SUB_CODES,
  type CloseSubCode,
  CREATE_SUB_CODES,
  type CreateSubCode,
  QUERY_SUB_CODES,
  type QuerySubCode,
  REFUND_QUERY_SUB_CODES,
  REFUND_SUB_CODES,
  type RefundQuerySubCode,
  type RefundSubCode,
  type Repeat,
} from './sub-codes.ts'
export { readTradeBill, type TradeBill } from './trade-bill.ts'
export { type AlipayVerifier, createVerifier, type VerifierOptions } from './verifier.ts'
export type { WapPay } from './wap-pay.ts'
