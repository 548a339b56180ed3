/**
 * Walks every order that a search fits, however many people or courses its words fit: a stretch of order numbers at a time,
 * each of which costs the same, near the beginning as near the end.
 */
import { sql } from 'kysely'
import type { Reader } from '../database/connect.ts'
import { parseYuan } from '../money.ts'
import { beginsWith } from './name-start.ts'
import {
  all,
  type Condition,
  conditionsOf,
  isNumber,
  numbered,
  type OrderSearch,
  titled,
  within,
} from './order-search.ts'

export interface Stretch {
  readonly first: number
  readonly last: number
}

export async function countStretch(db: Reader, search: OrderSearch, stretch: Stretch): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from (${matching(search, stretch)}) found`.execute(db)
  return rows[0]?.count ?? 0
}

/** The numbers of at most `limit` of them, newest first. */
export async function findInStretch(
  db: Reader,
  search: OrderSearch,
  stretch: Stretch,
  limit: number,
): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    select id from (${matching(search, stretch)}) found order by id desc limit ${limit}`.execute(db)
  return rows.map(({ id }) => id)
}

/** The same orders as `findOrders` means, each once. The stretch is read first, whatever the words may seem to fit. */
function matching(search: OrderSearch, stretch: Stretch): Condition {
  const words = search.q?.trim()
  const where = all([
    ...within(sql`o.id`, stretch),
    ...conditionsOf(search),
    ...(words && isNumber(words) ? [sql`o.id in ${numbered(words)}`] : []),
  ])
  if (!words || isNumber(words)) return sql`select o.id from orders o where ${where}`
  const amount = parseYuan(words)
  return sql`
    with near as materialized (select o.id, o.user_id, o.total_fen from orders o where ${where})
    select near.id from near join users on users.id = near.user_id
      where ${beginsWith('username', words)} or ${beginsWith('display_name', words)}
    union select near.id from near
      join order_lines line on line.order_id = near.id
      join courses course on course.id = line.course_id
      where ${titled(words)} and ${all(within(sql`line.order_id`, stretch))}
    ${amount === undefined ? sql`` : sql`union select near.id from near where near.total_fen = ${amount}`}`
}
