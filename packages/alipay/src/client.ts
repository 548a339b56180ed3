/** The client: keys parsed once, and every interface as a method. */
import type { KeyObject } from 'node:crypto'
import { type Closed, closeTrade } from './close.ts'
import { FieldError } from './errors.ts'
import type { CallOptions, LogEntry, Transport } from './execute.ts'
import { isHttpAddress } from './form.ts'
import { longEnough, readPrivateKey, readPublicKey } from './keys.ts'
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
  /** For one call with its repeats, in milliseconds; 10 seconds unless told otherwise. */
  readonly timeoutMs?: number | undefined
  /** How often a call that is safe to repeat is sent again within that time where its outcome is unknown; 2 by default. */
  readonly repeats?: number | undefined
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

/** @throws KeyError when a key cannot be used as what it was given for, FieldError for a gateway that is no address */
export function createAlipay(options: AlipayOptions): Alipay {
  const signType = options.signType ?? 'RSA2'
  const transport: Transport = {
    appId: options.appId,
    privateKey: longEnough(readPrivateKey(options.privateKey), signType),
    alipayPublicKey: longEnough(readPublicKey(options.alipayPublicKey), signType),
    gateway: checkedGateway(options.gateway ?? PRODUCTION_GATEWAY),
    signType,
    clock: options.clock ?? (() => new Date()),
    fetch: options.fetch ?? fetch,
    timeoutMs: options.timeoutMs ?? 10_000,
    repeats: options.repeats ?? 2,
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

function checkedGateway(gateway: string): string {
  if (isHttpAddress(gateway) && !/[?#]/.test(gateway)) return gateway
  throw new FieldError('gateway', `must be an address without a query, such as ${PRODUCTION_GATEWAY}`)
}
