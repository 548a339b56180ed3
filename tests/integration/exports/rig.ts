import { afterAll, beforeAll, expect } from 'vitest'
import type { ShopApi } from '../../harness/shop-api.ts'
import { type System, startSystem } from '../../harness/system.ts'

/** More orders than a page holds, of more people than the list searches, and more text than network buffers hold. */
export const ORDERS = 21_000

export const PEOPLE = 400

const LONG = 300

export let system: System

export let owner: ShopApi

export let finance: ShopApi

beforeAll(async () => {
  system = await startSystem({ environment: { WORKERS: '1' } })
  owner = system.client()
  await owner.login('admin', 'admin123456')
  finance = system.client()
  await finance.register('the-accountant')
  await system.sql("update users set role = 'finance' where username = 'the-accountant'")
  await system.sql(
    `insert into users (username, display_name, password_hash)
     select 'learner' || n, '学员' || n, 'none' from generate_series(1, $1::int) n`,
    [PEOPLE],
  )
  await system.sql(
    `insert into orders (order_no, user_id, subject, total_fen, pay_type, status, course_ids, created_at, expires_at, closed_at)
     select md5(n::text), u.id, '中文课程 ' || n || repeat('长', $3::int), 3900, 'alipay',
       case when n % 3 = 0 then 'expired' else 'cancelled' end,
       array[1], now() - ($1::int - n) * interval '1 minute', now(), now()
     from generate_series(1, $1::int) n join users u on u.username = 'learner' || (n % $2::int + 1) order by n`,
    [ORDERS, PEOPLE, LONG],
  )
  await system.sql(
    `insert into order_lines (order_id, position, course_id, course_title, price_fen, refunded_fen)
     select id, 0, 1, '中文课程', total_fen, 0 from orders`,
  )
})

afterAll(() => system.stop())

export const addressOf = (search: Record<string, string>) => `/api/admin/orders.csv?${new URLSearchParams(search)}`

export const authorization = () => ({ authorization: `Bearer ${owner.token}` })

export const download = (search: Record<string, string> = {}) =>
  fetch(system.shopUrl + addressOf(search), { headers: authorization() })

export const asLines = (text: string) => text.trimEnd().split('\r\n').slice(1)

export const linesOf = async (search: Record<string, string> = {}) => {
  const answer = await download(search)
  expect([search, answer.status]).toEqual([search, 200])
  return asLines(await answer.text()) // drops the byte order mark
}

export const numberIn = (line: string) => /^"([0-9a-f]{32})"/.exec(line)?.[1]

export const allNumbers = async (where = 'true') =>
  (await system.sql<{ order_no: string }>(`select order_no from orders where ${where} order by id desc`)).map(
    (row) => row.order_no,
  )
