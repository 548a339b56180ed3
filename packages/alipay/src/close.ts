/** alipay.trade.close: closes an unpaid trade. */
import { type CallOptions, checkedLength } from '@xuecheng/client-kit'
import { checkAbout, textOf } from './about.ts'
import { execute, type Transport } from './execute.ts'
import { checkedTradeRef, type TradeRef } from './fields.ts'
import { type BusinessRefusal, businessRefusal, CLOSE_SUB_CODES, type CloseSubCode } from './sub-codes.ts'

export interface Close extends TradeRef {
  /** At most 28 characters. */
  readonly operatorId?: string | undefined
}

export interface Closed {
  readonly ok: true
  readonly outTradeNo: string
  readonly tradeNo: string
}

/**
 * A refusal with `ACQ.TRADE_NOT_EXIST` means that no buyer has opened the cashier: there is nothing to close, and only
 * the link's own `timeExpire` ends it. A close is not retried after an unknown outcome: repeating a close that did
 * succeed is refused and would look like a failure. Use `query` instead.
 * @throws UnknownOutcomeError, NotSentError, GatewayRefusedError
 */
export async function closeTrade(
  transport: Transport,
  close: Close,
  options?: CallOptions,
): Promise<Closed | BusinessRefusal<CloseSubCode>> {
  const bizContent = JSON.stringify({
    ...checkedTradeRef(close),
    operator_id: checkedLength('operator_id', close.operatorId, 28),
  })
  const fields = await execute(transport, { method: 'alipay.trade.close', bizContent }, options)
  checkAbout(fields, close)
  if (fields.code !== '10000') return businessRefusal(fields, CLOSE_SUB_CODES)
  return { ok: true, outTradeNo: textOf(fields, 'out_trade_no'), tradeNo: textOf(fields, 'trade_no') }
}
