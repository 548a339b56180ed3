/**
 * Reads a payment page's request (Alipay, alipay.trade.page.pay and alipay.trade.wap.pay) and refuses what Alipay
 * would.
 */

import { parseYuan } from '../../core/money.ts'
import { MINUTE, parseBeijing } from '../../core/time.ts'
import type { Merchant } from '../merchants.ts'
import type { SignType } from '../signature.ts'
import { LONGEST_TIMEOUT, timeoutEnd } from '../trades/time-outs.ts'
import type { Order, PageMethod, PaymentRequest } from '../trades/trade.ts'
import { type Business, invalidField, isError } from './business.ts'
import type { GatewayError } from './errors.ts'
import { goodsError } from './goods.ts'
import type { Parameters } from './parameters.ts'

const PRODUCTS: Readonly<Record<PageMethod, string>> = {
  'alipay.trade.page.pay': 'FAST_INSTANT_TRADE_PAY',
  'alipay.trade.wap.pay': 'QUICK_WAP_WAY',
}
const HIGHEST = parseYuan('100000000')

/** Optional fields and their documented values. */
const VALUES: Readonly<Record<string, RegExp>> = {
  goods_type: /^[01]$/,
  qr_pay_mode: /^[0-4]$/,
  qrcode_width: /^\d{1,4}$/,
  integration_type: /^(PCWEB|ALIAPP)$/,
}
/** Optional fields and their maximum length in characters. */
const LENGTHS: Readonly<Record<string, number>> = {
  body: 128,
  passback_params: 512,
  quit_url: 400,
  request_from_url: 256,
  enable_pay_channels: 128,
  disable_pay_channels: 128,
  store_id: 32,
  merchant_order_no: 32,
}

export function isPageMethod(method: string): method is PageMethod {
  return Object.hasOwn(PRODUCTS, method)
}

/** `now` is the sandbox's clock, for `time_expire`. */
export function readPaymentRequest(
  parameters: Parameters,
  business: Business,
  merchant: Merchant,
  signType: SignType,
  method: PageMethod,
  now: number,
): PaymentRequest | GatewayError {
  const order = readOrder(business, method, now, parseBeijing(parameters.get('timestamp')) ?? now)
  if (isError(order)) return order
  for (const name of ['return_url', 'notify_url']) {
    if (parameters.get(name).length > 256 || !isAddress(parameters.get(name))) return invalidField(name)
  }
  return {
    appId: merchant.appId,
    sellerId: merchant.sellerId,
    method,
    charset: parameters.charsetEcho,
    signType,
    returnUrl: parameters.get('return_url') || undefined,
    notifyUrl: parameters.get('notify_url') || undefined,
    order,
  }
}

function isAddress(text: string): boolean {
  return text === '' || (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol))
}

/** `askedAt` is the request's own `timestamp`: a link created after its expiry is refused whenever it is opened. */
function readOrder(business: Business, method: PageMethod, now: number, askedAt: number): Order | GatewayError {
  const outTradeNo = business.text('out_trade_no')
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(outTradeNo)) return invalidField('out_trade_no')
  const total = parseYuan(business.text('total_amount'))
  if (total === undefined || total < 1 || HIGHEST === undefined || total > HIGHEST) return invalidField('total_amount')
  const subject = business.text('subject')
  // "Must not contain /, =, & and similar."
  if (subject.trim() === '' || [...subject].length > 256 || /[/=&]/.test(subject)) return invalidField('subject')
  if (business.text('product_code') !== PRODUCTS[method]) return invalidField('product_code')
  const timeExpireText = business.text('time_expire')
  const timeExpire = parseBeijing(timeExpireText)
  if (timeExpireText !== '' && (timeExpire === undefined || timeExpire > now + LONGEST_TIMEOUT + 60_000)) {
    return invalidField('time_expire')
  }
  // "From one minute to fifteen days."
  if (timeExpire !== undefined && timeExpire < askedAt + MINUTE) return invalidField('time_expire')
  const timeoutExpress = business.text('timeout_express')
  if (timeoutExpress !== '' && timeoutEnd(timeoutExpress, now) === undefined) return invalidField('timeout_express')
  for (const [name, limit] of Object.entries(LENGTHS)) {
    if ([...business.text(name)].length > limit) return invalidField(name)
  }
  for (const [name, values] of Object.entries(VALUES)) {
    if (business.text(name) !== '' && !values.test(business.text(name))) return invalidField(name)
  }
  if (business.text('enable_pay_channels') !== '' && business.text('disable_pay_channels') !== '') {
    return invalidField('enable_pay_channels,disable_pay_channels', '不能同时使用')
  }
  const wrongGoods = goodsError(business.value('goods_detail'))
  if (wrongGoods) return wrongGoods
  if (!isAddress(business.text('quit_url'))) return invalidField('quit_url')
  return {
    outTradeNo,
    total,
    subject,
    body: business.text('body') || undefined,
    productCode: PRODUCTS[method],
    passbackParams: business.text('passback_params') || undefined,
    quitUrl: business.text('quit_url') || undefined,
    timeExpire,
    timeoutExpress: timeoutExpress || undefined,
  }
}
