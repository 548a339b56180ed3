/** The content of a notification (Alipay, Asynchronous notification, parameters), in the order of a captured one. */
import type { Buyer } from '../../core/buyers.ts'
import { charsetNamed, type Fields, formatForm } from '../../core/charset.ts'
import { type Tamper, tamperFields, tamperSign } from '../../core/faults/tamper.ts'
import { type Fen, yuan } from '../../core/money.ts'
import { beijing, beijingMillis } from '../../core/time.ts'
import type { Merchant } from '../merchants.ts'
import { canonicalString, type SignType, signText } from '../signature.ts'
import type { Trade } from '../trades/trade.ts'

export interface RefundFacts {
  readonly outRequestNo: string
  readonly at: number
  readonly refundedSoFar: Fen
}

/** The fields of one event; every attempt fills in `notify_time` and `sign`. Values are never empty. */
export function notificationFields(trade: Trade, buyer: Buyer, notifyId: string, refund?: RefundFacts): Fields {
  const { request } = trade
  const total = yuan(trade.total)
  const paidNow = trade.paidAt !== undefined && !refund
  const fields: [string, string | undefined][] = [
    ['gmt_create', beijing(trade.createdAt)],
    ['charset', request.charset],
    ['gmt_payment', trade.paidAt === undefined ? undefined : beijing(trade.paidAt)],
    ['gmt_refund', refund && beijingMillis(refund.at)],
    ['gmt_close', trade.closedAt === undefined ? undefined : beijing(trade.closedAt)],
    ['notify_time', ''],
    ['subject', trade.subject],
    ['body', request.order.body],
    ['sign', ''],
    ['buyer_id', buyer.id],
    ['invoice_amount', paidNow ? total : undefined],
    ['version', '1.0'],
    ['notify_id', notifyId],
    ['fund_bill_list', paidNow ? JSON.stringify([{ amount: total, fundChannel: 'ALIPAYACCOUNT' }]) : undefined],
    ['notify_type', 'trade_status_sync'],
    ['out_trade_no', trade.outTradeNo],
    ['out_biz_no', refund?.outRequestNo],
    ['refund_fee', refund && yuan(refund.refundedSoFar)],
    ['total_amount', total],
    ['trade_status', trade.status],
    ['trade_no', trade.tradeNo],
    ['auth_app_id', trade.appId],
    ['receipt_amount', paidNow ? total : undefined],
    ['point_amount', paidNow ? '0.00' : undefined],
    ['app_id', trade.appId],
    ['buyer_pay_amount', paidNow ? total : undefined],
    ['sign_type', request.signType],
    ['seller_id', trade.sellerId],
    ['passback_params', request.order.passbackParams],
  ]
  return fields.flatMap(([name, value]): [string, string][] =>
    value === undefined || (value === '' && name !== 'notify_time' && name !== 'sign') ? [] : [[name, value]],
  )
}

/**
 * The body of one attempt: `notify_time` set, signed without `sign` and `sign_type`, form-encoded in the charset it
 * names.
 */
export async function notificationBody(
  right: Fields,
  merchant: Merchant,
  at: number,
  tamper?: Tamper,
): Promise<string> {
  const fields = tamperFields(right, tamper)
  const charset = charsetNamed(fieldNamed(fields, 'charset')) ?? 'gbk'
  const type: SignType = fieldNamed(fields, 'sign_type') === 'RSA' ? 'RSA' : 'RSA2'
  const timed = fields.map(([name, value]) => [name, name === 'notify_time' ? beijing(at) : value] as const)
  const sign = await signText(canonicalString(timed, ['sign', 'sign_type']), charset, merchant.alipayKey, type)
  return formatForm(
    timed.map(
      ([name, value]) =>
        [name, name === 'sign' ? (tamper === 'corrupt-sign' ? tamperSign(sign) : sign) : value] as const,
    ),
    charset,
  )
}

export function fieldNamed(fields: Fields, name: string): string {
  return fields.find(([candidate]) => candidate === name)?.[1] ?? ''
}
