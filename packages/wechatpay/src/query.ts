/** Queries a payment. The answer is trusted only with WeChat's signature. */
import type { CallOptions } from '@xuecheng/client-kit'
import { GatewayRefusedError } from './errors.ts'
import { execute, type Transport } from './execute.ts'
import { checkedTradeRef, type TradeRef } from './fields.ts'
import { aboutAnother, unexpected } from './json.ts'
import { sameCode } from './refusals.ts'
import { readTrade, type TradeFields } from './trade.ts'

export interface Trade extends TradeFields {
  readonly exists: true
}

/** WeChat has no order with that number. */
export interface NoTrade {
  readonly exists: false
}

/** @throws UnknownOutcomeError, NotSentError, GatewayRefusedError. Retries by itself: a query changes nothing. */
export async function queryTrade(
  transport: Transport,
  trade: TradeRef,
  options?: CallOptions,
): Promise<Trade | NoTrade> {
  const { transaction_id, out_trade_no } = checkedTradeRef(trade)
  const which = transaction_id ? `id/${transaction_id}` : `out-trade-no/${encodeURIComponent(out_trade_no ?? '')}`
  const path = `/v3/pay/transactions/${which}?mchid=${transport.mchId}`
  const answer = await execute(transport, { method: 'GET', path }, options)
  if (!answer.ok) {
    if (answer.status === 404 && sameCode(answer.code, 'ORDER_NOT_EXIST')) return { exists: false }
    throw new GatewayRefusedError(answer.code, `${answer.code}: ${answer.message}`, answer)
  }
  const read = readTrade(answer.values)
  if (!read) throw unexpected('trade')
  const isIt = transaction_id ? read.transactionId === transaction_id : read.outTradeNo === out_trade_no
  if (!isIt || read.mchId !== transport.mchId) throw aboutAnother('trade')
  return { exists: true, ...read }
}
