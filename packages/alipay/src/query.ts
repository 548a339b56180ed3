/** alipay.trade.query: what the gateway says of a trade. Believed only with its signature. */
import type { AnswerFields } from './answer.ts'
import { FieldError, GatewayRefusedError, UnknownOutcomeError } from './errors.ts'
import { type CallOptions, execute, type Transport } from './execute.ts'
import { readAmount } from './money.ts'
import { isTradeStatus, type TradeStatus } from './notification.ts'
import { readTime } from './timestamp.ts'

/** One of the two; Alipay's own number wins where both are given. */
export interface TradeRef {
  /** The merchant's number, String(64). */
  readonly outTradeNo?: string | undefined
  /** Alipay's number, String(64). */
  readonly tradeNo?: string | undefined
}

/** Source: Alipay, "alipay.trade.query: response". Amounts in fen. */
export interface Trade {
  readonly exists: true
  readonly outTradeNo: string
  readonly tradeNo: string
  readonly tradeStatus: TradeStatus
  /** The order's amount, in fen. */
  readonly totalAmount: number
  /** When it was paid; undefined while it is not. */
  readonly sendPayDate: Date | undefined
  /** Masked, as `ifv***@sandbox.com`. */
  readonly buyerLogonId: string | undefined
  /** Every member of the answer as it came; amounts other than the total are "0.00" unless asked for by contract. */
  readonly values: Readonly<Record<string, unknown>>
}

/** No trade has that number: the link was never opened, or nobody logged in there yet. */
export interface NoTrade {
  readonly exists: false
}

/** @throws FieldError, UnknownOutcomeError, NotSentError, GatewayRefusedError; safe to repeat, and repeated */
export async function queryTrade(
  transport: Transport,
  trade: TradeRef,
  options?: CallOptions,
): Promise<Trade | NoTrade> {
  const call = { method: 'alipay.trade.query', bizContent: tradeRef(trade) }
  const fields = await execute(transport, call, 'safe', options)
  if (fields.subCode === 'ACQ.TRADE_NOT_EXIST') return { exists: false }
  if (fields.code !== '10000') throw new GatewayRefusedError(fields.code, fields.subCode, fields.subMsg, true)
  checkAbout(fields, trade)
  const totalAmount = readAmount(textOf(fields, 'total_amount'))
  const tradeStatus = textOf(fields, 'trade_status')
  if (totalAmount === undefined || !isTradeStatus(tradeStatus)) throw unexpected('query')
  return {
    exists: true,
    outTradeNo: textOf(fields, 'out_trade_no'),
    tradeNo: textOf(fields, 'trade_no'),
    tradeStatus,
    totalAmount,
    sendPayDate: readTime(textOf(fields, 'send_pay_date')),
    buyerLogonId: textOf(fields, 'buyer_logon_id') || undefined,
    values: fields.values,
  }
}

/** biz_content that names a trade. @throws FieldError where neither number is given, or one is too long */
export function tradeRef({ outTradeNo, tradeNo }: TradeRef, more: Readonly<Record<string, unknown>> = {}): string {
  if (!outTradeNo && !tradeNo) throw new FieldError('out_trade_no', 'or trade_no must be given')
  for (const [field, value] of Object.entries({ out_trade_no: outTradeNo, trade_no: tradeNo }))
    if (value && value.length > 64) throw new FieldError(field, 'must not be longer than 64 characters')
  return JSON.stringify({ out_trade_no: outTradeNo || undefined, trade_no: tradeNo || undefined, ...more })
}

/** The text of an answer's member; empty where it is missing or no text. */
export function textOf(fields: AnswerFields, name: string): string {
  const value = fields.values[name]
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

/**
 * A signature says that Alipay said it, not that it said it now and of this trade: whoever kept an older answer could put
 * it in this one's place. @throws UnknownOutcomeError
 */
export function checkAbout(fields: AnswerFields, { outTradeNo, tradeNo }: TradeRef): void {
  const [isTradeNo, isOutTradeNo] = [textOf(fields, 'trade_no'), textOf(fields, 'out_trade_no')]
  const same = tradeNo ? isTradeNo === tradeNo : isOutTradeNo === outTradeNo
  if (!same) throw new UnknownOutcomeError('ANOTHER_TRADE', 'The answer is signed, but it is about another trade.')
}

export const unexpected = (of: string): UnknownOutcomeError =>
  new UnknownOutcomeError('UNEXPECTED_ANSWER', `The ${of}'s answer is signed, but it is not understood.`)
