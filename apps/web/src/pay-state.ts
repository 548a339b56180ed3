/** The three honest states of a payment, as the return page tells them. */
import type { Order } from './api/client.ts'

export type PayState = 'paid' | 'confirming' | 'unpaid'

/**
 * @param verified whether the return address was signed by the gateway: then the buyer has paid there, and an order that
 *   is still unpaid here is only not confirmed yet
 */
export function payState(status: Order['status'], verified: boolean): PayState {
  if (status === 'paid' || status === 'partially_refunded' || status === 'refunded') return 'paid'
  return status === 'unpaid' && verified ? 'confirming' : 'unpaid'
}

/** The parameters of an address as the API takes them: each once, exactly as they stand there. */
export function returnParameters(query: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(query).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value])
  return Object.fromEntries(entries.map(([name, value]) => [name, typeof value === 'string' ? value : '']))
}
