/**
 * Iterates over every order that a search matches, however many people or courses match its words. It reads one range
 * of order ids at a time, at the same cost per range anywhere in the table. Each range is a separate read, so no
 * transaction stays open for long.
 */
import { sql } from 'kysely'
import type { Reader } from '../../db/connect.ts'
import { parseYuan } from '../../money.ts'
import { beginsWith } from '../name-start.ts'
import {
  all,
  type Condition,
  conditionsOf,
  isNumber,
  numbered,
  type OrderSearch,
  rangeOf,
  titled,
  within,
} from './search.ts'

/** Maximum number of order ids that one read examines, and of orders that it returns. */
const RANGE_SIZE = 5000
const PAGE = 1000

export interface Stretch {
  readonly first: number
  readonly last: number
}

/** The id range of the search's orders. Orders placed later have higher ids and are not included. */
export async function stretchOf(db: Reader, search: OrderSearch): Promise<Stretch> {
  const { first = 1, last = Number.MAX_SAFE_INTEGER } = await rangeOf(db, search)
  const { rows } = await sql<{ newest: number }>`select coalesce(max(id), 0) as newest from orders`.execute(db)
  return { first: Math.max(first, 1), last: Math.min(last, rows[0]?.newest ?? 0) }
}

/** The ids of the orders, newest first, each once. A page is empty if its range has no match. */
export async function* walkOrders(db: Reader, search: OrderSearch, { first, last }: Stretch): AsyncGenerator<number[]> {
  for (let next = last; next >= first; ) {
    const stretch = { first: Math.max(first, next - RANGE_SIZE + 1), last: next }
    const ids = await findInStretch(db, search, stretch)
    yield ids
    // A full page may not have covered its whole range: continue right below its last order.
    next = (ids.length === PAGE ? (ids.at(-1) ?? stretch.first) : stretch.first) - 1
  }
}

async function findInStretch(db: Reader, search: OrderSearch, stretch: Stretch): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    select id from (${matching(search, stretch)}) found order by id desc limit ${PAGE}`.execute(db)
  return rows.map(({ id }) => id)
}

/**
 * Matches the same orders as `findOrders`, each once. Forces the range to be read first, whatever the planner estimates
 * for the words.
 */
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
      where ${beginsWith.username(words)} or ${beginsWith.displayName(words)}
    union select near.id from near
      join order_lines line on line.order_id = near.id
      join courses course on course.id = line.course_id
      where ${titled(words)} and ${all(within(sql`line.order_id`, stretch))}
    ${amount === undefined ? sql`` : sql`union select near.id from near where near.total_fen = ${amount}`}`
}
