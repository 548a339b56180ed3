/** Places an order: the price is checked against the catalogue, and order and lines are written together or not at all. */
import { sql } from 'kysely'
import type { Transaction } from '../database/connect.ts'
import { together } from '../database/together.ts'
import { enrolmentsAmong } from '../enrolments/access.ts'
import { ShopError } from '../errors.ts'
import { type Fen, sumFen } from '../money.ts'
import { historyLines } from './history.ts'

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

export interface PlacedOrder {
  readonly id: number
  readonly orderNo: string
  readonly subject: string
  readonly total: Fen
  readonly payType: string
  readonly expiresAt: Date
  /** False when the same unpaid purchase was there already. */
  readonly fresh: boolean
}

/**
 * Orders of one buyer are placed one after the other (the buyer's row is held), so that two presses at once make one.
 * @throws ShopError COURSE_NOT_FOUND, COURSE_ALREADY_OWNED, PRICE_MISMATCH, NOTHING_TO_PAY
 */
export async function placeOrder(
  tx: Transaction,
  purchase: Purchase,
  fresh: { orderNo: string; now: Date; expiresAt: Date },
): Promise<PlacedOrder> {
  const ids = [...purchase.courseIds].sort((left, right) => left - right)
  // The buyer's row first: what stands behind it sees what whoever held it before has done.
  const [, courses, owned, [same]] = await together(
    tx,
    tx.selectFrom('users').select('id').where('id', '=', purchase.userId).modifyEnd(sql`for no key update`),
    tx
      .selectFrom('courses')
      .select(['id', 'title', 'price_fen', 'original_price_fen'])
      .where('id', 'in', ids)
      .where('status', '=', 'published')
      .orderBy('id')
      .modifyEnd(sql`for share`),
    enrolmentsAmong(tx, purchase.userId, ids),
    sameUnpaid(tx, purchase, ids, fresh.now),
  )
  if (courses.length !== ids.length) throw new ShopError('COURSE_NOT_FOUND')
  if (owned.length > 0) throw new ShopError('COURSE_ALREADY_OWNED')
  const total = sumFen(courses.map((course) => course.price_fen))
  if (total !== purchase.total) throw new ShopError('PRICE_MISMATCH')
  if (total === 0) throw new ShopError('NOTHING_TO_PAY')

  if (same) return asPlaced(same)

  const subject = purchase.subject?.trim() || titlesOf(purchase.courseIds, courses)
  const order = await tx
    .insertInto('orders')
    .values({
      order_no: fresh.orderNo,
      user_id: purchase.userId,
      subject,
      total_fen: total,
      pay_type: purchase.payType,
      course_ids: ids,
      created_at: fresh.now,
      expires_at: fresh.expiresAt,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  const byId = new Map(courses.map((course) => [course.id, course]))
  const lines = purchase.courseIds.flatMap((id, position) => {
    const course = byId.get(id)
    if (!course) return []
    const { title, price_fen, original_price_fen } = course
    return [{ order_id: order.id, position, course_id: id, course_title: title, price_fen, original_price_fen }]
  })
  const about = { orderId: order.id, at: fresh.now, subject: 'order', event: 'place', reason: '' } as const
  await together(
    tx,
    tx.insertInto('order_lines').values(lines),
    historyLines(tx, { ...about, from: null, to: 'unpaid', actor: 'buyer' }),
  )
  return {
    id: order.id,
    orderNo: fresh.orderNo,
    subject,
    total,
    payType: purchase.payType,
    expiresAt: fresh.expiresAt,
    fresh: true,
  }
}

const sameUnpaid = (tx: Transaction, purchase: Purchase, ids: number[], now: Date) =>
  tx
    .selectFrom('orders')
    .select(['id', 'order_no', 'subject', 'total_fen', 'pay_type', 'expires_at'])
    .where('user_id', '=', purchase.userId)
    .where('status', '=', 'unpaid')
    .where(sql<boolean>`course_ids = ${ids}::int[]`)
    .where('total_fen', '=', purchase.total)
    .where('pay_type', '=', purchase.payType)
    .where('expires_at', '>', new Date(now.getTime() + LEAST_TIME_TO_PAY_MS))
    .orderBy('id', 'desc')
    .limit(1)

type OrderRow = Awaited<ReturnType<ReturnType<typeof sameUnpaid>['executeTakeFirstOrThrow']>>

const asPlaced = (row: OrderRow): PlacedOrder => ({
  id: row.id,
  orderNo: row.order_no,
  subject: row.subject,
  total: row.total_fen,
  payType: row.pay_type,
  expiresAt: row.expires_at,
  fresh: false,
})

function titlesOf(ids: readonly number[], courses: readonly { id: number; title: string }[]): string {
  const titles = ids.flatMap((id) => courses.find((course) => course.id === id)?.title ?? [])
  return titles.join('、').slice(0, 200)
}
