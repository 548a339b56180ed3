/** alipay.trade.fastpay.refund.query: whether a refund was made. */
import { type CallOptions, readAmount, readTime, UnknownOutcomeError } from '@xuecheng/client-kit'
import { checkAbout, textOf, unexpected } from './about.ts'
import { execute, type Transport } from './execute.ts'
import { checkedTradeNo, checkedTradeRef, type TradeRef } from './fields.ts'
import { type BusinessRefusal, businessRefusal, REFUND_QUERY_SUB_CODES, type RefundQuerySubCode } from './sub-codes.ts'

export interface RefundQuery extends TradeRef {
  /** As given to the refund; the trade's own `outTradeNo` if the refund had none. */
  readonly outRequestNo: string
  /** Any of `refund_detail_item_list`, `gmt_refund_pay`, `deposit_back_info`, `refund_voucher_detail_list`. */
  readonly queryOptions?: readonly string[] | undefined
}

export interface RefundMade {
  readonly ok: true
  readonly refunded: true
  readonly outTradeNo: string
  readonly tradeNo: string
  readonly outRequestNo: string
  /** Of this request alone, in fen. */
  readonly refundAmount: number
  /** The order's amount, in fen. */
  readonly totalAmount: number
  /** Only with `queryOptions: ['gmt_refund_pay']`. */
  readonly gmtRefundPay: Date | undefined
  readonly values: Readonly<Record<string, unknown>>
}

/** Not received, or failed. Query no sooner than ten seconds after the refund; repeating the refund is harmless. */
export interface RefundNotMade {
  readonly ok: true
  readonly refunded: false
  readonly values: Readonly<Record<string, unknown>>
}

/** @throws UnknownOutcomeError, NotSentError, GatewayRefusedError. Retries by itself: a query changes nothing. */
export async function queryRefund(
  transport: Transport,
  query: RefundQuery,
  options?: CallOptions,
): Promise<RefundMade | RefundNotMade | BusinessRefusal<RefundQuerySubCode>> {
  const bizContent = JSON.stringify({
    ...checkedTradeRef(query),
    out_request_no: checkedTradeNo('out_request_no', query.outRequestNo),
    query_options: query.queryOptions,
  })
  const call = { method: 'alipay.trade.fastpay.refund.query', bizContent }
  const fields = await execute(transport, call, options, { repeatAfterUnknown: true })
  if (fields.code !== '10000') {
    checkAbout(fields, query)
    return businessRefusal(fields, REFUND_QUERY_SUB_CODES)
  }
  // For an unknown refund, Alipay answers `Success` and nothing else.
  if (textOf(fields, 'refund_status') !== 'REFUND_SUCCESS') return { ok: true, refunded: false, values: fields.values }
  checkAbout(fields, query)
  if (textOf(fields, 'out_request_no') !== query.outRequestNo)
    throw new UnknownOutcomeError('ANSWER_ABOUT_ANOTHER_TRADE', 'The answer is about another refund.')
  const refundAmount = readAmount(textOf(fields, 'refund_amount'))
  const totalAmount = readAmount(textOf(fields, 'total_amount'))
  if (refundAmount === undefined || totalAmount === undefined) throw unexpected('refund')
  return {
    ok: true,
    refunded: true,
    outTradeNo: textOf(fields, 'out_trade_no'),
    tradeNo: textOf(fields, 'trade_no'),
    outRequestNo: query.outRequestNo,
    refundAmount,
    totalAmount,
    gmtRefundPay: readTime(textOf(fields, 'gmt_refund_pay')),
    values: fields.values,
  }
}
