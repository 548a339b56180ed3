/** Search parameters of orders and their SQL conditions, shared by the list and the export. */
import { type RawBuilder, sql } from 'kysely'
import { type Static, Type } from 'typebox'
import { DAY_PATTERN, endOf, midnight } from '../../beijing-day.ts'
import type { Reader } from '../../db/connect.ts'
import { ORDER_STATUSES } from '../../orders/states.ts'
import { PayType } from '../../payments/providers/methods.ts'

const Day = Type.String({
  maxLength: 10,
  pattern: DAY_PATTERN,
  examples: ['2026-11-23'],
})

export const searchFields = {
  q: Type.Optional(
    Type.String({
      maxLength: 100,
      description:
        "An order's, attempt's, refund's or gateway's number, a buyer's name, a course's title, or an amount",
    }),
  ),
  status: Type.Optional(Type.Enum([...ORDER_STATUSES])),
  payType: Type.Optional(PayType),
  from: Type.Optional(Type.Union([Day], { description: 'A day in Beijing, included' })),
  to: Type.Optional(Type.Union([Day], { description: 'A day in Beijing, included' })),
}
export const SearchShape = Type.Object(searchFields, { additionalProperties: false })
export type OrderSearch = Static<typeof SearchShape>

export type Condition = RawBuilder<unknown>

/** An inclusive range of order ids, without limits where undefined. */
export interface Range {
  readonly first: number | undefined
  readonly last: number | undefined
}

export const all = (conditions: readonly Condition[]): Condition =>
  conditions.length === 0 ? sql`true` : sql.join([...conditions], sql` and `)

/** Conditions on status, method and days of the order `o`. */
export function conditionsOf({ status, payType, from, to }: OrderSearch): Condition[] {
  return [
    ...(status ? [sql`o.status = ${status}`] : []),
    ...(payType ? [sql`o.pay_type = ${payType}`] : []),
    ...(from ? [sql`o.created_at >= ${midnight(from)}`] : []),
    ...(to ? [sql`o.created_at < ${endOf(to)}`] : []),
  ]
}

/** The id range of the days' orders, so that a search by day uses the same index as every other. */
export async function rangeOf(db: Reader, { from, to }: OrderSearch): Promise<Range> {
  return {
    first: from ? (await idAround(db, midnight(from))) - SLACK : undefined,
    last: to ? (await idAround(db, endOf(to))) + SLACK : undefined,
  }
}

export const within = (column: Condition, { first, last }: Range): Condition[] => [
  ...(first === undefined ? [] : [sql`${column} >= ${first}`]),
  ...(last === undefined ? [] : [sql`${column} <= ${last}`]),
]

export const isNumber = (words: string): boolean => /^[0-9a-f]{32}$|^\d{16,64}$/.test(words)

/** The orders that a number belongs to: an order's, an attempt's, a refund's, or the gateway's trade number. */
export const numbered = (number: string): Condition =>
  sql`(select order_id from payment_attempts where attempt_no = ${number}
       union select order_id from payment_attempts where trade_no = ${number}
       union select order_id from unmatched_payments where trade_no = ${number}
       union select order_id from refunds where request_no = ${number}
       union select id from orders where order_no = ${number})`

/** Whether the title of the course `course` contains these words. */
export const titled = (words: string): Condition => sql`course.title ilike ${`%${words.replace(/[\\%_]/g, '\\$&')}%`}`

/** Order ids follow creation time, except for orders created concurrently. */
const SLACK = 5000

async function idAround(db: Reader, at: Date): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    select id from orders where created_at >= ${at} order by created_at limit 1`.execute(db)
  return rows[0]?.id ?? Number.MAX_SAFE_INTEGER - SLACK
}
