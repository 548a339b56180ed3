/**
 * Placing an order: the price is checked against the catalogue, and the order is written with all its parts in one
 * statement.
 */
import { sql } from 'kysely'
import type { Transaction } from '../db/connect.ts'
import type { RowsOfAll } from '../db/statements/pipeline.ts'
import { enrolmentsAmong } from '../enrolments/access.ts'
import { ShopError } from '../errors.ts'
import { type Fen, sumFen } from '../money.ts'
import { cutText } from '../text/cut-text.ts'
import type { HistoryLine } from './history.ts'
import { insertOrder, insertOrderLines } from './rows.ts'

/** An order this close to its expiry is not offered again: gateways require at least a minute for a pay link. */
export const MIN_TIME_TO_PAY_MS = 2 * 60_000

/**
 * Unpaid orders of one buyer at a time. Each is watched, polled and closed at its gateway, and no real buyer has more.
 */
export const MAX_UNPAID_ORDERS = 10

export interface Purchase {
  readonly userId: number
  readonly courseIds: readonly number[]
  /** The total that the buyer saw; it must match the catalogue. */
  readonly total: Fen
  readonly payType: string
  readonly subject: string | undefined
}

/** An unpaid order, new or found. */
export interface PlacedOrder {
  readonly id: number
  readonly orderNo: string
  readonly subject: string
  readonly total: Fen
  readonly expiresAt: Date
}

/** A validated order. */
export interface OrderToPlace {
  readonly purchase: Purchase
  readonly subject: string
  readonly courses: readonly CourseOnSale[]
}

/**
 * The reads that validation needs, in this order and in one transaction. The buyer's row is locked first, so that a
 * buyer's orders are placed one after another: the later reads see what the transaction that held the lock before has
 * written.
 */
export const purchaseReads = (tx: Transaction, { userId, courseIds }: Purchase) =>
  [
    tx.selectFrom('users').select('id').where('id', '=', userId).modifyEnd(sql`for no key update`),
    tx
      .selectFrom('courses')
      .select(['id', 'title', 'price_fen', 'original_price_fen'])
      .where('id', 'in', [...courseIds])
      .where('status', '=', 'published'),
    enrolmentsAmong(tx, userId, courseIds),
    // The condition on the status matches a partial index exactly, without sorting or comparing with the clock: even if
    // the statistics say that few orders are unpaid, the planner reads this buyer's only (migration 0024).
    tx
      .selectFrom('orders')
      .select(['id', 'order_no', 'subject', 'total_fen', 'expires_at', 'course_ids'])
      .where('user_id', '=', userId)
      .where('paid_at', 'is', null)
      .where('closed_at', 'is', null),
  ] as const

type PurchaseRead = RowsOfAll<ReturnType<typeof purchaseReads>>
type CourseOnSale = PurchaseRead[1][number]

/**
 * Finds the same purchase if it was made before and is still unpaid; otherwise returns what is to be written. The price
 * is the catalogue's as it was read: a concurrent change of price applies after this order.
 * @throws ShopError COURSE_NOT_FOUND, COURSE_ALREADY_OWNED, PRICE_MISMATCH, NOTHING_TO_PAY, TOO_MANY_UNPAID_ORDERS
 */
export function validatePurchase(
  purchase: Purchase,
  [, courses, owned, unpaid]: PurchaseRead,
  now: Date,
): { same: PlacedOrder } | { same: undefined; fresh: OrderToPlace } {
  if (courses.length !== purchase.courseIds.length) throw new ShopError('COURSE_NOT_FOUND')
  if (owned.length > 0) throw new ShopError('COURSE_ALREADY_OWNED')
  const total = sumFen(courses.map((course) => course.price_fen))
  if (total !== purchase.total) throw new ShopError('PRICE_MISMATCH')
  if (total === 0) throw new ShopError('NOTHING_TO_PAY')

  const payable = unpaid.filter((order) => order.expires_at.getTime() - now.getTime() > MIN_TIME_TO_PAY_MS)
  const [same] = payable.filter((order) => isFor(purchase, order)).sort((left, right) => right.id - left.id)
  if (same) return { same: asPlaced(same) }
  // An expired order that cannot be closed yet, since its gateway is unreachable, does not stop the buyer.
  if (unpaid.filter((order) => order.expires_at > now).length >= MAX_UNPAID_ORDERS) {
    throw new ShopError('TOO_MANY_UNPAID_ORDERS')
  }
  const subject = purchase.subject?.trim() || titlesOf(purchase.courseIds, courses)
  return { same: undefined, fresh: { purchase, subject, courses } }
}

/** The id of the order that the surrounding statement inserts (`orderRow`, named "placed"). */
export const PLACED_ID = sql<number>`(select id from placed)`

/** Builds the insert of the order, for the statement that also inserts everything belonging to it. */
export const orderRow = (
  tx: Pick<Transaction, 'insertInto'>,
  { purchase, subject }: OrderToPlace,
  { orderNo, now, expiresAt }: { orderNo: string; now: Date; expiresAt: Date },
) => insertOrder(tx, { ...purchase, subject, orderNo, now, expiresAt })

/** Builds the insert of the order's lines, at the prices that were read. */
export const orderLineRows = (tx: Pick<Transaction, 'insertInto'>, { purchase, courses }: OrderToPlace) => {
  const byId = new Map(courses.map((course) => [course.id, course]))
  const lines = purchase.courseIds.flatMap((id) => {
    const course = byId.get(id)
    if (!course) return []
    const { title, price_fen, original_price_fen } = course
    return [{ course_id: id, course_title: title, price_fen, original_price_fen }]
  })
  return insertOrderLines(tx, PLACED_ID, lines)
}

/** The order's first history entry. */
export const orderPlaced = (now: Date): HistoryLine => ({
  ...{ orderId: PLACED_ID, at: now, subject: 'order', event: 'place', from: null, to: 'unpaid' },
  ...{ actor: 'buyer', reason: '' },
})

const sorted = (ids: readonly number[]): number[] => [...ids].sort((left, right) => left - right)

/** With whatever method it was begun: two unpaid orders for the same courses could both be paid. */
const isFor = ({ courseIds, total }: Purchase, order: PurchaseRead[3][number]): boolean =>
  order.total_fen === total && String(order.course_ids) === String(sorted(courseIds))

const asPlaced = (row: PurchaseRead[3][number]): PlacedOrder => ({
  id: row.id,
  orderNo: row.order_no,
  subject: row.subject,
  total: row.total_fen,
  expiresAt: row.expires_at,
})

function titlesOf(ids: readonly number[], courses: readonly { id: number; title: string }[]): string {
  const titles = ids.flatMap((id) => courses.find((course) => course.id === id)?.title ?? [])
  return cutText(titles.join('、'), 200)
}
