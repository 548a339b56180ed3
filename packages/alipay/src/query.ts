/** alipay.trade.query: what the gateway says of a trade. Believed only with its signature. */
import { UnknownOutcomeError } from './errors.ts'
import { type CallOptions, execute, type Transport } from './execute.ts'
import { readAmount } from './money.ts'
import { isTradeStatus, type TradeStatus } from './notification.ts'
import { readTime } from './timestamp.ts'

/** One of the two; Alipay's own number wins where both are given. */
export interface TradeRef {
  readonly outTradeNo?: string | undefined
  readonly tradeNo?: string | undefined
}

export interface Trade {
  readonly exists: true
  readonly outTradeNo: string
  readonly tradeNo: string
  readonly tradeStatus: TradeStatus
  /** The order's amount, in fen. */
  readonly totalAmount: number
  /** When it was paid; undefined while it is not. */
  readonly sendPayDate: Date | undefined
  readonly buyerLogonId: string | undefined
  readonly values: Readonly<Record<string, unknown>>
}

/** No trade has that number: the link was never opened, or nobody logged in there yet. */
export interface NoTrade {
  readonly exists: false
}

/** @throws UnknownOutcomeError, NotSentError, GatewayRefusedError; safe to repeat */
export async function queryTrade(
  transport: Transport,
  trade: TradeRef,
  options?: CallOptions,
): Promise<Trade | NoTrade> {
  const fields = await execute(transport, { method: 'alipay.trade.query', bizContent: tradeRef(trade) }, options)
  if (fields.subCode === 'ACQ.TRADE_NOT_EXIST') return { exists: false }
  const text = (name: string) => (typeof fields.values[name] === 'string' ? String(fields.values[name]) : '')
  const totalAmount = readAmount(text('total_amount'))
  const tradeStatus = text('trade_status')
  if (fields.code !== '10000' || totalAmount === undefined || !isTradeStatus(tradeStatus)) {
    throw new UnknownOutcomeError(
      fields.subCode || 'UNEXPECTED_ANSWER',
      `The query's answer is not understood: ${fields.subMsg || fields.msg}`,
    )
  }
  return {
    exists: true,
    outTradeNo: text('out_trade_no'),
    tradeNo: text('trade_no'),
    tradeStatus,
    totalAmount,
    sendPayDate: readTime(text('send_pay_date')),
    buyerLogonId: text('buyer_logon_id') || undefined,
    values: fields.values,
  }
}

export const tradeRef = ({ outTradeNo, tradeNo }: TradeRef, more: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({ out_trade_no: outTradeNo, trade_no: tradeNo, ...more })
