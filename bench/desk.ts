/**
 * The desk over a full database: `npm run bench -- desk [--orders 1000000]`. Fills a PostgreSQL of its own with orders as a
 * shop of two years would have them, then measures every search and the dashboard, worst of twenty, beside its target.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { searchBuyers } from '../apps/shop/src/backoffice/buyers.ts'
import { readDashboard, sumUpDays } from '../apps/shop/src/backoffice/dashboard.ts'
import { readAdminOrder } from '../apps/shop/src/backoffice/order.ts'
import { searchOrders } from '../apps/shop/src/backoffice/orders.ts'
import { seedCatalog } from '../apps/shop/src/catalog/demo.ts'
import { connect } from '../apps/shop/src/database/connect.ts'
import { startEmbeddedPostgres } from '../apps/shop/src/database/embedded.ts'
import { migrate } from '../apps/shop/src/database/migrate.ts'
import { HEALTH_CHECKS, runCheck } from '../apps/shop/src/health/checks.ts'

const SEARCH_MS = 200
const DASHBOARD_MS = 1000
const ROUNDS = 20

/** Prints the table. @returns whether every figure is within its target */
export async function benchDesk(count: number): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'xuecheng-desk-'))
  const server = await startEmbeddedPostgres(join(folder, 'postgres'))
  try {
    await migrate(server.url)
    const { db, pool, close } = connect(server.url, 4)
    await seedCatalog(db)
    const filled = performance.now()
    await fill(pool, count)
    console.log(`${count} orders written in ${Math.round((performance.now() - filled) / 1000)} s`)
    const summed = performance.now()
    await sumUpDays(db, new Date())
    console.log(`days summed up in ${((performance.now() - summed) / 1000).toFixed(1)} s\n`)

    const { rows } = await pool.query<{ order_no: string; trade_no: string; username: string; day: string }>(
      `select o.order_no, a.trade_no, u.username, to_char(o.created_at at time zone 'Asia/Shanghai', 'YYYY-MM-DD') as day
       from orders o join payment_attempts a on a.order_id = o.id join users u on u.id = o.user_id
       where a.trade_no is not null order by o.id offset $1 limit 1`,
      [Math.floor(count / 3)],
    )
    const some = rows[0] ?? { order_no: '', trade_no: '', username: '', day: '' }
    const cursor = Buffer.from(JSON.stringify([Math.floor(count / 2)])).toString('base64url')
    const searches: Record<string, Parameters<typeof searchOrders>[1]> = {
      newest: {},
      'a page in the middle': { cursor },
      'order number': { q: some.order_no },
      "gateway's number": { q: some.trade_no },
      "buyer's name": { q: some.username },
      'beginning of many names': { q: 'b' },
      'nobody’s name': { q: 'zzzz-nobody' },
      'course title': { q: '摄影' },
      amount: { q: '39.00' },
      'amount nobody paid': { q: '0.07' },
      'status paid': { status: 'paid' },
      'status partially refunded': { status: 'partially_refunded' },
      'status cancelled, in the middle': { status: 'cancelled', cursor },
      method: { payType: 'alipay' },
      'method nobody used': { payType: 'wechat' },
      'one day long ago': { from: some.day, to: some.day },
      'one day long ago, refunded': { from: some.day, to: some.day, status: 'refunded' },
      'a day before there was a shop': { from: '2019-01-01', to: '2019-01-02' },
      'a name, a status and a year': { q: 'buyer1', status: 'expired', from: '2025-01-01', to: '2025-12-31' },
    }
    const results: [string, number, number][] = []
    for (const [name, search] of Object.entries(searches)) {
      results.push([`orders: ${name}`, await worst(() => searchOrders(db, search)), SEARCH_MS])
    }
    results.push(['one order', await worst(() => readAdminOrder(db, some.order_no, 'owner')), SEARCH_MS])
    results.push([
      'buyers: beginning of a name',
      await worst(() => searchBuyers(db, { q: 'buyer12', cursor: undefined })),
      SEARCH_MS,
    ])
    results.push(['dashboard, 30 days', await worst(() => readDashboard(db, 30, new Date())), DASHBOARD_MS])
    results.push(['dashboard, a year', await worst(() => readDashboard(db, 366, new Date())), DASHBOARD_MS])
    for (const check of HEALTH_CHECKS) {
      results.push([`money health: ${check.name}`, await worst(() => runCheck(db, check), 3), DASHBOARD_MS])
    }
    for (const [name, ms, target] of results) {
      const verdict = ms <= target ? 'ok  ' : 'SLOW'
      console.log(`${verdict}  ${name.padEnd(48)} ${ms.toFixed(1).padStart(8)} ms   target ${target}`)
    }
    await close()
    return results.every(([, ms, target]) => ms <= target)
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function worst(work: () => Promise<unknown>, rounds = ROUNDS): Promise<number> {
  let most = 0
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now()
    await work()
    most = Math.max(most, performance.now() - started)
  }
  return most
}

/** Two years of orders: most paid, some closed, some refunded, of a fifth as many buyers, some courses far ahead of the others. */
async function fill(pool: pg.Pool, count: number): Promise<void> {
  const statements = [
    `insert into users (username, display_name, password_hash) select 'buyer' || n, 'Buyer ' || n, 'none' from generate_series(1, $1::int / 5) n`,
    `insert into orders (order_no, user_id, subject, total_fen, pay_type, status, course_ids, created_at, expires_at, paid_at, closed_at)
     select md5(n::text), (select min(id) from users where username like 'buyer%') + (n::bigint * 7919) % ($1::int / 5), c.title, c.price_fen, 'alipay', s.status,
       array[c.id], at, at + interval '30 minutes',
       case when s.status in ('paid', 'partially_refunded', 'refunded') then at + interval '2 minutes' end,
       case when s.status in ('cancelled', 'expired') then at + interval '31 minutes' end
     from generate_series(1, $1::int) n
     cross join lateral (select now() - ($1::int - n) * (interval '730 days' / $1::int) as at) t
     cross join lateral (select case when n % 50 = 0 then 'refunded' when n % 49 = 0 then 'partially_refunded'
       when n % 7 = 0 then 'expired' when n % 11 = 0 then 'cancelled' else 'paid' end as status) s
     cross join lateral (select id, title, price_fen from courses where price_fen > 0
       order by id offset (floor(sqrt(n % 400)))::int % (select count(*) from courses where price_fen > 0) limit 1) c
     order by n`,
    `insert into order_lines (order_id, position, course_id, course_title, price_fen, refunded_fen)
     select id, 0, course_ids[1], subject, total_fen, case status when 'refunded' then total_fen when 'partially_refunded' then 100 else 0 end from orders`,
    `insert into payment_attempts (order_id, provider, attempt_no, amount_fen, status, trade_no, created_at, paid_at, refunded_fen)
     select o.id, 'alipay', order_no, total_fen, case when paid_at is null then 'closed' else 'paid' end,
       case when paid_at is not null then '20261123220014' || lpad(o.id::text, 14, '0') end, created_at, paid_at, l.refunded_fen
     from orders o join order_lines l on l.order_id = o.id`,
    `insert into order_payments (order_id, attempt_id, paid_at) select order_id, id, paid_at - interval '1 second' from payment_attempts where status = 'paid'`,
    `insert into refunds (request_no, order_id, attempt_id, amount_fen, status, reason, requested_by, requested_at, finished_at)
     select md5('r' || id), order_id, id, refunded_fen, 'succeeded', 'bench', 'staff', paid_at, paid_at + interval '1 day'
     from payment_attempts where refunded_fen > 0`,
    `insert into refund_lines (refund_id, order_id, course_id, amount_fen)
     select r.id, r.order_id, l.course_id, r.amount_fen from refunds r join order_lines l on l.order_id = r.order_id`,
    `insert into enrolments (user_id, course_id, order_id, granted_at, granted_by, revoked_at)
     select user_id, course_ids[1], id, paid_at, 'order', case when status = 'refunded' then paid_at end from orders where paid_at is not null
     on conflict do nothing`,
    `insert into order_history (order_id, at, event, from_status, to_status, actor) select id, created_at, 'place', null, 'unpaid', 'buyer' from orders`,
    `insert into notifications (provider, received_at, address, content_type, headers, body, body_bytes, checks, effect, accepted, attempt_no, trade_no)
     select 'alipay', paid_at, '127.0.0.1', 'form', '{}', '', 0, '[{"check":"signature","passed":true}]', 'settled', true, attempt_no, trade_no
     from payment_attempts where status = 'paid'`,
  ]
  const client = await pool.connect()
  try {
    await client.query("set statement_timeout = 0; set work_mem = '256MB'")
    for (const statement of statements) await client.query(statement, statement.includes('$1') ? [count] : [])
    await client.query('vacuum analyze')
  } finally {
    client.release(true)
  }
}
