/** How much of an order has been refunded, and how much still can be. */
import type { Order } from '../api/client.ts'
import { isMore, sumOfPrices } from '../sum.ts'

type Refunded = Pick<Order, 'refunds'>

/** The amount refunded of a course; refunds that are only requested or in progress are not counted. */
export const paidBack = ({ refunds }: Refunded, courseId: number): string =>
  sumOfPrices(
    refunds
      .filter(({ status }) => status === 'succeeded')
      .flatMap(({ lines }) => lines.filter((line) => line.courseId === courseId).map(({ amount }) => amount)),
  )

/** The lines that are not fully refunded, and whose courses are therefore still accessible. */
export const keptLines = ({ lines, refunds }: Pick<Order, 'lines' | 'refunds'>): Order['lines'] =>
  lines.filter(({ courseId, price }) => isMore(price, paidBack({ refunds }, courseId)))

/**
 * The refund for these lines: at most what is left of the payment, part of which may have been refunded without a line.
 */
export function refundOf({ refundable }: Pick<Order, 'refundable'>, lines: Order['lines']): string {
  const sum = sumOfPrices(lines.map((line) => line.refundable))
  return isMore(sum, refundable) ? refundable : sum
}
