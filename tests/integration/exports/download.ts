/** The download: complete, at its reader’s pace, and limited. */
import { get, type IncomingMessage } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { until } from '../../harness/system.ts'
import {
  addressOf,
  allNumbers,
  asLines,
  authorization,
  download,
  finance,
  linesOf,
  numberIn,
  ORDERS,
  owner,
  PEOPLE,
  system,
} from './rig.ts'

const entries = () =>
  system.sql<{ username: string; subject: string; after: unknown; sensitive: boolean }>(
    "select username, subject, after, sensitive from audit_log where action = 'orders.export' order by id",
  )

/** A client that has read the first bytes and pauses. */
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

/** Reads the rest. */
async function finish(answer: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of answer) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString()
}

/** While the work runs, every page fails. */
async function broken(work: () => Promise<void>): Promise<void> {
  await system.sql('alter table order_payments rename to order_payments_away')
  await work().finally(() => system.sql('alter table order_payments_away rename to order_payments'))
}

test('every order is in the file once, and the audit log says who downloaded which', async () => {
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

test('rows are read only as the client takes them: later lines show later changes, and no transaction stays open', async () => {
  const name = "display_name = '学员' || substr(username, 6)"
  const answer = await slowly()
  // Time to read ahead, if the server did.
  await pause(1500)
  const open = await system.sql("select query from pg_stat_activity where state like 'idle in transaction%'")
  expect(open).toEqual([])
  await system.sql("update users set display_name = '改名' where username like 'learner%'")
  const lines = asLines(await finish(answer))
  await system.sql(`update users set ${name} where username like 'learner%'`)
  expect(lines).toHaveLength((await allNumbers()).length)
  const renamed = lines.map((line) => line.includes('"改名"'))
  expect(renamed[0]).toBe(false)
  expect(renamed.filter(Boolean).length).toBeGreaterThan(ORDERS / 4)
})

test('a failure breaks the download off, so that no client takes it for complete', async () => {
  const answer = await slowly()
  await broken(async () => {
    await expect(finish(answer)).rejects.toThrow('aborted')
    expect(answer.complete).toBe(false)
  })
  expect(system.output()).toContain('an export of orders broke off')
  expect((await linesOf({ q: 'learner77' })).length).toBeGreaterThan(0)
})

test('a failure before the first byte is answered as an error, not as a file', async () => {
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

test('two exports run in a process at once; a third gets a time to retry, and one that is broken off frees its place', async () => {
  const [first, second] = [await slowly(), await slowly()]
  const third = await download()
  expect([third.status, ((await third.json()) as { code: string }).code]).toEqual([503, 'OVERLOADED'])
  expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0)
  first.destroy()
  const next = await until(
    () => download({ q: 'learner77' }),
    ({ status }) => status === 200,
  )
  expect(asLines(await next.text()).length).toBeGreaterThan(0)
  second.destroy()
  // A download that was broken off is audited: part of the file was read.
  const told = () =>
    system.sql<{ times: number }>(
      "select coalesce(sum(times), 0)::int as times from security_events where event = 'export'",
    )
  expect((await told())[0]?.times).toBeGreaterThanOrEqual((await entries()).length)
})

test('an export requires the permission and a fresh proof; HEAD writes no audit entry', async () => {
  const before = (await entries()).length
  expect((await finance.call('GET', addressOf({ q: 'learner77' }))).status).toBe(200)
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

test('Excel reads the file: byte order mark, Chinese, no formulas, long numbers kept', async () => {
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

test('when more buyers match than the list searches, the list says so and the file has all of them', async () => {
  const list = async (q: string) =>
    (await owner.call<{ items: unknown[]; tooMany: boolean }>('GET', `/api/admin/orders?q=${encodeURIComponent(q)}`))
      .body
  expect(await list('learner')).toMatchObject({ tooMany: true })
  expect(await list('学员')).toMatchObject({ tooMany: true })
  expect(await list('learner12')).toMatchObject({ tooMany: false })
  expect(await list('')).toMatchObject({ tooMany: false })
  // Shortest name first: the exact match is found among any number of others.
  await system.sql(`insert into users (username, display_name, password_hash) values ('learner', 'x', 'none')`)
  await system.sql(
    `insert into orders (order_no, user_id, subject, total_fen, pay_type, status, course_ids, created_at, expires_at, closed_at)
     select md5('exact'), id, '中文课程', 3901, 'alipay', 'cancelled', array[2], now(), now(), now() from users where username = 'learner'`,
  )
  expect((await list('learner')).items).toContainEqual(expect.objectContaining({ totalAmount: '39.01' }))
  const lines = await linesOf({ q: '学员' })
  expect(lines.map(numberIn)).toEqual(await allNumbers('total_fen = 3900'))
  expect(new Set(lines.map((line) => line.split('","')[7])).size).toBe(PEOPLE)
})
