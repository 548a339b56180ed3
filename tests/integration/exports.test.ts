/** Orders as files: every order once, whatever is killed; text that stays text; each person's own; failed, stopped, expired. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { processesOf } from '../harness/processes.ts'
import type { ShopApi } from '../harness/shop-api.ts'
import { type System, startSystem, until } from '../harness/system.ts'

interface Export {
  readonly id: number
  readonly status: string
  readonly search: Record<string, string>
  readonly rows: number
  readonly total: number | null
  readonly keptUntil: string | null
}

/** More orders than a step writes or looks at, of more people than the list looks through. */
const ORDERS = 12_000
const PEOPLE = 400

let system: System
let owner: ShopApi
let finance: ShopApi

beforeAll(async () => {
  system = await startSystem()
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
     select md5(n::text), u.id, '中文课程 ' || n, 3900, 'alipay', case when n % 3 = 0 then 'expired' else 'cancelled' end,
       array[1], now() - ($1::int - n) * interval '1 minute', now(), now()
     from generate_series(1, $1::int) n join users u on u.username = 'crowd' || (n % $2::int + 1) order by n`,
    [ORDERS, PEOPLE],
  )
  await system.sql(
    `insert into order_lines (order_id, position, course_id, course_title, price_fen, refunded_fen)
     select id, 0, 1, subject, total_fen, 0 from orders`,
  )
}, 120_000)
afterAll(() => system.stop())

const begin = async (search: Record<string, string> = {}, api = owner, headers: Record<string, string> = {}) => {
  const answer = await api.call<Export>('POST', '/api/admin/exports', search, headers)
  expect([answer.status, answer.body]).toEqual([201, expect.anything()])
  return answer.body.id
}
const look = async (id: number, api = owner) => (await api.call<Export>('GET', `/api/admin/exports/${id}`)).body
const ended = (id: number, limitMs = 60_000) =>
  until(
    () => look(id),
    ({ status }) => status !== 'running',
    limitMs,
  )
const fetchFile = (id: number) =>
  fetch(`${system.shopUrl}/api/admin/exports/${id}/file`, { headers: { authorization: `Bearer ${owner.token}` } })
const linesOf = async (id: number) => {
  const text = await (await fetchFile(id)).text() // drops the mark
  return text.trimEnd().split('\r\n').slice(1)
}
const numberIn = (line: string) => /^"([0-9a-f]{32})"/.exec(line)?.[1]
const allNumbers = async (where = 'true') =>
  (await system.sql<{ order_no: string }>(`select order_no from orders where ${where} order by id desc`)).map(
    (row) => row.order_no,
  )
const deeds = async (id: number) =>
  (
    await system.sql<{ action: string }>('select action from audit_log where subject = $1 order by id', [
      `exports/${id}`,
    ])
  ).map((row) => row.action)
const waitForRows = (id: number) =>
  until(
    () => look(id),
    ({ rows, status }) => rows > 0 || status !== 'running',
    30_000,
  )

test('the jobs process is killed in the middle, again and again: the file has every order once', async () => {
  const id = await begin()
  const kills: number[] = []
  for (let time = 0; time < 3; time += 1) {
    const before = (await look(id)).rows
    const seen = await until(
      () => look(id),
      ({ rows, status }) => rows > before || status !== 'running',
      30_000,
    )
    if (seen.status !== 'running') break
    for (const pid of processesOf(system.process.pid ?? 0).jobs) process.kill(pid, 'SIGKILL')
    kills.push(seen.rows)
  }
  expect(kills.length, 'killed while it ran').toBeGreaterThan(0)
  const done = await ended(id)
  expect(done).toMatchObject({ status: 'done', rows: ORDERS, total: ORDERS })
  const lines = await linesOf(id)
  expect(lines.map(numberIn)).toEqual(await allNumbers())
  expect(await deeds(id)).toEqual(['orders.export', 'export.download'])
}, 120_000)

test('a step that runs twice, or late, writes nothing twice', async () => {
  const id = await begin({ status: 'expired' })
  for (let step = 0; step < 4; step += 1) {
    await system.sql(`select graphile_worker.add_job('export-orders', $1::json)`, [
      JSON.stringify({ exportId: id, step }),
    ])
  }
  expect((await ended(id)).rows).toBe(ORDERS / 3)
  await system.sql(`select graphile_worker.add_job('export-orders', $1::json)`, [
    JSON.stringify({ exportId: id, step: 1 }),
  ])
  await until(
    () => system.sql(`select 1 from graphile_worker._private_jobs where payload ->> 'exportId' = $1`, [String(id)]),
    (rows) => rows.length === 0,
  )
  expect((await linesOf(id)).map(numberIn)).toEqual(await allNumbers("status = 'expired'"))
}, 60_000)

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
  const id = await begin({ q: order?.order_no ?? '' })
  expect((await ended(id)).rows).toBe(1)
  const file = await fetchFile(id)
  expect(file.headers.get('content-type')).toBe('text/csv; charset=utf-8')
  expect(file.headers.get('content-disposition')).toMatch(/^attachment; filename="orders-\d{4}-\d{2}-\d{2}\.csv"$/)
  const bytes = new Uint8Array(await file.arrayBuffer())
  expect(String(bytes.length)).toBe(file.headers.get('content-length'))
  expect([...bytes.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf])
  const text = new TextDecoder().decode(bytes)
  expect(text).toContain('"订单号 Order","内容 Subject"')
  expect(text).toContain(`"'=HYPERLINK(""x""), 学城"`)
  expect(text).toContain(`"\t${tradeNo}"`)
  expect(text).toContain('"学员')
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
  const id = await begin({ q: '学员' })
  expect(await ended(id)).toMatchObject({ status: 'done', rows: ORDERS, total: ORDERS })
  const lines = await linesOf(id)
  expect(lines.map(numberIn)).toEqual(await allNumbers('total_fen = 3900'))
  expect(new Set(lines.map((line) => line.split('","')[7])).size).toBe(PEOPLE)
}, 60_000)

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
    const id = await begin(search)
    await ended(id)
    expect([search, (await linesOf(id)).map(numberIn)]).toEqual([search, expected])
  }
}, 120_000)

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

test('the same key begins one export; one at a time for each person; each sees their own', async () => {
  const headers = { 'idempotency-key': 'export-once' }
  const id = await begin({ q: 'crowd1' }, owner, headers)
  expect(await begin({ q: 'crowd1' }, owner, headers)).toBe(id)
  const hers = await begin({}, finance)
  await ended(id)
  expect((await look(hers, owner)) as unknown).toMatchObject({ code: 'NOT_FOUND' })
  for (const [method, path] of [
    ['GET', `/api/admin/exports/${id}`],
    ['POST', `/api/admin/exports/${id}/cancel`],
    ['GET', `/api/admin/exports/${id}/file`],
  ] as const) {
    expect([path, (await finance.call(method, path)).status]).toEqual([path, 404])
  }
  const list = (await finance.call<{ items: Export[] }>('GET', '/api/admin/exports')).body.items
  expect(list.map((row) => row.id)).toEqual([hers])
  // Whoever loses the right loses the file.
  await system.sql("update users set role = 'support' where username = 'the-accountant'")
  expect((await finance.call('GET', `/api/admin/exports/${hers}/file`)).status).toBe(403)
  expect((await owner.call('POST', '/api/admin/exports', { status: 'nonsense' })).status).toBe(422)
  expect((await owner.call('POST', '/api/admin/exports', { q: 'a\u0000b' })).status).toBe(422)
}, 60_000)

test('one that is stopped ends where it is, and has no file; another can be begun at once', async () => {
  const id = await begin()
  expect((await owner.call<{ code: string }>('POST', '/api/admin/exports', {})).body.code).toBe('EXPORT_RUNNING')
  expect((await waitForRows(id)).status).toBe('running')
  expect((await owner.call<Export>('POST', `/api/admin/exports/${id}/cancel`)).body.status).toBe('cancelled')
  const { rows } = await look(id)
  const again = await owner.call<{ code: string }>('POST', `/api/admin/exports/${id}/cancel`)
  expect([again.status, again.body.code]).toEqual([409, 'EXPORT_ENDED'])
  expect((await owner.call<{ code: string }>('GET', `/api/admin/exports/${id}/file`)).body.code).toBe(
    'EXPORT_NOT_THERE',
  )
  const next = await begin({ q: '39.01' })
  expect((await ended(next)).status).toBe('done')
  expect((await look(id)).rows).toBe(rows)
  expect(await deeds(id)).toEqual(['orders.export', 'export.cancel'])
}, 60_000)

test('what cannot be written fails after a few tries, and says so', async () => {
  await system.sql(`create function refuse() returns trigger language plpgsql as $$ begin raise 'no room'; end $$`)
  await system.sql('create trigger refuse before insert on export_pieces execute function refuse()')
  const id = await begin({ q: '39.01' })
  const sooner = setInterval(() => {
    void system.sql(
      `update graphile_worker._private_jobs set run_at = now() where locked_at is null and payload ->> 'exportId' = $1`,
      [String(id)],
    )
  }, 500)
  const { status } = await ended(id).finally(() => clearInterval(sooner))
  await system.sql('drop trigger refuse on export_pieces')
  expect(status).toBe('failed')
  // Said once the end is committed.
  await until(
    async () => system.output(),
    (output) => output.includes('an export of orders failed'),
  )
  expect((await ended(await begin({ q: '39.01' }))).status).toBe('done')
}, 90_000)

test('files go after a week, and of one person ten are kept; what was removed is no half of a file', async () => {
  const old = await begin({ q: '39.01' })
  await ended(old)
  const kept = await begin({ q: '39.01' })
  await ended(kept)
  await system.sql("update exports set ended_at = now() - interval '8 days' where id = $1", [old])
  const [{ id: userId } = { id: 0 }] = await system.sql<{ id: number }>("select id from users where username = 'admin'")
  await system.sql(
    `insert into exports (user_id, search, made_at, status, first_id, last_id, next_id, is_counted, bytes, moved_at, ended_at)
     select $1, '{}', now(), 'done', 1, 0, 0, true, 5, now(), now() from generate_series(1, 9)`,
    [userId],
  )
  await system.sql(`select graphile_worker.add_job('forget-what-ended', '{}')`)
  await until(
    () => look(old),
    ({ status }) => status === 'expired',
  )
  const pieces = (id: number) => system.sql('select 1 from export_pieces where export_id = $1', [id])
  await until(
    () => pieces(old),
    (rows) => rows.length === 0,
  )
  expect((await look(kept)).status).toBe('done')
  expect((await pieces(kept)).length).toBeGreaterThan(0)
  expect((await owner.call<{ code: string }>('GET', `/api/admin/exports/${old}/file`)).body.code).toBe(
    'EXPORT_NOT_THERE',
  )
  const done = await system.sql("select 1 from exports where status = 'done' and user_id = $1", [userId])
  expect(done).toHaveLength(10)
  // Removed right while it is downloaded: the download breaks off.
  const [broken] = await system.sql<{ id: number }>(
    `insert into export_pieces (export_id, step, body) select min(id), 0, 'abc' from exports where bytes = 5 returning export_id as id`,
  )
  await expect(fetchFile(broken?.id ?? 0).then((answer) => answer.text())).rejects.toThrow()
})
