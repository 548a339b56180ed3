/** Placing an order: the price is checked against the catalogue, and what belongs to an order is written in one statement. */
import { sql } from 'kysely'
import type { Transaction } from '../database/connect.ts'
import type { RowsOfAll } from '../database/together.ts'
import { enrolmentsAmong } from '../enrolments/access.ts'
import { ShopError } from '../errors.ts'
import { type Fen, sumFen } from '../money.ts'
import type { HistoryLine } from './history.ts'

/** An order this close to its end is not offered again: the gateway wants at least a minute on a pay link. */
export const LEAST_TIME_TO_PAY_MS = 2 * 60_000

export interface Purchase {
  readonly userId: number
  readonly courseIds: readonly number[]
  /** What the buyer was shown; the catalogue must agree. */
  readonly total: Fen
  readonly payType: string
  readonly subject: string | undefined
}

/** An unpaid order, new or found again. */
export interface PlacedOrder {
  readonly id: number
  readonly orderNo: string
  readonly subject: string
  readonly total: Fen
  readonly expiresAt: Date
}

/** An order that may be written. */
export interface OrderToPlace {
  readonly purchase: Purchase
  readonly subject: string
  readonly courses: readonly CourseOnSale[]
}

/**
 * What a purchase is judged by, to be read in this order in one transaction. The buyer's row is held first, so that orders
 * of one buyer are placed one after the other: what stands behind it sees what whoever held it before has done.
 */
export const purchaseReads = (tx: Transaction, { userId, courseIds, total, payType }: Purchase) =>
  [
    tx.selectFrom('users').select('id').where('id', '=', userId).modifyEnd(sql`for no key update`),
    tx
      .selectFrom('courses')
      .select(['id', 'title', 'price_fen', 'original_price_fen'])
      .where('id', 'in', [...courseIds])
      .where('status', '=', 'published'),
    enrolmentsAmong(tx, userId, courseIds),
    // Unpaid in the words of an index of its own, and neither sorted nor compared with the clock: however few orders are
    // unpaid when the database counts them, it looks among this buyer's only (migration 0024).
    tx
      .selectFrom('orders')
      .select(['id', 'order_no', 'subject', 'total_fen', 'expires_at'])
      .where('user_id', '=', userId)
      .where('paid_at', 'is', null)
      .where('closed_at', 'is', null)
      .where(sql<boolean>`course_ids = ${sorted(courseIds)}::int[]`)
      .where('total_fen', '=', total)
      .where('pay_type', '=', payType),
  ] as const

type PurchaseRead = RowsOfAll<ReturnType<typeof purchaseReads>>
type CourseOnSale = PurchaseRead[1][number]

/**
 * Finds the same purchase where it was made before and is still to be paid; else what is to be written. The price is the
 * catalogue's as it was read: whoever changes it just then comes after this order.
 * @throws ShopError COURSE_NOT_FOUND, COURSE_ALREADY_OWNED, PRICE_MISMATCH, NOTHING_TO_PAY
 */
export function judgePurchase(
  purchase: Purchase,
  [, courses, owned, unpaid]: PurchaseRead,
  now: Date,
): { same: PlacedOrder } | { same: undefined; fresh: OrderToPlace } {
  if (courses.length !== purchase.courseIds.length) throw new ShopError('COURSE_NOT_FOUND')
  if (owned.length > 0) throw new ShopError('COURSE_ALREADY_OWNED')
  const total = sumFen(courses.map((course) => course.price_fen))
  if (total !== purchase.total) throw new ShopError('PRICE_MISMATCH')
  if (total === 0) throw new ShopError('NOTHING_TO_PAY')

  const payable = unpaid.filter((order) => order.expires_at.getTime() - now.getTime() > LEAST_TIME_TO_PAY_MS)
  const [same] = payable.sort((left, right) => right.id - left.id)
  if (same) return { same: asPlaced(same) }
  const subject = purchase.subject?.trim() || titlesOf(purchase.courseIds, courses)
  return { same: undefined, fresh: { purchase, subject, courses } }
}

/** The id of the order that the statement around it makes (`orderRow`, named "placed"). */
export const PLACED_ID = sql<number>`(select id from placed)`

/** The order's row, for the statement that makes it with all that belongs to it. */
export const orderRow = (
  tx: Pick<Transaction, 'insertInto'>,
  { purchase, subject }: OrderToPlace,
  { orderNo, now, expiresAt }: { orderNo: string; now: Date; expiresAt: Date },
) =>
  tx
    .insertInto('orders')
    .values({
      order_no: orderNo,
      user_id: purchase.userId,
      subject,
      total_fen: purchase.total,
      pay_type: purchase.payType,
      course_ids: sorted(purchase.courseIds),
      created_at: now,
      expires_at: expiresAt,
    })
    .returning('id')

/** Its lines, at the prices that were read. */
export const orderLineRows = (tx: Pick<Transaction, 'insertInto'>, { purchase, courses }: OrderToPlace) => {
  const byId = new Map(courses.map((course) => [course.id, course]))
  return tx.insertInto('order_lines').values(
    purchase.courseIds.flatMap((id, position) => {
      const course = byId.get(id)
      if (!course) return []
      const { title, price_fen, original_price_fen } = course
      return [{ order_id: PLACED_ID, position, course_id: id, course_title: title, price_fen, original_price_fen }]
    }),
  )
}

/** Its line of history. */
export const orderPlaced = (now: Date): HistoryLine => ({
  ...{ orderId: PLACED_ID, at: now, subject: 'order', event: 'place', from: null, to: 'unpaid' },
  ...{ actor: 'buyer', reason: '' },
})

const sorted = (ids: readonly number[]): number[] => [...ids].sort((left, right) => left - right)

const asPlaced = (row: PurchaseRead[3][number]): PlacedOrder => ({
  id: row.id,
  orderNo: row.order_no,
  subject: row.subject,
  total: row.total_fen,
  expiresAt: row.expires_at,
})

function titlesOf(ids: readonly number[], courses: readonly { id: number; title: string }[]): string {
  const titles = ids.flatMap((id) => courses.find((course) => course.id === id)?.title ?? [])
  return titles.join('、').slice(0, 200)
}
