/** alipay.trade.close: closes a trade that waits for payment. */
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
 * `ACQ.TRADE_NOT_EXIST` as the refusal: nobody has come to the cashier, so there is nothing to close, and only the link's
 * own `timeExpire` ends it. It is not repeated after an unknown outcome: a repeat of a close that did work is refused, and
 * would look like one that did not. Ask with `query`.
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
