/** Refunds a payment in part or in full, and queries refunds. */
import { type CallOptions, checkedLength } from '@xuecheng/client-kit'
import { execute, type Transport } from './execute.ts'
import { checkedFen, checkedNotifyUrl, checkedOutRefundNo, checkedTradeRef, type TradeRef } from './fields.ts'
import { aboutAnother, asObject, fenOf, type JsonObject, textOf, unexpected } from './json.ts'
import {
  REFUND_CODES,
  REFUND_QUERY_CODES,
  type RefundCode,
  type RefundQueryCode,
  type Refusal,
  refusal,
  sameCode,
} from './refusals.ts'
import { readMoment } from './time.ts'

export interface Refund extends TradeRef {
  /** The refund's own number: 1 to 64 of `0-9 A-Z a-z _ - | * @`. The same number never refunds twice. */
  readonly outRefundNo: string
  /** In fen; all refunds together never exceed `total`. */
  readonly refund: number
  /** The order's amount, in fen. */
  readonly total: number
  /** Shown to the payer; at most 80 characters. */
  readonly reason?: string | undefined
  /** Without it WeChat notifies in its old XML form, if at all. At most 256 characters. */
  readonly notifyUrl?: string | undefined
}

/**
 * `PROCESSING`: accepted and on its way. `SUCCESS`: refunded. `ABNORMAL`: the payer's card is no longer valid; staff
 * enter another account in the console. `CLOSED`: failed for good; start again with a new number.
 */
export type RefundStatus = 'PROCESSING' | 'SUCCESS' | 'CLOSED' | 'ABNORMAL'

const STATUSES: readonly string[] = ['PROCESSING', 'SUCCESS', 'CLOSED', 'ABNORMAL']

/** WeChat has this refund. Amounts in fen. */
export interface RefundKnown {
  readonly ok: true
  /** Whether the money was refunded: `status` is `SUCCESS`. */
  readonly refunded: boolean
  readonly exists: true
  readonly status: RefundStatus
  readonly refundId: string
  readonly outRefundNo: string
  readonly outTradeNo: string
  readonly transactionId: string
  /** Of this refund alone. */
  readonly refund: number
  /** The order's amount. */
  readonly total: number
  /** What the payer gets back; less than `refund` when a coupon covered part of the payment. */
  readonly payerRefund: number | undefined
  readonly createTime: Date | undefined
  readonly successTime: Date | undefined
  /** The account that receives it, as WeChat describes it. */
  readonly receivedBy: string | undefined
  readonly values: JsonObject
}

/** WeChat has no refund with that number; repeating the refund with its number is harmless. */
export interface RefundUnknown {
  readonly ok: true
  readonly refunded: false
  readonly exists: false
}

/**
 * The same number with the same amounts never refunds twice, so an unknown outcome is retried unchanged. An answer
 * means that the refund was accepted; `status` or a later query gives the result.
 * @throws UnknownOutcomeError when it is still unknown: repeat with the same number and amounts, or use `refundQuery`
 * @throws NotSentError, GatewayRefusedError
 */
export async function refundTrade(
  transport: Transport,
  refund: Refund,
  options?: CallOptions,
): Promise<RefundKnown | Refusal<RefundCode>> {
  const reason = checkedLength('reason', refund.reason, 80)
  const body = {
    ...checkedTradeRef(refund),
    out_refund_no: checkedOutRefundNo(refund.outRefundNo),
    ...(reason === undefined ? {} : { reason }),
    ...(refund.notifyUrl === undefined ? {} : { notify_url: checkedNotifyUrl(refund.notifyUrl, 256) }),
    amount: {
      refund: checkedFen('amount.refund', refund.refund),
      total: checkedFen('amount.total', refund.total),
      currency: 'CNY',
    },
  }
  const answer = await execute(transport, { method: 'POST', path: '/v3/refund/domestic/refunds', body }, options)
  if (!answer.ok) return refusal<RefundCode>(answer, REFUND_CODES)
  const made = readRefund(answer.values)
  const isIt = refund.transactionId
    ? made.transactionId === refund.transactionId
    : made.outTradeNo === refund.outTradeNo
  if (!isIt || made.outRefundNo !== refund.outRefundNo || made.refund !== refund.refund || made.total !== refund.total)
    throw aboutAnother('refund')
  return made
}

/** @throws UnknownOutcomeError, NotSentError, GatewayRefusedError. Retries by itself: a query changes nothing. */
export async function queryRefund(
  transport: Transport,
  { outRefundNo }: { readonly outRefundNo: string },
  options?: CallOptions,
): Promise<RefundKnown | RefundUnknown | Refusal<RefundQueryCode>> {
  const path = `/v3/refund/domestic/refunds/${encodeURIComponent(checkedOutRefundNo(outRefundNo))}`
  const answer = await execute(transport, { method: 'GET', path }, options)
  if (!answer.ok) {
    if (answer.status === 404 && sameCode(answer.code, 'RESOURCE_NOT_EXISTS'))
      return { ok: true, refunded: false, exists: false }
    return refusal<RefundQueryCode>(answer, REFUND_QUERY_CODES)
  }
  const found = readRefund(answer.values)
  if (found.outRefundNo !== outRefundNo) throw aboutAnother('refund')
  return found
}

/** @throws UnknownOutcomeError when a field that every refund has is missing, or the currency is not CNY */
function readRefund(values: JsonObject): RefundKnown {
  const text = (name: string) => textOf(values, name)
  const amount = asObject(values['amount'])
  const [refund, total] = [fenOf(amount, 'refund'), fenOf(amount, 'total')]
  const status = text('status')
  const [refundId, outRefundNo, transactionId] = [text('refund_id'), text('out_refund_no'), text('transaction_id')]
  const isCny = (textOf(amount, 'currency') || 'CNY') === 'CNY'
  if (!isStatus(status) || !refundId || !outRefundNo || !transactionId || !isCny) throw unexpected('refund')
  if (refund === undefined || total === undefined) throw unexpected('refund')
  return {
    ok: true,
    exists: true,
    refunded: status === 'SUCCESS',
    status,
    refundId,
    outRefundNo,
    outTradeNo: text('out_trade_no'),
    transactionId,
    refund,
    total,
    payerRefund: fenOf(amount, 'payer_refund'),
    createTime: readMoment(text('create_time')),
    successTime: readMoment(text('success_time')),
    receivedBy: text('user_received_account') || undefined,
    values,
  }
}

export const isStatus = (text: string): text is RefundStatus => STATUSES.includes(text)
