/** Buyers for the back office: search by name, and each buyer's courses with the date and the order. */
import { sql } from 'kysely'
import { type Static, Type } from 'typebox'
import type { Reader } from '../db/connect.ts'
import { ShopError } from '../errors.ts'
import { cursorPage, type Page } from '../http/cursor.ts'
import { Moment, Money, viewOf } from '../http/shapes.ts'
import { formatYuan, toFen } from '../money.ts'
import { beginsWith } from './name-start.ts'

const PAGE = 30
const TextOrNull = Type.Union([Type.String(), Type.Null()])

const buyerFields = {
  id: Type.Integer(),
  username: Type.String(),
  displayName: Type.String(),
  createdAt: Moment,
  disabledAt: Type.Union([Moment, Type.Null()]),
}

export const BuyerRowShape = Type.Object(buyerFields, { $id: 'BuyerRow' })

export const BuyerShape = Type.Object(
  {
    ...buyerFields,
    paid: Type.Union([Money], { description: 'What they paid, less what went back' }),
    orders: Type.Integer(),
    access: Type.Array(
      Type.Object({
        courseId: Type.Integer(),
        title: Type.String(),
        grantedAt: Moment,
        grantedBy: Type.String(),
        orderNo: TextOrNull,
        byStaff: Type.Union([Type.Object({ username: Type.String(), reason: Type.String() }), Type.Null()], {
          description: 'Who of the staff gave it, and why',
        }),
        revokedAt: Type.Union([Moment, Type.Null()]),
      }),
    ),
  },
  { $id: 'Buyer' },
)

/** Newest first, or those whose name begins with the words. */
export async function searchBuyers(
  db: Reader,
  { q, cursor }: { q?: string | undefined; cursor?: string | undefined },
): Promise<Page<Static<typeof BuyerRowShape>>> {
  let query = db
    .selectFrom('users')
    .select(['id', 'username', 'display_name', 'created_at', 'disabled_at'])
    .where('role', '=', 'buyer')
  const words = q?.trim()
  if (words) {
    // A union, so that each half uses its own index; an "or" over both would use neither.
    query = query.where(
      sql<boolean>`id in (select id from users where ${beginsWith.username(words)}
        union select id from users where ${beginsWith.displayName(words)})`,
    )
  }
  return cursorPage({
    cursor,
    query,
    key: 'id',
    size: PAGE,
    view: (rows) => rows.map(viewOf),
  })
}

/** @throws ShopError USER_NOT_FOUND */
export async function readBuyer(db: Reader, id: number): Promise<Static<typeof BuyerShape>> {
  const row = await db
    .selectFrom('users')
    .select(['id', 'username', 'display_name', 'created_at', 'disabled_at'])
    .where('id', '=', id)
    .where('role', '=', 'buyer')
    .executeTakeFirstOrThrow(() => new ShopError('USER_NOT_FOUND'))
  const access = await db
    .selectFrom('enrolments')
    .innerJoin('courses', 'courses.id', 'enrolments.course_id')
    .leftJoin('orders', 'orders.id', 'enrolments.order_id')
    .select(['enrolments.course_id', 'courses.title', 'enrolments.granted_at', 'enrolments.granted_by'])
    .select(['enrolments.revoked_at', 'orders.order_no'])
    .where('enrolments.user_id', '=', id)
    .where('enrolments.standby', '=', false)
    .orderBy('enrolments.id', 'desc')
    .limit(500)
    .execute()
  const grants = await grantsTo(db, id)
  const { rows: sums } = await sql<{ orders: number; fen: number }>`
    select count(*)::bigint as orders,
      coalesce(sum(o.total_fen - coalesce(a.refunded_fen, 0)) filter (where o.paid_at is not null), 0)::bigint as fen
    from orders o left join order_payments p on p.order_id = o.id left join payment_attempts a on a.id = p.attempt_id
    where o.user_id = ${id}`.execute(db)
  return {
    ...viewOf(row),
    paid: formatYuan(toFen(sums[0]?.fen ?? 0)),
    orders: sums[0]?.orders ?? 0,
    access: access.map((line) => ({
      ...viewOf(line),
      byStaff: line.granted_by === 'staff' ? (grants.get(grantKey(line.course_id, line.granted_at)) ?? null) : null,
    })),
  }
}

const grantKey = (courseId: number, at: Date): string => `${courseId} ${at.getTime()}`

/**
 * Who granted each course and why, from the audit log: the entry is written with the grant, with the same timestamp.
 */
async function grantsTo(db: Reader, id: number): Promise<Map<string, { username: string; reason: string }>> {
  const rows = await db
    .selectFrom('audit_log')
    .select(['at', 'username', 'note', 'after'])
    .where('subject', '=', `buyers/${id}`)
    .where('action', '=', 'access.grant')
    .orderBy('id', 'desc')
    .limit(500)
    .execute()
  return new Map(
    rows.map((row) => [
      grantKey(Number(row.after?.['courseId']), row.at),
      { username: row.username, reason: row.note },
    ]),
  )
}
