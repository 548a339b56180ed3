/** alipay.trade.refund: refunds a paid trade, in part or in full. */
import { type CallOptions, checkedLength, readAmount, readTime, writeAmount } from '@xuecheng/client-kit'
import { checkAbout, textOf, unexpected } from './about.ts'
import { execute, type Transport } from './execute.ts'
import { checkedTradeNo, checkedTradeRef, type TradeRef } from './fields.ts'
import { type BusinessRefusal, businessRefusal, REFUND_SUB_CODES, type RefundSubCode } from './sub-codes.ts'

export interface Refund extends TradeRef {
  /** In fen; all refunds together never exceed the order's amount. */
  readonly refundAmount: number
  /**
   * The refund's own number within the trade, at most 64 characters. Alipay requires it for partial refunds only; this
   * client always does, because it makes a repeat harmless.
   */
  readonly outRequestNo: string
  /** At most 256 characters. */
  readonly refundReason?: string | undefined
  /** At most 30 characters. */
  readonly operatorId?: string | undefined
  /** With `refund_detail_item_list` the answer has the real `sendBackFee`. */
  readonly queryOptions?: readonly string[] | undefined
}

export interface Refunded {
  readonly ok: true
  readonly outTradeNo: string
  readonly tradeNo: string
  /**
   * Whether this very call moved money. False when it repeats an earlier refund, and when Alipay is not sure: use
   * `refundQuery` then.
   */
  readonly fundChange: boolean
  /** The total refunded of the trade so far, in fen; not this request alone. */
  readonly refundFee: number
  /** In fen; 0 unless requested by `queryOptions`. */
  readonly sendBackFee: number | undefined
  readonly gmtRefundPay: Date | undefined
  readonly buyerLogonId: string | undefined
  readonly values: Readonly<Record<string, unknown>>
}

/** Alipay requires three seconds between two refunds of one trade. */
const PAUSE_MS = 3000

/**
 * The same number with the same amount never refunds twice, so an unknown outcome is retried unchanged.
 * @throws UnknownOutcomeError when it is still unknown: repeat with the same number and amount, or use `refundQuery`
 * @throws NotSentError, GatewayRefusedError
 */
export async function refundTrade(
  transport: Transport,
  refund: Refund,
  options?: CallOptions,
): Promise<Refunded | BusinessRefusal<RefundSubCode>> {
  const bizContent = JSON.stringify({
    ...checkedTradeRef(refund),
    refund_amount: writeAmount(refund.refundAmount, 'refund_amount'),
    out_request_no: checkedTradeNo('out_request_no', refund.outRequestNo),
    refund_reason: checkedLength('refund_reason', refund.refundReason, 256),
    operator_id: checkedLength('operator_id', refund.operatorId, 30),
    query_options: refund.queryOptions,
  })
  const call = { method: 'alipay.trade.refund', bizContent }
  const fields = await execute(transport, call, options, { repeatAfterUnknown: true, pauseMs: PAUSE_MS })
  checkAbout(fields, refund)
  if (fields.code !== '10000') return businessRefusal(fields, REFUND_SUB_CODES)
  const refundFee = readAmount(textOf(fields, 'refund_fee'))
  const fundChange = textOf(fields, 'fund_change')
  if (refundFee === undefined || (fundChange !== 'Y' && fundChange !== 'N')) throw unexpected('refund')
  return {
    ok: true,
    outTradeNo: textOf(fields, 'out_trade_no'),
    tradeNo: textOf(fields, 'trade_no'),
    fundChange: fundChange === 'Y',
    refundFee,
    sendBackFee: readAmount(textOf(fields, 'send_back_fee')),
    gmtRefundPay: readTime(textOf(fields, 'gmt_refund_pay')),
    buyerLogonId: textOf(fields, 'buyer_logon_id') || undefined,
    values: fields.values,
  }
}
