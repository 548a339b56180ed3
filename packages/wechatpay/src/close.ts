/** Closes an unpaid order. A closed number can never be used again. */
import type { CallOptions } from '@xuecheng/client-kit'
import { execute, type Transport } from './execute.ts'
import { checkedOutTradeNo } from './fields.ts'
import { CLOSE_CODES, type CloseCode, type Refusal, refusal } from './refusals.ts'

export interface Closed {
  readonly ok: true
}

/**
 * Closing a closed order succeeds, so an unknown outcome is retried. After any refusal, use `query`: the buyer may have
 * paid in the meantime.
 * @throws UnknownOutcomeError, NotSentError, GatewayRefusedError
 */
export async function closeTrade(
  transport: Transport,
  { outTradeNo }: { readonly outTradeNo: string },
  options?: CallOptions,
): Promise<Closed | Refusal<CloseCode>> {
  const path = `/v3/pay/transactions/out-trade-no/${encodeURIComponent(checkedOutTradeNo(outTradeNo))}/close`
  const answer = await execute(transport, { method: 'POST', path, body: { mchid: transport.mchId } }, options)
  return answer.ok ? { ok: true } : refusal<CloseCode>(answer, CLOSE_CODES)
}
