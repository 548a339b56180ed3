/** alipay.trade.close: closes a trade that waits for payment. */
import { type CallOptions, execute, type Transport } from './execute.ts'
import { type TradeRef, tradeRef } from './query.ts'

/** `not-exist`: nobody has come to the cashier, so there is nothing to close; only the link's own limit ends it. */
export type Closed = 'closed' | 'not-exist' | 'not-closable'

/** @throws UnknownOutcomeError, NotSentError, GatewayRefusedError; safe to repeat */
export async function closeTrade(transport: Transport, trade: TradeRef, options?: CallOptions): Promise<Closed> {
  const fields = await execute(transport, { method: 'alipay.trade.close', bizContent: tradeRef(trade) }, options)
  if (fields.code === '10000') return 'closed'
  return fields.subCode === 'ACQ.TRADE_NOT_EXIST' ? 'not-exist' : 'not-closable'
}
