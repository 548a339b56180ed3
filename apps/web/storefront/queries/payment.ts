/** What the pages around a payment learn of it: its open link, and what became of it when the buyer is back. */
import { useQuery } from '@pinia/colada'
import { ApiProblem, answer, api, type Order } from '../../src/api/client.ts'
import { readOrder } from './mine.ts'

export interface Returned {
  readonly order: Order
  /**
   * How far the address is believed: signed by the gateway; nothing in it to believe, so that the gateway was asked; or
   * claiming what it cannot show.
   */
  readonly word: 'signed' | 'asked' | 'unverified'
}

export const paymentKey = (orderNo: string) => ['mine', 'payment', orderNo]

/** The open payment of an unpaid order, as it was left. */
export const useOpenPayment = (orderNo: () => string, wanted: () => boolean) =>
  useQuery({
    key: () => paymentKey(orderNo()),
    enabled: wanted,
    query: () => answer(api.GET('/api/orders/{orderNo}/payment', { params: { path: { orderNo: orderNo() } } })),
    staleTime: 60_000,
  })

/** What the order itself says, where the address proved nothing; and where it names none of this buyer's, neither did that. */
async function unproven(orderNo: string): Promise<Returned> {
  try {
    return { order: await readOrder(orderNo), word: 'unverified' }
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.status !== 404) throw error
    const { status, message: title, detail } = error
    throw new ApiProblem({ code: 'RETURN_NOT_VERIFIED', status, title, detail })
  }
}

/** Has the server verify the return; without a good signature only what the order itself says is believed. */
async function confirmReturn(parameters: Record<string, string>): Promise<Returned> {
  const back = parameters['order']
  if (back !== undefined) {
    const path = { orderNo: back }
    return { order: await answer(api.POST('/api/orders/{orderNo}/ask', { params: { path } })), word: 'asked' }
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
