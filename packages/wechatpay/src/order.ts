/** The three ways to create an order: a QR code, an address for a phone's browser, and WeChat's in-app browser. */
import { type CallOptions, checkedLength, FieldError, signText } from '@xuecheng/client-kit'
import { execute, type Transport } from './execute.ts'
import {
  checkedAddress,
  checkedExpiry,
  checkedFen,
  checkedNotifyUrl,
  checkedOutTradeNo,
  checkedText,
} from './fields.ts'
import { type JsonObject, textOf, unexpected } from './json.ts'
import { CREATE_CODES, type CreateCode, type Refusal, refusal } from './refusals.ts'
import { lines, seconds } from './sign.ts'
import { writeMoment } from './time.ts'

export interface Order {
  /** The merchant's number: 6 to 32 of `0-9 A-Z a-z _ - | *`, a new one for every payment attempt. */
  readonly outTradeNo: string
  /** In fen. */
  readonly total: number
  /** Shown in the payer's bill; at most 127 characters. */
  readonly description: string
  /** The last moment at which the order can be paid; only the first call for a number sets it. */
  readonly timeExpire: Date
  /** http(s), without a query; at most 255 characters. */
  readonly notifyUrl: string
  /** Comes back in the query, the notification and the bill; at most 128 characters. */
  readonly attach?: string | undefined
}

export interface H5Order extends Order {
  /** The client's public IP address; WeChat's page compares it. */
  readonly payerClientIp: string
  /** `Wap` by default. */
  readonly h5Type?: 'Wap' | 'iOS' | 'Android' | undefined
}

export interface JsapiOrder extends Order {
  /** The payer, as known to this app id. */
  readonly openid: string
}

export interface NativeOrdered {
  readonly ok: true
  /** Draw it as a QR code; valid for two hours, until `timeExpire`, or until the order is requested again. */
  readonly codeUrl: string
}

export interface H5Ordered {
  readonly ok: true
  /** Open it within five minutes, from a page on the registered domain. */
  readonly h5Url: string
}

/** The parameters of `WeixinJSBridge.invoke('getBrandWCPayRequest', …)`. */
export interface JsapiParameters {
  readonly appId: string
  readonly timeStamp: string
  readonly nonceStr: string
  readonly package: string
  readonly signType: 'RSA'
  readonly paySign: string
}

export interface JsapiOrdered {
  readonly ok: true
  /** Valid for two hours. */
  readonly prepayId: string
  readonly parameters: JsapiParameters
}

/**
 * The same number with the same parameters gives a fresh code, so an unknown outcome is retried unchanged.
 * @throws UnknownOutcomeError, NotSentError, GatewayRefusedError, FieldError
 */
export async function orderNative(
  transport: Transport,
  order: Order,
  options?: CallOptions,
): Promise<NativeOrdered | Refusal<CreateCode>> {
  const answer = await create(transport, 'native', orderBody(transport, order), options)
  if (!answer.ok) return answer
  const codeUrl = textOf(answer.values, 'code_url')
  if (!codeUrl) throw unexpected('native order')
  return { ok: true, codeUrl }
}

/** @throws like `orderNative` */
export async function orderH5(
  transport: Transport,
  order: H5Order,
  options?: CallOptions,
): Promise<H5Ordered | Refusal<CreateCode>> {
  const scene = {
    payer_client_ip: checkedAddress('payer_client_ip', order.payerClientIp),
    h5_info: { type: order.h5Type ?? 'Wap' },
  }
  const answer = await create(transport, 'h5', { ...orderBody(transport, order), scene_info: scene }, options)
  if (!answer.ok) return answer
  const h5Url = textOf(answer.values, 'h5_url')
  if (!URL.canParse(h5Url)) throw unexpected('h5 order')
  return { ok: true, h5Url }
}

/** @throws like `orderNative` */
export async function orderJsapi(
  transport: Transport,
  order: JsapiOrder,
  options?: CallOptions,
): Promise<JsapiOrdered | Refusal<CreateCode>> {
  const payer = { openid: checkedText('openid', order.openid, 128) }
  const answer = await create(transport, 'jsapi', { ...orderBody(transport, order), payer }, options)
  if (!answer.ok) return answer
  const prepayId = textOf(answer.values, 'prepay_id')
  if (!prepayId) throw unexpected('jsapi order')
  return { ok: true, prepayId, parameters: await jsapiParameters(transport, prepayId) }
}

/**
 * Sets where the buyer returns to, paid or not; by default that is the page that started the payment.
 * @throws FieldError when `redirectUrl` is not an address
 */
export function withRedirectUrl(h5Url: string, redirectUrl: string): string {
  if (!URL.canParse(redirectUrl)) throw new FieldError('redirect_url', 'must be an address')
  return `${h5Url}${h5Url.includes('?') ? '&' : '?'}redirect_url=${encodeURIComponent(redirectUrl)}`
}

/**
 * The parameters that the page in WeChat's in-app browser passes on, signed by the merchant (WeChat Pay, "JSAPI:
 * invoking").
 * @throws FieldError when `prepayId` is invalid
 */
export async function jsapiParameters(transport: Transport, prepayId: string): Promise<JsapiParameters> {
  if (!/^[\x21-\x7e]{1,128}$/.test(prepayId))
    throw new FieldError('prepay_id', "must be the one that the order's answer contained")
  const { appId, privateKey } = transport
  const [timeStamp, nonceStr] = [seconds(transport.clock()), transport.nonce()]
  const packed = `prepay_id=${prepayId}`
  const paySign = await signText(lines(appId, timeStamp, nonceStr, packed), privateKey, 'RSA-SHA256')
  return { appId, timeStamp, nonceStr, package: packed, signType: 'RSA', paySign }
}

async function create(transport: Transport, product: string, body: JsonObject, options: CallOptions | undefined) {
  const call = { method: 'POST', path: `/v3/pay/transactions/${product}`, body } as const
  const answer = await execute(transport, call, options)
  return answer.ok ? answer : refusal<CreateCode>(answer, CREATE_CODES)
}

function orderBody({ appId, mchId, clock }: Transport, order: Order): JsonObject {
  const attach = checkedLength('attach', order.attach, 128)
  return {
    appid: appId,
    mchid: mchId,
    description: checkedText('description', order.description, 127),
    out_trade_no: checkedOutTradeNo(order.outTradeNo),
    time_expire: writeMoment(checkedExpiry(order.timeExpire, clock())),
    ...(attach === undefined ? {} : { attach }),
    notify_url: checkedNotifyUrl(order.notifyUrl),
    amount: { total: checkedFen('amount.total', order.total), currency: 'CNY' },
  }
}
