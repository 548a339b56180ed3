/** alipay.trade.close: closes a trade that waits for payment. */
import { GatewayRefusedError } from './errors.ts'
import { type CallOptions, execute, type Transport } from './execute.ts'
import { checkAbout, type TradeRef, tradeRef } from './query.ts'

/**
 * `not-exist`: nobody has come to the cashier, so there is nothing to close; only the link's own limit ends it.
 * `not-closable`: it was paid, or is closed already; ask which with `query`.
 */
export type Closed = 'closed' | 'not-exist' | 'not-closable'

/** Which of these says "closed already" is not documented. */
const NOT_CLOSABLE = [
  'ACQ.TRADE_STATUS_ERROR',
  'ACQ.REASON_TRADE_STATUS_INVALID',
  'ACQ.REASON_ILLEGAL_STATUS',
  'ACQ.TRADE_HAS_CLOSE',
  'ACQ.TRADE_HAS_SUCCESS',
  'ACQ.TRADE_HAS_FINISHED',
]

/** @throws FieldError, UnknownOutcomeError, NotSentError, GatewayRefusedError; safe to repeat, and repeated */
export async function closeTrade(transport: Transport, trade: TradeRef, options?: CallOptions): Promise<Closed> {
  const call = { method: 'alipay.trade.close', bizContent: tradeRef(trade) }
  const fields = await execute(transport, call, 'safe', options)
  if (fields.subCode === 'ACQ.TRADE_NOT_EXIST') return 'not-exist'
  if (NOT_CLOSABLE.includes(fields.subCode)) return 'not-closable'
  if (fields.code !== '10000') throw new GatewayRefusedError(fields.code, fields.subCode, fields.subMsg, true)
  checkAbout(fields, trade)
  return 'closed'
}
