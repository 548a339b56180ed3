/** Queries around a payment: its open link, and its result when the buyer returns. */
import { useQuery } from '@pinia/colada'
import { ApiProblem, answer, api, type Order } from '../../src/api/client.ts'
import { readOrder } from './mine.ts'

export interface Returned {
  readonly order: Order
  /**
   * How the return address was verified: `signed` by the gateway; `asked`: the address claims nothing, so the gateway
   * was queried; `unverified`: it claims a payment that it cannot prove.
   */
  readonly word: 'signed' | 'asked' | 'unverified'
}

export const paymentKey = (orderNo: string) => ['mine', 'payment', orderNo]

/** The open payment of an unpaid order, with its existing link. */
export const useOpenPayment = (orderNo: () => string, wanted: () => boolean) =>
  useQuery({
    key: () => paymentKey(orderNo()),
    enabled: wanted,
    query: () => answer(api.GET('/api/orders/{orderNo}/payment', { params: { path: { orderNo: orderNo() } } })),
    staleTime: 60_000,
  })

/**
 * Has the server query the gateways about all payments of the order that may have been made. @returns the updated order
 */
export const askGateways = (orderNo: string): Promise<Order> =>
  answer(api.POST('/api/orders/{orderNo}/ask', { params: { path: { orderNo } } }))

/**
 * Reads the order itself if the return address proves nothing. If it is no order of this buyer, the return is
 * unverified.
 */
async function unproven(orderNo: string): Promise<Returned> {
  try {
    return { order: await readOrder(orderNo), word: 'unverified' }
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.status !== 404) throw error
    const { status, message: title, detail } = error
    throw new ApiProblem({ code: 'RETURN_NOT_VERIFIED', status, title, detail })
  }
}

/** Has the server verify the return; without a valid signature only the order's own state counts. */
async function confirmReturn(parameters: Record<string, string>): Promise<Returned> {
  const back = parameters['order']
  if (back !== undefined) {
    return { order: await askGateways(back), word: 'asked' }
  }
  const orderNo = parameters['out_trade_no']
  if (orderNo && !parameters['sign']) return unproven(orderNo)
  try {
    return { order: await answer(api.POST('/api/payments/alipay/return', { body: parameters })), word: 'signed' }
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.code !== 'RETURN_NOT_VERIFIED' || !orderNo) throw error
    return unproven(orderNo)
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
