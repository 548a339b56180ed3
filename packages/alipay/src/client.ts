/** The client: keys parsed once, and every interface as a method. */
import type { KeyObject } from 'node:crypto'
import { type Closed, closeTrade } from './close.ts'
import type { CallOptions, LogEntry, Transport } from './execute.ts'
import { readPrivateKey, readPublicKey } from './keys.ts'
import { type Notification, verifyNotification } from './notification.ts'
import { type PagePay, pagePayForm, pagePayUrl } from './page-pay.ts'
import { type NoTrade, queryTrade, type Trade, type TradeRef } from './query.ts'
import { type Return, verifyReturn } from './return.ts'
import type { SignType } from './sign.ts'
import type { Refused } from './signed-form.ts'

export const PRODUCTION_GATEWAY = 'https://openapi.alipay.com/gateway.do'

export interface AlipayOptions {
  readonly appId: string
  /** The application's private key: PEM, bare base64, or a key object. */
  readonly privateKey: string | KeyObject
  /** Alipay's public key (not the application's own): PEM, bare base64, a certificate, or a key object. */
  readonly alipayPublicKey: string | KeyObject
  readonly gateway?: string | undefined
  readonly signType?: SignType | undefined
  readonly clock?: (() => Date) | undefined
  readonly fetch?: typeof fetch | undefined
  /** For one call, in milliseconds. */
  readonly timeoutMs?: number | undefined
  readonly log?: ((entry: LogEntry) => void) | undefined
}

export interface Alipay {
  readonly appId: string
  readonly gateway: string
  /** alipay.trade.page.pay as an address for the browser. Signs only; nothing is sent. */
  pagePayUrl(pay: PagePay): Promise<string>
  /** alipay.trade.page.pay as a form that sends itself. */
  pagePayForm(pay: PagePay): Promise<string>
  query(trade: TradeRef, options?: CallOptions): Promise<Trade | NoTrade>
  close(trade: TradeRef, options?: CallOptions): Promise<Closed>
  /** Verifies what stands on the return address; the query with or without what is before its `?`. */
  verifyReturn(query: string): Promise<Return | Refused>
  /** Verifies a notification from its raw body. */
  verifyNotification(body: Uint8Array | string, contentType: string | undefined): Promise<Notification | Refused>
}

/** @throws KeyError when a key cannot be used as what it was given for */
export function createAlipay(options: AlipayOptions): Alipay {
  const transport: Transport = {
    appId: options.appId,
    privateKey: readPrivateKey(options.privateKey),
    alipayPublicKey: readPublicKey(options.alipayPublicKey),
    gateway: options.gateway ?? PRODUCTION_GATEWAY,
    signType: options.signType ?? 'RSA2',
    clock: options.clock ?? (() => new Date()),
    fetch: options.fetch ?? fetch,
    timeoutMs: options.timeoutMs ?? 10_000,
    log: options.log,
  }
  const { appId, gateway } = transport
  return {
    appId,
    gateway,
    pagePayUrl: (pay) => pagePayUrl(gateway, transport, pay),
    pagePayForm: (pay) => pagePayForm(gateway, transport, pay),
    query: (trade, callOptions) => queryTrade(transport, trade, callOptions),
    close: (trade, callOptions) => closeTrade(transport, trade, callOptions),
    verifyReturn: (query) => verifyReturn(query, transport),
    verifyNotification: (body, contentType) => verifyNotification(body, contentType, transport),
  }
}
