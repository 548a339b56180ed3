/** The file and the list find the same orders. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { allNumbers, linesOf, numberIn, owner, system } from './rig.ts'

test('list and file find the same orders by number, refund, buyer, course, amount, day, status and method', async () => {
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
    [{ q: ' learner77 ' }, "user_id = (select id from users where username = 'learner77')"],
    [{ q: course?.title.slice(1, 6) ?? '' }, "order_no = md5('exact')"],
    [{ q: '39.01' }, 'total_fen = 3901'],
    [{ q: '%' }, 'false'],
    [
      { q: 'learner77', status: 'expired' },
      "user_id = (select id from users where username = 'learner77') and status = 'expired'",
    ],
    [{ payType: 'wechat' }, 'false'],
    [{ to: '2020-01-01' }, 'false'],
    [{ from: before, to: before }, `(created_at at time zone 'Asia/Shanghai')::date = '${before}'`],
    [
      { from: day, q: 'learner77' },
      `(created_at at time zone 'Asia/Shanghai')::date = '${day}' and user_id = (select id from users where username = 'learner77')`,
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

test('pages of orders with one course lead to the last of them', async () => {
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

test('times are Beijing time, like the days of the search', async () => {
  const day = new Date(Date.now() + 8 * 3_600_000 - 2 * 86_400_000).toISOString().slice(0, 10)
  const expected = await system.sql<{ at: string }>(
    `select to_char(created_at at time zone 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS') as at from orders
     where (created_at at time zone 'Asia/Shanghai')::date = '${day}' order by id desc`,
  )
  expect(expected.length).toBe(24 * 60)
  const lines = await linesOf({ from: day, to: day })
  expect(lines.map((line) => line.slice(1, -1).split('","')[9])).toEqual(expected.map(({ at }) => at))
})

test('the upgrade drops the stored exports of earlier versions and their jobs, and no other job', async () => {
  const file = join(import.meta.dirname, '../../../apps/shop/src/db/migrations/0051_streamed_export.sql')
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
