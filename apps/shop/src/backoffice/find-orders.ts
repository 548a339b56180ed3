/**
 * Finds orders for the list, newest first, within a fifth of a second among a million. Each kind of search walks an index
 * that is sorted as the answer is (migration 0008), and takes no more of it than a page: nothing is sorted, nothing scanned.
 */
import { sql } from 'kysely'
import type { Reader } from '../database/connect.ts'
import { type Fen, parseYuan } from '../money.ts'
import { beginsWith } from './name-start.ts'
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
} from './order-search.ts'

/** A name that fits more people than that, or more courses, is to be written out further. */
const MOST_PEOPLE = 300
const MOST_COURSES = 50

export interface Found {
  readonly ids: readonly number[]
  /** The words fit more people or courses than were looked through: there may be more orders than these. */
  readonly tooMany: boolean
}

interface Wanted {
  /** What an order must be, its number among it. */
  readonly where: Condition
  /** What an order's number must be, said of one of its lines. */
  readonly line: Condition
  readonly limit: number
}

/** The numbers of at most `limit` orders, newest first. @param before only those before this one */
export async function findOrders(
  db: Reader,
  search: OrderSearch,
  limit: number,
  before: number | undefined,
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
  const courses = await coursesTitled(db, words)
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

/** Whose name begins so, the shortest of the same beginning first: whoever is called exactly that is among them. */
async function peopleNamed(db: Reader, words: string): Promise<Found> {
  const named = (column: 'username' | 'display_name') =>
    take(
      db,
      sql`select id from users where ${beginsWith(column, words)}
          order by lower(${sql.ref(column)}) using ~<~ limit ${MOST_PEOPLE + 1}`,
    )
  const found = [await named('username'), await named('display_name')]
  return {
    ids: [...new Set(found.flatMap((ids) => ids.slice(0, MOST_PEOPLE)))],
    tooMany: found.some((ids) => ids.length > MOST_PEOPLE),
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

async function coursesTitled(db: Reader, words: string): Promise<Found> {
  const ids = await take(
    db,
    sql`select course.id from courses course where ${titled(words)} order by course.id desc limit ${MOST_COURSES + 1}`,
  )
  return { ids: ids.slice(0, MOST_COURSES), tooMany: ids.length > MOST_COURSES }
}

/**
 * The newest orders of each course. Its index is walked from the page's own beginning (hence the number of the line), one
 * order looked up a line: joined freely, a course that sold long ago would have all newer orders read.
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
