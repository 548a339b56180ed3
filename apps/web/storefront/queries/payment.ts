/** What the return page learns of the payment it was sent for. */
import { useQuery } from '@pinia/colada'
import { ApiProblem, answer, api, type Order } from '../../src/api/client.ts'
import { readOrder } from './mine.ts'

export interface Returned {
  readonly order: Order
  /** Whether the parameters bore the gateway's own signature. */
  readonly verified: boolean
}

/** Has the server verify the return; without a good signature only what the order itself says is believed. */
async function confirmReturn(parameters: Record<string, string>): Promise<Returned> {
  const orderNo = parameters['out_trade_no']
  if (orderNo && !parameters['sign']) return { order: await readOrder(orderNo), verified: false }
  try {
    return { order: await answer(api.POST('/api/payments/alipay/return', { body: parameters })), verified: true }
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.code !== 'RETURN_NOT_VERIFIED' || !orderNo) throw error
    return { order: await readOrder(orderNo), verified: false }
  }
}

export const useReturned = (parameters: () => Record<string, string>) =>
  useQuery({
    key: () => ['mine', 'return', parameters()],
    enabled: () => Object.keys(parameters()).length > 0,
    query: () => confirmReturn(parameters()),
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  })
