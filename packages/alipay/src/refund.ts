/** alipay.trade.refund: pays back a part or all of a paid trade. */
import { type CallOptions, checkedLength, readAmount, readTime, writeAmount } from '@xuecheng/client-kit'
import { checkAbout, textOf, unexpected } from './about.ts'
import { execute, type Transport } from './execute.ts'
import { checkedTradeNo, checkedTradeRef, type TradeRef } from './fields.ts'
import { type BusinessRefusal, businessRefusal, REFUND_SUB_CODES, type RefundSubCode } from './sub-codes.ts'

export interface Refund extends TradeRef {
  /** In fen; with all earlier ones never more than the order's amount. */
  readonly refundAmount: number
  /**
   * The refund's own number within the trade, at most 64. Alipay asks for it on partial refunds only; here always, since
   * it is what makes a repeat harmless.
   */
  readonly outRequestNo: string
  /** At most 256 characters. */
  readonly refundReason?: string | undefined
  /** At most 30 characters. */
  readonly operatorId?: string | undefined
  /** `refund_detail_item_list` gives the real `sendBackFee` too. */
  readonly queryOptions?: readonly string[] | undefined
}

export interface Refunded {
  readonly ok: true
  readonly outTradeNo: string
  readonly tradeNo: string
  /**
   * Whether money moved with this very call. False on a repeat of a refund that was made before, and where Alipay is not
   * sure: then `refundQuery` tells.
   */
  readonly fundChange: boolean
  /** All that was refunded of the trade so far, in fen; not this request alone. */
  readonly refundFee: number
  /** In fen; 0 unless asked for by `queryOptions`. */
  readonly sendBackFee: number | undefined
  readonly gmtRefundPay: Date | undefined
  readonly buyerLogonId: string | undefined
  readonly values: Readonly<Record<string, unknown>>
}

/** Alipay wants three seconds between two refunds of one trade. */
const PAUSE_MS = 3000

/**
 * The same number with the same amount never refunds twice, so an unknown outcome is repeated as it is.
 * @throws UnknownOutcomeError when it is still unknown: repeat it with the same number and amount, or ask `refundQuery`
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
