/**
 * Finds orders, newest first, within a fifth of a second among a million. Each kind of search walks an index that is
 * sorted as the answer is (migration 0008), and takes no more of it than a page: nothing is sorted, nothing scanned.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Reader } from '../database/connect.ts'
import { readCursor } from '../http/cursor.ts'
import { type Fen, parseYuan } from '../money.ts'
import type { OrderStatus } from '../orders/states.ts'
import { beginsWith } from './name-start.ts'

export interface OrderSearch {
  /** An order's, attempt's or gateway's number, a buyer's name, a course's title, or an amount. */
  readonly q?: string | undefined
  readonly status?: OrderStatus | undefined
  readonly payType?: string | undefined
  /** Beijing days, both included. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly cursor?: string | undefined
}

const DAY_MS = 86_400_000
/** A name that fits more people than that, or more courses, is to be written out further. */
const MOST_PEOPLE = 300
const MOST_COURSES = 50

/** The numbers of at most `limit` orders, newest first. @throws ShopError INVALID_INPUT for a cursor that is not ours */
export async function findOrderIds(
  db: Reader,
  search: OrderSearch,
  limit: number,
  before: number | undefined = readCursor(search.cursor, ['number'])?.map(Number)[0],
): Promise<number[]> {
  const where = await filters(db, search, before)
  const words = search.q?.trim()
  if (!words) return take(db, sql`select o.id from orders o where ${where} order by o.id desc limit ${limit}`)
  if (/^[0-9a-f]{32}$|^\d{16,64}$/.test(words)) return byNumber(db, words, where, limit)
  const amount = parseYuan(words)
  const found = [
    ...(amount === undefined ? [] : await byAmount(db, amount, where, limit)),
    ...(await byBuyer(db, words, where, limit)),
    ...(await byCourse(db, words, where, limit)),
  ]
  return [...new Set(found)].sort((left, right) => right - left).slice(0, limit)
}

type Where = RawBuilder<unknown>

async function take(db: Reader, query: RawBuilder<unknown>): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`${query}`.execute(db)
  return rows.map((row) => row.id)
}

async function filters(db: Reader, search: OrderSearch, before: number | undefined): Promise<Where> {
  const { status, payType, from, to } = search
  const start = from ? beijingMidnight(from) : undefined
  const end = to ? new Date(beijingMidnight(to).getTime() + DAY_MS) : undefined
  const parts = [
    ...(status ? [sql`o.status = ${status}`] : []),
    ...(payType ? [sql`o.pay_type = ${payType}`] : []),
    ...(before === undefined ? [] : [sql`o.id < ${before}`]),
    ...(start ? [sql`o.created_at >= ${start} and o.id >= ${(await idAround(db, start)) - SLACK}`] : []),
    ...(end ? [sql`o.created_at < ${end} and o.id <= ${(await idAround(db, end)) + SLACK}`] : []),
  ]
  return parts.length === 0 ? sql`true` : sql.join(parts, sql` and `)
}

/** Orders are numbered as they come, give or take those that came at the same time. */
const SLACK = 5000

/** The number of the first order from a moment on: so a search by day walks the same index as every other. */
async function idAround(db: Reader, at: Date): Promise<number> {
  const [first] = await take(db, sql`select id from orders where created_at >= ${at} order by created_at limit 1`)
  return first ?? Number.MAX_SAFE_INTEGER - SLACK
}

function byNumber(db: Reader, number: string, where: Where, limit: number): Promise<number[]> {
  return take(
    db,
    sql`select o.id from orders o where ${where} and o.id in (
          select order_id from payment_attempts where attempt_no = ${number}
          union select order_id from payment_attempts where trade_no = ${number}
          union select order_id from unmatched_payments where trade_no = ${number}
          union select id from orders where order_no = ${number})
        order by o.id desc limit ${limit}`,
  )
}

const byAmount = (db: Reader, amount: Fen, where: Where, limit: number): Promise<number[]> =>
  take(db, sql`select o.id from orders o where o.total_fen = ${amount} and ${where} order by o.id desc limit ${limit}`)

/** The newest orders of each person whose name begins so. */
function byBuyer(db: Reader, words: string, where: Where, limit: number): Promise<number[]> {
  return take(
    db,
    sql`select found.id from (
          (select id from users where ${beginsWith('username', words)} limit ${MOST_PEOPLE})
          union (select id from users where ${beginsWith('display_name', words)} limit ${MOST_PEOPLE})) people
        cross join lateral (
          select o.id from orders o where o.user_id = people.id and ${where} order by o.id desc limit ${limit}) found
        order by found.id desc limit ${limit}`,
  )
}

/** The newest orders of each course whose title has these words. */
function byCourse(db: Reader, words: string, where: Where, limit: number): Promise<number[]> {
  return take(
    db,
    sql`select found.id from (
          select id from courses where title ilike ${`%${escaped(words)}%`} limit ${MOST_COURSES}) wanted
        cross join lateral (
          select o.id from order_lines line join orders o on o.id = line.order_id
          where line.course_id = wanted.id and ${where} order by line.order_id desc limit ${limit}) found
        order by found.id desc limit ${limit}`,
  )
}

const escaped = (text: string): string => text.replace(/[\\%_]/g, '\\$&')

/** The beginning of a Beijing day (`YYYY-MM-DD`). */
const beijingMidnight = (day: string): Date => new Date(`${day}T00:00:00+08:00`)
