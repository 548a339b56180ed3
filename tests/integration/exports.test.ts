/** Orders as one streamed file: every order once, read no faster than it is taken; a break is seen; text that stays text. */
import { readFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ShopApi } from '../harness/shop-api.ts'
import { type System, startSystem, until } from '../harness/system.ts'

/** More orders than a page has, of more people than the list looks through, and more text than the network's buffers take. */
const ORDERS = 21_000
const PEOPLE = 400
const LONG = 300

let system: System
let owner: ShopApi
let finance: ShopApi

beforeAll(async () => {
  system = await startSystem({ environment: { WORKERS: '1' } })
  owner = system.client()
  await owner.login('admin', 'admin123456')
  finance = system.client()
  await finance.register('the-accountant')
  await system.sql("update users set role = 'finance' where username = 'the-accountant'")
  await system.sql(
    `insert into users (username, display_name, password_hash)
     select 'crowd' || n, '学员' || n, 'none' from generate_series(1, $1::int) n`,
    [PEOPLE],
  )
  await system.sql(
    `insert into orders (order_no, user_id, subject, total_fen, pay_type, status, course_ids, created_at, expires_at, closed_at)
     select md5(n::text), u.id, '中文课程 ' || n || repeat('长', $3::int), 3900, 'alipay',
       case when n % 3 = 0 then 'expired' else 'cancelled' end,
       array[1], now() - ($1::int - n) * interval '1 minute', now(), now()
     from generate_series(1, $1::int) n join users u on u.username = 'crowd' || (n % $2::int + 1) order by n`,
    [ORDERS, PEOPLE, LONG],
  )
  await system.sql(
    `insert into order_lines (order_id, position, course_id, course_title, price_fen, refunded_fen)
     select id, 0, 1, '中文课程', total_fen, 0 from orders`,
  )
})
afterAll(() => system.stop())

const addressOf = (search: Record<string, string>) => `/api/admin/orders.csv?${new URLSearchParams(search)}`
const authorization = () => ({ authorization: `Bearer ${owner.token}` })
const download = (search: Record<string, string> = {}) =>
  fetch(system.shopUrl + addressOf(search), { headers: authorization() })
const asLines = (text: string) => text.trimEnd().split('\r\n').slice(1)
const linesOf = async (search: Record<string, string> = {}) => {
  const answer = await download(search)
  expect([search, answer.status]).toEqual([search, 200])
  return asLines(await answer.text()) // drops the mark
}
const numberIn = (line: string) => /^"([0-9a-f]{32})"/.exec(line)?.[1]
const allNumbers = async (where = 'true') =>
  (await system.sql<{ order_no: string }>(`select order_no from orders where ${where} order by id desc`)).map(
    (row) => row.order_no,
  )
const entries = () =>
  system.sql<{ username: string; subject: string; after: unknown; sensitive: boolean }>(
    "select username, subject, after, sensitive from audit_log where action = 'orders.export' order by id",
  )

/** A reader that has taken the first bytes, and takes no more for now. */
async function slowly(): Promise<IncomingMessage> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get(system.shopUrl + addressOf({}), { agent: false, headers: authorization() }, resolve).on('error', reject)
  })
  answer.on('error', () => {})
  await new Promise<void>((resolve) => {
    answer.once('data', (first: Buffer) => {
      answer.pause()
      answer.unshift(first)
      resolve()
    })
  })
  return answer
}
/** Takes the rest. */
async function finish(answer: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of answer) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString()
}
/** While the work goes on, every page fails. */
async function broken(work: () => Promise<void>): Promise<void> {
  await system.sql('alter table order_payments rename to order_payments_away')
  await work().finally(() => system.sql('alter table order_payments_away rename to order_payments'))
}

test('every order is in the file once, and the audit log says who took which', async () => {
  const before = (await entries()).length
  expect((await linesOf()).map(numberIn)).toEqual(await allNumbers())
  const search = { status: 'expired', from: '2020-01-01' }
  expect((await linesOf(search)).map(numberIn)).toEqual(await allNumbers("status = 'expired'"))
  const entry = { username: 'admin', subject: 'orders', sensitive: true }
  expect((await entries()).slice(before)).toEqual([
    { ...entry, after: {} },
    { ...entry, after: search },
  ])
})

test('nothing is read before it is taken: what changes meanwhile is new in the later lines, and no transaction stays open', async () => {
  const name = "display_name = '学员' || substr(username, 6)"
  const answer = await slowly()
  // Time to run ahead, if it did.
  await pause(1500)
  const open = await system.sql("select query from pg_stat_activity where state like 'idle in transaction%'")
  expect(open).toEqual([])
  await system.sql("update users set display_name = '改名' where username like 'crowd%'")
  const lines = asLines(await finish(answer))
  await system.sql(`update users set ${name} where username like 'crowd%'`)
  expect(lines).toHaveLength((await allNumbers()).length)
  const renamed = lines.map((line) => line.includes('"改名"'))
  expect(renamed[0]).toBe(false)
  expect(renamed.filter(Boolean).length).toBeGreaterThan(ORDERS / 4)
})

test('a failure on the way breaks the download off: no client takes it for whole', async () => {
  const answer = await slowly()
  await broken(async () => {
    await expect(finish(answer)).rejects.toThrow('aborted')
    expect(answer.complete).toBe(false)
  })
  expect(system.output()).toContain('an export of orders broke off')
  expect((await linesOf({ q: 'crowd77' })).length).toBeGreaterThan(0)
})

test('what fails before the first byte is refused as usual, and is no file', async () => {
  await system.sql('alter table audit_log rename to audit_log_away')
  const answer = await download()
  await system.sql('alter table audit_log_away rename to audit_log')
  expect([answer.status, answer.headers.get('content-disposition')]).toEqual([500, null])
  const more = { headers: authorization() }
  for (const [search, status] of [
    ['status=nonsense', 422],
    ['q=a%00b', 422],
  ] as const)
    expect([search, (await fetch(`${system.shopUrl}/api/admin/orders.csv?${search}`, more)).status]).toEqual([
      search,
      status,
    ])
})

test('two at once in a process, a third is told when to come again, and one that is broken off makes room', async () => {
  const [first, second] = [await slowly(), await slowly()]
  const third = await download()
  expect([third.status, ((await third.json()) as { code: string }).code]).toEqual([503, 'OVERLOADED'])
  expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0)
  first.destroy()
  const next = await until(
    () => download({ q: 'crowd77' }),
    ({ status }) => status === 200,
  )
  expect(asLines(await next.text()).length).toBeGreaterThan(0)
  second.destroy()
  // A download that was broken off counts: part of the file was taken.
  const told = () =>
    system.sql<{ times: number }>(
      "select coalesce(sum(times), 0)::int as times from security_events where event = 'export'",
    )
  expect((await told())[0]?.times).toBeGreaterThanOrEqual((await entries()).length)
})

test('who may: the right and a fresh proof; HEAD writes no entry', async () => {
  const before = (await entries()).length
  expect((await finance.call('GET', addressOf({ q: 'crowd77' }))).status).toBe(200)
  await system.sql("update users set role = 'support' where username = 'the-accountant'")
  expect((await finance.call('GET', addressOf({}))).status).toBe(403)
  expect((await fetch(system.shopUrl + addressOf({}))).status).toBe(401)
  await system.sql("update sessions set proved_at = now() - interval '11 minutes'")
  const answer = await download()
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([403, 'PROOF_REQUIRED'])
  await fetch(system.shopUrl + addressOf({}), { method: 'HEAD', headers: authorization() })
  expect((await entries()).length).toBe(before + 1)
  await owner.login('admin', 'admin123456')
})

test('Excel reads it: its mark, Chinese, no formulas, long numbers whole', async () => {
  const [order] = await system.sql<{ order_no: string; id: number }>(
    `update orders set subject = '=HYPERLINK("x"), 学城' where id = (select max(id) from orders) returning order_no, id`,
  )
  const tradeNo = '2026112322001400000000000001'
  await system.sql(
    `with paid as (insert into payment_attempts (order_id, provider, attempt_no, amount_fen, status, trade_no, created_at, paid_at)
       values ($1, 'alipay', md5('x'), 3900, 'paid', $2, now(), now()) returning id)
     insert into order_payments (order_id, attempt_id, paid_at) select $1, id, now() from paid`,
    [order?.id, tradeNo],
  )
  const file = await download({ q: order?.order_no ?? '' })
  expect(file.headers.get('content-type')).toBe('text/csv; charset=utf-8')
  expect(file.headers.get('content-disposition')).toMatch(/^attachment; filename="orders-\d{4}-\d{2}-\d{2}\.csv"$/)
  const bytes = new Uint8Array(await file.arrayBuffer())
  expect([...bytes.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf])
  const text = new TextDecoder().decode(bytes)
  expect(text).toContain('"订单号 Order","内容 Subject"')
  expect(text).toContain(`"'=HYPERLINK(""x""), 学城"`)
  expect(text).toContain(`"\t${tradeNo}"`)
  expect(text).toContain('"学员')
  expect(asLines(text)).toHaveLength(1)
})

test('words that fit more people than the list looks through: the list says so, the file has all of them', async () => {
  const list = async (q: string) =>
    (await owner.call<{ items: unknown[]; tooMany: boolean }>('GET', `/api/admin/orders?q=${encodeURIComponent(q)}`))
      .body
  expect(await list('crowd')).toMatchObject({ tooMany: true })
  expect(await list('学员')).toMatchObject({ tooMany: true })
  expect(await list('crowd12')).toMatchObject({ tooMany: false })
  expect(await list('')).toMatchObject({ tooMany: false })
  // The shortest first: whoever is called exactly that is found, however many others there are.
  await system.sql(`insert into users (username, display_name, password_hash) values ('crowd', 'x', 'none')`)
  await system.sql(
    `insert into orders (order_no, user_id, subject, total_fen, pay_type, status, course_ids, created_at, expires_at, closed_at)
     select md5('exact'), id, '中文课程', 3901, 'alipay', 'cancelled', array[2], now(), now(), now() from users where username = 'crowd'`,
  )
  expect((await list('crowd')).items).toContainEqual(expect.objectContaining({ totalAmount: '39.01' }))
  const lines = await linesOf({ q: '学员' })
  expect(lines.map(numberIn)).toEqual(await allNumbers('total_fen = 3900'))
  expect(new Set(lines.map((line) => line.split('","')[7])).size).toBe(PEOPLE)
})

test('list and file find the same: by number, refund, buyer, course, amount, day, status, method', async () => {
  const [paid] = await system.sql<{ id: number; attempt: number }>(
    `select order_id as id, attempt_id as attempt from order_payments limit 1`,
  )
  const requestNo = 'a'.repeat(32)
  await system.sql(
    `insert into refunds (request_no, order_id, attempt_id, amount_fen, status, reason, requested_by, requested_at, finished_at)
     values ($1, $2, $3, 1, 'refused', 'test', 'staff', now(), now())`,
    [requestNo, paid?.id, paid?.attempt],
  )
  const [course] = await system.sql<{ title: string }>('select title from courses where id = 2')
  await system.sql(
    `insert into order_lines (order_id, position, course_id, course_title, price_fen, refunded_fen)
     select id, 0, 2, 'x', total_fen, 0 from orders where order_no = md5('exact')`,
  )
  const day = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10)
  const before = new Date(Date.now() + 8 * 3_600_000 - 3 * 86_400_000).toISOString().slice(0, 10)
  const searches: [Record<string, string>, string][] = [
    [{ q: requestNo }, `id = ${paid?.id}`],
    [{ q: '2026112322001400000000000001' }, `id = ${paid?.id}`],
    [{ q: ' crowd77 ' }, "user_id = (select id from users where username = 'crowd77')"],
    [{ q: course?.title.slice(1, 6) ?? '' }, "order_no = md5('exact')"],
    [{ q: '39.01' }, 'total_fen = 3901'],
    [{ q: '%' }, 'false'],
    [
      { q: 'crowd77', status: 'expired' },
      "user_id = (select id from users where username = 'crowd77') and status = 'expired'",
    ],
    [{ payType: 'wechat' }, 'false'],
    [{ to: '2020-01-01' }, 'false'],
    [{ from: before, to: before }, `(created_at at time zone 'Asia/Shanghai')::date = '${before}'`],
    [
      { from: day, q: 'crowd77' },
      `(created_at at time zone 'Asia/Shanghai')::date = '${day}' and user_id = (select id from users where username = 'crowd77')`,
    ],
  ]
  for (const [search, where] of searches) {
    const expected = await allNumbers(where)
    const { items } = (
      await owner.call<{ items: { orderNo: string }[] }>('GET', `/api/admin/orders?${new URLSearchParams(search)}`)
    ).body
    expect([search, items.map((row) => row.orderNo)]).toEqual([search, expected.slice(0, 30)])
    expect([search, (await linesOf(search)).map(numberIn)]).toEqual([search, expected])
  }
})

test('pages by a course follow one another to the end', async () => {
  const [course] = await system.sql<{ title: string }>('select title from courses where id = 1')
  const expected = (await allNumbers('total_fen = 3900')).slice(0, 95)
  const seen: string[] = []
  for (let cursor = ''; seen.length < 90; ) {
    const path = `/api/admin/orders?q=${encodeURIComponent(course?.title ?? '')}${cursor && `&cursor=${cursor}`}`
    const { body } = await owner.call<{ items: { orderNo: string }[]; next: string | null }>('GET', path)
    seen.push(...body.items.map((row) => row.orderNo))
    cursor = body.next ?? ''
  }
  expect(seen).toEqual(expected.slice(0, 90))
})

test('times are Beijing’s, as the days of the search are', async () => {
  const day = new Date(Date.now() + 8 * 3_600_000 - 2 * 86_400_000).toISOString().slice(0, 10)
  const expected = await system.sql<{ at: string }>(
    `select to_char(created_at at time zone 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS') as at from orders
     where (created_at at time zone 'Asia/Shanghai')::date = '${day}' order by id desc`,
  )
  expect(expected.length).toBe(24 * 60)
  const lines = await linesOf({ from: day, to: day })
  expect(lines.map((line) => line.slice(1, -1).split('","')[9])).toEqual(expected.map(({ at }) => at))
})

test('the upgrade drops what the earlier exports kept, and their jobs, and no other', async () => {
  const file = join(import.meta.dirname, '../../apps/shop/src/db/migrations/0051_streamed_export.sql')
  await system.sql('create table exports (id int)')
  await system.sql('create table export_pieces (id int)')
  for (const task of ['export-orders', 'resume-exports', 'send-refund'])
    await system.sql("select graphile_worker.add_job($1, '{}', run_at => now() + interval '1 day')", [task])
  await system.sql(readFileSync(file, 'utf8'))
  const left = await system.sql<{ task: string }>(
    "select task_identifier as task from graphile_worker.jobs where run_at > now() + interval '23 hours' order by task",
  )
  expect(left).toEqual([{ task: 'send-refund' }])
  expect(await system.sql("select 1 from pg_class where relname in ('exports', 'export_pieces')")).toEqual([])
})
