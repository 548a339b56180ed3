/** Payment notifications (Alipay, "Asynchronous notification"): verified from the raw body, then read as typed fields. */
import type { Parameters } from './canonical.ts'
import { readAmount } from './money.ts'
import { type Refused, type Verifier, verifyForm } from './signed-form.ts'
import { readTime } from './timestamp.ts'

export type TradeStatus = 'WAIT_BUYER_PAY' | 'TRADE_CLOSED' | 'TRADE_SUCCESS' | 'TRADE_FINISHED'

const TRADE_STATUSES: readonly string[] = ['WAIT_BUYER_PAY', 'TRADE_CLOSED', 'TRADE_SUCCESS', 'TRADE_FINISHED']

/** A genuine notification is a few kilobytes; anything far larger is not read at all. */
const MOST_BYTES = 64 * 1024

/** What a genuine notification says. Amounts in fen. That it is genuine does not mean that it is about your order. */
export interface Notification {
  readonly ok: true
  readonly notifyId: string
  readonly appId: string
  readonly sellerId: string
  readonly outTradeNo: string
  readonly tradeNo: string
  readonly tradeStatus: TradeStatus
  readonly totalAmount: number
  readonly notifyTime: Date
  readonly gmtPayment: Date | undefined
  /** Cumulative; set on notifications of refunds. */
  readonly refundFee: number | undefined
  /** The refund's request number. */
  readonly outBizNo: string | undefined
  readonly passbackParams: string | undefined
  readonly parameters: Parameters
  readonly canonical: string
}

export async function verifyNotification(
  body: Uint8Array | string,
  contentType: string | undefined,
  verifier: Verifier,
): Promise<Notification | Refused> {
  if (body.length > MOST_BYTES) return { ok: false, code: 'TOO_LARGE', message: 'The body is larger than 64 KiB.' }
  if (!/^application\/x-www-form-urlencoded\b/i.test(contentType?.trim() ?? '')) {
    return {
      ok: false,
      code: 'NOT_FORM_ENCODED',
      message: 'The content type is not application/x-www-form-urlencoded.',
    }
  }
  const form = await verifyForm(body, verifier)
  if (!form.ok) return form
  const { parameters, canonical } = form
  const get = (name: string) => parameters.get(name)
  const [notifyId, appId, outTradeNo, tradeNo, tradeStatus] = [
    get('notify_id'),
    get('app_id'),
    get('out_trade_no'),
    get('trade_no'),
    get('trade_status'),
  ]
  const totalAmount = readAmount(get('total_amount'))
  const notifyTime = readTime(get('notify_time'))
  const whole = notifyId && appId && outTradeNo && tradeNo && tradeStatus && totalAmount !== undefined && notifyTime
  if (!whole || !isTradeStatus(tradeStatus)) {
    return {
      ok: false,
      code: 'MISSING_PARAMETER',
      message: 'It is signed, but a parameter that every payment notification has is missing or not readable.',
      parameters,
      canonical,
    }
  }
  return {
    ok: true,
    notifyId,
    appId,
    sellerId: get('seller_id') ?? '',
    outTradeNo,
    tradeNo,
    tradeStatus,
    totalAmount,
    notifyTime,
    gmtPayment: readTime(get('gmt_payment')),
    refundFee: readAmount(get('refund_fee')),
    outBizNo: get('out_biz_no'),
    passbackParams: get('passback_params'),
    parameters,
    canonical,
  }
}

export const isTradeStatus = (text: string): text is TradeStatus => TRADE_STATUSES.includes(text)
