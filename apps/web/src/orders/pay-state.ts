/** The state of a payment as every page shows it. */
import type { Order } from '../api/client.ts'

export type PayState = 'paid' | 'confirming' | 'unanswered' | 'unpaid'

/**
 * @param signed whether the return address was signed by the gateway: the buyer has then paid, and an order that is
 * still unpaid is only waiting for confirmation. Otherwise, if a gateway does not answer, the state is unknown.
 */
export function payState({ status, paymentCheck }: Pick<Order, 'status' | 'paymentCheck'>, signed: boolean): PayState {
  if (status === 'paid' || status === 'partially_refunded' || status === 'refunded') return 'paid'
  if (paymentCheck === 'unanswered') return signed ? 'confirming' : 'unanswered'
  return status === 'unpaid' && signed ? 'confirming' : 'unpaid'
}

/** The query parameters of a return address for the API: each once, with its exact value. */
export function returnParameters(query: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(query).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value])
  return Object.fromEntries(entries.map(([name, value]) => [name, typeof value === 'string' ? value : '']))
}
