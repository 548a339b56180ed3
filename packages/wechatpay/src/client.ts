/** The client: parses the keys once and has a method for every interface. */
import { type KeyObject, randomBytes } from 'node:crypto'
import { type CallOptions, checkedBase, KeyError, longEnough, readPrivateKey, verdict } from '@xuecheng/client-kit'
import type { DownloadOptions } from './bill-file.ts'
import { downloadCertificates } from './certificates.ts'
import { type Closed, closeTrade } from './close.ts'
import { readApiV3Key } from './encryption.ts'
import { type Done, execute, type LogEntry, ONCE, REPEATABLE, type Transport } from './execute.ts'
import { checkedName, type TradeRef } from './fields.ts'
import { type FundFlowBill, type FundFlowOptions, fetchFundFlowBill } from './fund-flow-bill.ts'
import type { JsonObject } from './json.ts'
import type { PlatformCertificate } from './key-ring.ts'
import { createKeyRing, type GivenKeys, type KeyRing, readGivenKeys } from './key-ring.ts'
import { type Notification, type Refused, verifyNotification } from './notification.ts'
import {
  type H5Order,
  type H5Ordered,
  type JsapiOrder,
  type JsapiOrdered,
  type JsapiParameters,
  jsapiParameters,
  type NativeOrdered,
  type Order,
  orderH5,
  orderJsapi,
  orderNative,
} from './order.ts'
import { type NoTrade, queryTrade, type Trade } from './query.ts'
import { queryRefund, type Refund, type RefundKnown, type RefundUnknown, refundTrade } from './refund.ts'
import type { BillCode, CloseCode, CreateCode, ErrorAnswer, RefundCode, RefundQueryCode, Refusal } from './refusals.ts'
import { fetchTradeBill, type TradeBill } from './trade-bill.ts'
import type { HeadersLike } from './verify.ts'

export const PRODUCTION_BASE = 'https://api.mch.weixin.qq.com'

export interface WechatPayOptions extends GivenKeys {
  /** The merchant's number (mchid). */
  readonly mchId: string
  /** `wx…`; bound to the merchant in the console. */
  readonly appId: string
  /** The serial number of the merchant's API certificate: 40 hexadecimal digits. */
  readonly serialNo: string
  /** The private key of that certificate (`apiclient_key.pem`): PEM, bare base64, or a key object. */
  readonly privateKey: string | KeyObject
  /** The 32 characters set in the console. */
  readonly apiV3Key: string
  /**
   * Whether to download platform certificates too. By default only without `publicKey`; use both while switching over.
   */
  readonly platformCertificates?: boolean | undefined
  readonly baseUrl?: string | undefined
  readonly clock?: (() => Date) | undefined
  /** Milliseconds since any moment, for pauses; `performance.now` by default. */
  readonly elapsed?: (() => number) | undefined
  readonly fetch?: typeof fetch | undefined
  /** Total time for one call with its retries, in milliseconds; 10 s by default. */
  readonly timeoutMs?: number | undefined
  /** How often a call that is safe to repeat is retried; 2 by default. */
  readonly retries?: number | undefined
  /** Called for every attempt; never receives a key, a signature or a buyer's data. */
  readonly log?: ((entry: LogEntry) => void) | undefined
  /** Returns 32 unpredictable characters; for tests. */
  readonly nonce?: (() => string) | undefined
}

export interface ExecuteOptions extends CallOptions {
  /** Whether this call may be retried after an unknown outcome; by default only a GET. */
  readonly repeatAfterUnknown?: boolean | undefined
}

export interface NotificationOptions {
  /** When the notification arrived, if not now: a stored one is checked against the clock of its arrival. */
  readonly at?: Date | undefined
}

/**
 * Every call may throw UnknownOutcomeError (WeChat may have acted), NotSentError (it did not), GatewayRefusedError (it
 * refused the request itself) or FieldError (nothing was sent). Business refusals of methods that change something are
 * values with `ok: false`.
 */
export interface WechatPay {
  readonly mchId: string
  readonly appId: string
  readonly baseUrl: string
  /** A code to scan. */
  native(order: Order, options?: CallOptions): Promise<NativeOrdered | Refusal<CreateCode>>
  /** An address for a phone's browser; see `withRedirectUrl`. */
  h5(order: H5Order, options?: CallOptions): Promise<H5Ordered | Refusal<CreateCode>>
  /** For WeChat's in-app browser: the signed parameters that its page passes on. */
  jsapi(order: JsapiOrder, options?: CallOptions): Promise<JsapiOrdered | Refusal<CreateCode>>
  /**
   * Signs those parameters afresh for a `prepayId` that is still valid (two hours): every opening needs a new
   * signature.
   */
  jsapiParameters(prepayId: string): Promise<JsapiParameters>
  query(trade: TradeRef, options?: CallOptions): Promise<Trade | NoTrade>
  close(trade: { readonly outTradeNo: string }, options?: CallOptions): Promise<Closed | Refusal<CloseCode>>
  refund(refund: Refund, options?: CallOptions): Promise<RefundKnown | Refusal<RefundCode>>
  refundQuery(
    refund: { readonly outRefundNo: string },
    options?: CallOptions,
  ): Promise<RefundKnown | RefundUnknown | Refusal<RefundQueryCode>>
  /** Downloads and reads a day's (`yyyy-MM-dd`) trade bill; throws BillError when its totals do not match its rows. */
  tradeBill(day: string, options?: DownloadOptions): Promise<TradeBill | Refusal<BillCode>>
  /** Downloads and reads a day's movements of the balance. Also throws BillError. */
  fundFlowBill(day: string, options?: FundFlowOptions): Promise<FundFlowBill | Refusal<BillCode>>
  /** Downloads the platform certificates; the client does so by itself when it needs them. */
  certificates(): Promise<readonly PlatformCertificate[]>
  /** Any other call; `path` starts with `/v3` and includes the encoded query. */
  execute(
    method: 'GET' | 'POST',
    path: string,
    body?: JsonObject,
    options?: ExecuteOptions,
  ): Promise<Done | ErrorAnswer>
  /** Verifies a notification from its raw body and its headers, and decrypts it. Never throws for bad input. */
  verifyNotification(
    body: Uint8Array | string,
    headers: HeadersLike,
    options?: NotificationOptions,
  ): Promise<Notification | Refused>
}

/** @throws KeyError when a key is not of the kind its option needs, FieldError when a name or `baseUrl` is invalid */
export function createWechatPay(options: WechatPayOptions): WechatPay {
  const transport = readOptions(options)
  const { mchId, appId, baseUrl } = transport
  return {
    mchId,
    appId,
    baseUrl,
    native: (order, callOptions) => orderNative(transport, order, callOptions),
    h5: (order, callOptions) => orderH5(transport, order, callOptions),
    jsapi: (order, callOptions) => orderJsapi(transport, order, callOptions),
    jsapiParameters: (prepayId) => jsapiParameters(transport, prepayId),
    query: (trade, callOptions) => queryTrade(transport, trade, callOptions),
    close: (trade, callOptions) => closeTrade(transport, trade, callOptions),
    refund: (refund, callOptions) => refundTrade(transport, refund, callOptions),
    refundQuery: (refund, callOptions) => queryRefund(transport, refund, callOptions),
    tradeBill: (day, downloadOptions) => fetchTradeBill(transport, day, downloadOptions),
    fundFlowBill: (day, downloadOptions) => fetchFundFlowBill(transport, day, downloadOptions),
    certificates: async () => transport.keys.refresh(),
    async execute(method, path, body, executeOptions = {}) {
      const { repeatAfterUnknown = method === 'GET' } = executeOptions
      return execute(transport, { method, path, body }, executeOptions, repeatAfterUnknown ? REPEATABLE : ONCE)
    },
    verifyNotification: (body, headers, { at } = {}) =>
      verdict(
        'verifyNotification',
        verifyNotification(body, headers, at ? { ...transport, clock: () => at } : transport),
      ),
  }
}

function readOptions(options: WechatPayOptions): Transport {
  const privateKey = longEnough(readPrivateKey(options.privateKey), 2048, 'SHA256-RSA2048')
  const clock = options.clock ?? (() => new Date())
  const transport: Transport = {
    mchId: checkedName('mchId', options.mchId, /^\d{1,32}$/, "the merchant's number, digits only"),
    appId: checkedName('appId', options.appId, /^\w{1,32}$/, 'an app id (wx…)'),
    serialNo: checkedName('serialNo', options.serialNo, /^[0-9A-Fa-f]{8,64}$/, "the API certificate's serial number"),
    privateKey,
    apiV3Key: readApiV3Key(options.apiV3Key),
    keys: keyRingOf(options, privateKey, clock, () => downloadCertificates(transport)),
    baseUrl: checkedBase('baseUrl', options.baseUrl ?? PRODUCTION_BASE).replace(/\/+$/, ''),
    clock,
    nonce: options.nonce ?? (() => randomBytes(16).toString('hex').toUpperCase()),
    fetch: options.fetch ?? fetch,
    timeoutMs: options.timeoutMs ?? 10_000,
    retries: options.retries ?? 2,
    log: options.log,
  }
  return transport
}

function keyRingOf(
  options: WechatPayOptions,
  privateKey: KeyObject,
  clock: () => Date,
  download: () => Promise<readonly PlatformCertificate[]>,
): KeyRing {
  const given = readGivenKeys(options, privateKey)
  const certificates = options.platformCertificates ?? options.publicKey === undefined
  if (given.size === 0 && !certificates)
    throw new KeyError('MISSING_WECHATPAY_KEY', "WeChat Pay's public key, or its platform certificates, must be given.")
  const elapsed = options.elapsed ?? (() => performance.now())
  return createKeyRing({ given, publicKeyId: options.publicKeyId, certificates, download, clock, elapsed })
}
