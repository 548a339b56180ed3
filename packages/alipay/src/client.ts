/** The client: parses the keys once and has a method for every interface. */
import type { KeyObject } from 'node:crypto'
import {
  type CallOptions,
  checkedBase,
  KeyError,
  longEnough,
  readPrivateKey,
  readPublicKey,
  sameKey,
} from '@xuecheng/client-kit'
import { type DownloadOptions, downloadBill } from './bill-download.ts'
import { type BillQuery, type BillUrl, queryBillUrl } from './bill-url.ts'
import { type CertificateFiles, readCertificates } from './certificates.ts'
import { type Close, type Closed, closeTrade } from './close.ts'
import { readAesKey } from './encryption.ts'
import { execute, type LogEntry, type Transport } from './execute.ts'
import type { TradeRef } from './fields.ts'
import { type PagePay, pagePayCall, payForm } from './page-pay.ts'
import { linkMaker } from './pay-link.ts'
import { type NoTrade, type QueryOptions, queryTrade, type Trade } from './query.ts'
import { type Refund, type Refunded, refundTrade } from './refund.ts'
import { queryRefund, type RefundMade, type RefundNotMade, type RefundQuery } from './refund-query.ts'
import type { SignType } from './sign.ts'
import type { BillSubCode, BusinessRefusal, CloseSubCode, RefundQuerySubCode, RefundSubCode } from './sub-codes.ts'
import { checkBillDate, readTradeBill, type TradeBill } from './trade-bill.ts'
import { type AlipayVerifier, verifierWith } from './verifier.ts'
import { type WapPay, wapPayCall } from './wap-pay.ts'

export const PRODUCTION_GATEWAY = 'https://openapi.alipay.com/gateway.do'
export const SANDBOX_GATEWAY = 'https://openapi-sandbox.dl.alipaydev.com/gateway.do'

export interface AlipayOptions {
  /** 16 digits. */
  readonly appId: string
  /** The application's private key: PEM, bare base64, or a key object. */
  readonly privateKey: string | KeyObject
  /**
   * Alipay's public key (not the application's own): PEM, bare base64, a certificate, or a key object. Not with
   * `certificates`.
   */
  readonly alipayPublicKey?: string | KeyObject | undefined
  /** Certificate mode: the three files' contents, in place of `alipayPublicKey`. */
  readonly certificates?: CertificateFiles | undefined
  readonly gateway?: string | undefined
  /** `RSA2` by default; `RSA` (SHA-1) only for old applications. Messages signed with the other type are refused. */
  readonly signType?: SignType | undefined
  /** The console's AES key, base64. If set, every `biz_content` is encrypted and encrypted answers are decrypted. */
  readonly aesKey?: string | undefined
  readonly clock?: (() => Date) | undefined
  readonly fetch?: typeof fetch | undefined
  /** Total time for one call with its retries, in milliseconds; 10 s by default. */
  readonly timeoutMs?: number | undefined
  /** How often a call that is safe to repeat is retried; 2 by default. */
  readonly retries?: number | undefined
  /** Called for every attempt; never receives a key, a signature or a buyer's data. */
  readonly log?: ((entry: LogEntry) => void) | undefined
}

export interface ExecuteOptions extends CallOptions {
  readonly notifyUrl?: string | undefined
  /** Common parameters such as `app_auth_token`. */
  readonly parameters?: Readonly<Record<string, string>> | undefined
  /** Whether this method may be retried after an unknown outcome. */
  readonly repeatAfterUnknown?: boolean | undefined
}

/** A verified answer: code 10000 (or another 1…), or 40004 with a business `subCode`. */
export interface Answer<Values extends object = Readonly<Record<string, unknown>>> {
  readonly code: string
  readonly msg: string
  readonly subCode: string
  readonly subMsg: string
  /** Every member of the node, unchanged. The type is the caller's claim; nothing checks it. */
  readonly values: Partial<Values>
}

/**
 * Every call may throw UnknownOutcomeError (Alipay may have acted), NotSentError (it did not), GatewayRefusedError (it
 * refused the request itself) or FieldError (nothing was sent). Business refusals of methods that change something are
 * values with `ok: false`.
 */
export interface Alipay extends AlipayVerifier {
  readonly appId: string
  readonly gateway: string
  /** alipay.trade.page.pay as an address for the browser. Signs only; nothing is sent. */
  pagePayUrl(pay: PagePay): Promise<string>
  /** alipay.trade.page.pay as a form that submits itself. */
  pagePayForm(pay: PagePay): Promise<string>
  /** alipay.trade.wap.pay as an address for a phone's browser. */
  wapPayUrl(pay: WapPay): Promise<string>
  /** alipay.trade.wap.pay as a form that submits itself. */
  wapPayForm(pay: WapPay): Promise<string>
  /** alipay.trade.query */
  query(trade: TradeRef, options?: QueryOptions): Promise<Trade | NoTrade>
  /** alipay.trade.refund */
  refund(refund: Refund, options?: CallOptions): Promise<Refunded | BusinessRefusal<RefundSubCode>>
  /** alipay.trade.fastpay.refund.query */
  refundQuery(
    query: RefundQuery,
    options?: CallOptions,
  ): Promise<RefundMade | RefundNotMade | BusinessRefusal<RefundQuerySubCode>>
  /** alipay.trade.close */
  close(trade: Close, options?: CallOptions): Promise<Closed | BusinessRefusal<CloseSubCode>>
  /** alipay.data.dataservice.bill.downloadurl.query */
  billUrl(query: BillQuery, options?: CallOptions): Promise<BillUrl | BusinessRefusal<BillSubCode>>
  /** Requests a bill's address and downloads the archive without reading it. Also throws BillError. */
  downloadBill(query: BillQuery, options?: DownloadOptions): Promise<Buffer | BusinessRefusal<BillSubCode>>
  /**
   * Downloads and reads a day's (`yyyy-MM-dd`) or month's trade bill; throws BillError when its totals do not match its
   * rows.
   */
  tradeBill(billDate: string, options?: DownloadOptions): Promise<TradeBill | BusinessRefusal<BillSubCode>>
  /** Any other method. */
  execute<Values extends object = Readonly<Record<string, unknown>>>(
    method: string,
    bizContent?: object,
    options?: ExecuteOptions,
  ): Promise<Answer<Values>>
}

/** @throws KeyError when a key is not of the kind its option needs, FieldError when `gateway` is not a valid address */
export function createAlipay(options: AlipayOptions): Alipay {
  const transport = readOptions(options)
  const { appId, gateway } = transport
  const makeLink = linkMaker(gateway, transport)
  const archive = async (query: BillQuery, download?: DownloadOptions) => {
    const address = await queryBillUrl(transport, query, { signal: download?.signal })
    return address.ok ? downloadBill(address.url, transport.fetch, download) : address
  }
  return {
    appId,
    gateway,
    pagePayUrl: async (pay) => makeLink(pagePayCall(transport, pay)),
    pagePayForm: async (pay) => payForm(gateway, transport, pagePayCall(transport, pay)),
    wapPayUrl: async (pay) => makeLink(wapPayCall(transport, pay)),
    wapPayForm: async (pay) => payForm(gateway, transport, wapPayCall(transport, pay)),
    query: (trade, callOptions) => queryTrade(transport, trade, callOptions),
    refund: (refund, callOptions) => refundTrade(transport, refund, callOptions),
    refundQuery: (query, callOptions) => queryRefund(transport, query, callOptions),
    close: (trade, callOptions) => closeTrade(transport, trade, callOptions),
    billUrl: (query, callOptions) => queryBillUrl(transport, query, callOptions),
    downloadBill: archive,
    async tradeBill(billDate, download) {
      const file = await archive({ billType: 'trade', billDate }, download)
      return Buffer.isBuffer(file) ? checkBillDate(await readTradeBill(file), billDate) : file
    },
    async execute<Values extends object>(method: string, bizContent?: object, executeOptions: ExecuteOptions = {}) {
      const { notifyUrl, parameters: extra, repeatAfterUnknown = false } = executeOptions
      const call = { method, bizContent: bizContent && JSON.stringify(bizContent), notifyUrl, extra }
      const fields = await execute(transport, call, executeOptions, { repeatAfterUnknown })
      return { ...fields, values: fields.values as Partial<Values> }
    },
    ...verifierWith(transport),
  }
}

const MIN_BITS: Record<SignType, number> = { RSA2: 2048, RSA: 1024 }

function readOptions(options: AlipayOptions): Transport {
  const signType = options.signType ?? 'RSA2'
  const privateKey = longEnough(readPrivateKey(options.privateKey), MIN_BITS[signType], signType)
  const certificates = options.certificates && readCertificates(options.certificates, privateKey)
  return {
    appId: options.appId,
    privateKey,
    alipayPublicKey: longEnough(
      certificates?.alipayPublicKey ?? readAlipayKey(options.alipayPublicKey, privateKey),
      MIN_BITS[signType],
      signType,
    ),
    certificates,
    alipayCertSn: certificates?.alipayCertSn,
    gateway: checkedBase('gateway', options.gateway ?? PRODUCTION_GATEWAY),
    signType,
    aesKey: options.aesKey === undefined ? undefined : readAesKey(options.aesKey),
    clock: options.clock ?? (() => new Date()),
    fetch: options.fetch ?? fetch,
    timeoutMs: options.timeoutMs ?? 10_000,
    retries: options.retries ?? 2,
    log: options.log,
  }
}

function readAlipayKey(key: string | KeyObject | undefined, privateKey: KeyObject): KeyObject {
  if (key === undefined)
    throw new KeyError('MISSING_ALIPAY_KEY', "Alipay's public key, or the certificates, must be given.")
  const alipayPublicKey = readPublicKey(key)
  if (!sameKey(alipayPublicKey, privateKey)) return alipayPublicKey
  throw new KeyError(
    'OWN_PUBLIC_KEY_GIVEN',
    "This is the application's own public key. Give Alipay's: the console shows it after the application's is uploaded.",
  )
}
