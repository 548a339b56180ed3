/**
 * Finds orders for the list, newest first, within 200 ms among a million orders. Each kind of search reads an index
 * that has the order of the result (migration 0008), and only one page of it: nothing is sorted, and no table is
 * scanned.
 */
import { sql } from 'kysely'
import type { Reader } from '../../db/connect.ts'
import { type Fen, parseYuan } from '../../money.ts'
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

/** Maximum number of matching people or courses; beyond it the search must be more specific. */
const MAX_PEOPLE = 300
const MAX_COURSES = 50
/** Only the titles of the newest courses, this many, are searched. */
const COURSES_COMPARED = 20_000

export interface Found {
  readonly ids: readonly number[]
  /** More people or courses may match than were compared, so there may be more orders than these. */
  readonly tooMany: boolean
}

interface Wanted {
  /** Condition on the order, including its id. */
  readonly where: Condition
  /** Condition on the order's id, in terms of an order line. */
  readonly line: Condition
  readonly limit: number
}

/** The ids of at most `limit` orders, newest first. @param before only orders with a lower id */
export async function findOrders(
  db: Reader,
  search: OrderSearch,
  limit: number,
  before: number | undefined,
  coursesCompared = COURSES_COMPARED,
): Promise<Found> {
  const { first, last } = await rangeOf(db, search)
  const range = { first, last: before === undefined ? last : Math.min(last ?? before, before - 1) }
  const where = all([...conditionsOf(search), ...within(sql`o.id`, range)])
  const wanted: Wanted = { where, line: all(within(sql`line.order_id`, range)), limit }
  const words = search.q?.trim()
  if (!words)
    return exactly(await take(db, sql`select o.id from orders o where ${where} order by o.id desc limit ${limit}`))
  if (isNumber(words)) return exactly(await byNumber(db, words, wanted))
  const amount = parseYuan(words)
  const people = await peopleNamed(db, words)
  const courses = await coursesTitled(db, words, coursesCompared)
  const ids = [
    ...(amount === undefined ? [] : await byAmount(db, amount, wanted)),
    ...(await byBuyer(db, people.ids, wanted)),
    ...(await byCourse(db, courses.ids, wanted)),
  ]
  const newest = [...new Set(ids)].sort((left, right) => right - left).slice(0, limit)
  return { ids: newest, tooMany: people.tooMany || courses.tooMany }
}

const exactly = (ids: readonly number[]): Found => ({ ids, tooMany: false })

async function take(db: Reader, query: Condition): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`${query}`.execute(db)
  return rows.map((row) => row.id)
}

const byNumber = (db: Reader, number: string, { where, limit }: Wanted): Promise<number[]> =>
  take(
    db,
    sql`select o.id from orders o where ${where} and o.id in ${numbered(number)} order by o.id desc limit ${limit}`,
  )

const byAmount = (db: Reader, amount: Fen, { where, limit }: Wanted): Promise<number[]> =>
  take(db, sql`select o.id from orders o where o.total_fen = ${amount} and ${where} order by o.id desc limit ${limit}`)

/** People whose name has this prefix, shorter names first, so that an exact match is always included. */
async function peopleNamed(db: Reader, words: string): Promise<Found> {
  const most = MAX_PEOPLE + 1
  const found = [
    await take(db, sql`select id from users where ${beginsWith.username(words)} order by login_name limit ${most}`),
    await take(
      db,
      sql`select id from users where ${beginsWith.displayName(words)}
          order by lower(display_name) using ~<~ limit ${most}`,
    ),
  ]
  return {
    ids: [...new Set(found.flatMap((ids) => ids.slice(0, MAX_PEOPLE)))],
    tooMany: found.some((ids) => ids.length > MAX_PEOPLE),
  }
}

/** The newest orders of each person. */
const byBuyer = async (db: Reader, people: readonly number[], { where, limit }: Wanted): Promise<number[]> =>
  people.length === 0
    ? []
    : take(
        db,
        sql`select found.id from unnest(${people}::bigint[]) people (id)
            cross join lateral (
              select o.id from orders o where o.user_id = people.id and ${where} order by o.id desc limit ${limit}) found
            order by found.id desc limit ${limit}`,
      )

async function coursesTitled(db: Reader, words: string, compared: number): Promise<Found> {
  const { rows } = await sql<{ ids: string[]; older: boolean }>`
    select
      array(
        select course.id from (select id, title from courses order by id desc limit ${compared}) course
        where ${titled(words)} order by course.id desc limit ${MAX_COURSES + 1}) as ids,
      exists (select from courses order by id desc offset ${compared} limit 1) as older`.execute(db)
  const { ids = [], older = false } = rows[0] ?? {}
  return { ids: ids.slice(0, MAX_COURSES).map(Number), tooMany: older || ids.length > MAX_COURSES }
}

/**
 * The newest orders of each course. Its index is read from the start of the page (hence the condition on the line),
 * with one order lookup per line. With a free join, a course whose sales are long past would make the database read all
 * newer orders.
 */
const byCourse = async (db: Reader, courses: readonly number[], { where, line, limit }: Wanted): Promise<number[]> =>
  courses.length === 0
    ? []
    : take(
        db,
        sql`select found.id from unnest(${courses}::bigint[]) wanted (id)
            cross join lateral (
              select o.id from order_lines line cross join lateral (
                select o.id from orders o where o.id = line.order_id and ${where} offset 0) o
              where line.course_id = wanted.id and ${line}
              order by line.order_id desc limit ${limit}) found
            order by found.id desc limit ${limit}`,
      )
