/** What of an order has truly gone back to its buyer, and what still can. */
import type { Order } from './api/client.ts'
import { isMore, sumOfPrices } from './sum.ts'

type Refunded = Pick<Order, 'refunds'>

/** How much of a course was paid back; what is only asked for or on its way does not count. */
export const paidBack = ({ refunds }: Refunded, courseId: number): string =>
  sumOfPrices(
    refunds
      .filter(({ status }) => status === 'succeeded')
      .flatMap(({ lines }) => lines.filter((line) => line.courseId === courseId).map(({ amount }) => amount)),
  )

/** The lines of which something is still paid for, and which can be read therefore. */
export const keptLines = ({ lines, refunds }: Pick<Order, 'lines' | 'refunds'>): Order['lines'] =>
  lines.filter(({ courseId, price }) => isMore(price, paidBack({ refunds }, courseId)))

/** What these lines would bring: never more than is left of the payment, part of which may have gone back for no line. */
export function refundOf({ refundable }: Pick<Order, 'refundable'>, lines: Order['lines']): string {
  const sum = sumOfPrices(lines.map((line) => line.refundable))
  return isMore(sum, refundable) ? refundable : sum
}
