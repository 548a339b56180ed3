/**
 * A database as the version of commit 2052777 (migration 0035) left it, with orders, refunds in every state, unmatched money
 * and trials: after all later migrations, every order, access and sum says the same. `XUECHENG_OLD_ORDERS=100000` is a
 * shop of some years.
 */
import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrate } from '../../apps/shop/src/db/migrate.ts'
import { type OlderDatabase, startTestDatabase, type TestDatabase } from '../harness/database.ts'

const ORDERS = Number(process.env['XUECHENG_OLD_ORDERS'] ?? 1000)
const LIMIT_MS = 600_000

let database: TestDatabase
let shop: OlderDatabase

let client: pg.PoolClient

const query = async (text: string, values: unknown[] = []) => (await client.query(text, values)).rows

beforeAll(async () => {
  database = await startTestDatabase()
  shop = await database.older('0036')
  client = await shop.pool.connect()
  await query("set statement_timeout = 0; set work_mem = '256MB'")
  await query(
    "select add_month(grown::regclass, current_date) from (values ('notifications'), ('order_history')) tables (grown)",
  )
  for (const statement of FILL) {
    await query(statement, statement.includes('$1') ? [ORDERS] : [])
    await query('analyze')
  }
}, LIMIT_MS)

afterAll(async () => {
  client.release(true)
  await database.stop()
}, LIMIT_MS)

const FILL: readonly string[] = [
  `insert into categories (slug, position, name_zh, name_en, palette) values ('c', 0, 'c', 'c', '{}')`,
  `insert into teachers (slug, name, title, bio) values ('t', 't', 't', 't')`,
  `insert into courses (slug, category_slug, teacher_slug, language, title, promise, outcomes, price_fen)
   select 'course' || n, 'c', 't', 'en', 'Course ' || n, 'p', '{}', n * 1000 from generate_series(1, 20) n`,
  `insert into users (username, display_name, password_hash) select 'buyer' || n, 'Buyer ' || n, 'none' from generate_series(1, $1::int) n`,
  // Two courses an order; every tenth order has another state.
  `insert into orders (order_no, user_id, subject, total_fen, pay_type, status, course_ids, created_at, expires_at, paid_at, closed_at)
   select md5(n::text), u.id, 'two courses', one.price_fen + two.price_fen, case when n % 5 = 0 then 'wechat' else 'alipay' end, s.status,
     array[one.id, two.id], at, at + interval '30 minutes',
     case when s.status in ('paid', 'partially_refunded', 'refunded') then at + interval '2 minutes' end,
     case when s.status in ('cancelled', 'expired') then at + interval '31 minutes' end
   from generate_series(1, $1::int) n join users u on u.username = 'buyer' || n
   cross join lateral (select now() - n * interval '1 minute' as at) t
   cross join lateral (select case n % 10 when 1 then 'unpaid' when 2 then 'cancelled' when 3 then 'expired'
     when 4 then 'partially_refunded' when 5 then 'refunded' else 'paid' end as status) s
   join lateral (select id, price_fen from courses order by id offset n % 10 limit 1) one on true
   join lateral (select id, price_fen from courses order by id offset 10 + n % 10 limit 1) two on true`,
  `insert into order_lines (order_id, position, course_id, course_title, price_fen)
   select o.id, place - 1, c.id, c.title, c.price_fen
   from orders o cross join lateral unnest(o.course_ids) with ordinality as line (course_id, place) join courses c on c.id = line.course_id`,
  `insert into payment_attempts (order_id, provider, attempt_no, amount_fen, status, trade_no, created_at, paid_at)
   select id, pay_type, order_no, total_fen, case when paid_at is not null then 'paid' when status = 'unpaid' then 'open' else 'closed' end,
     case when paid_at is not null then 'trade' || id end, created_at, paid_at from orders`,
  `insert into order_payments (order_id, attempt_id, paid_at)
   select order_id, id, paid_at - interval '1 second' from payment_attempts where status = 'paid'`,
  `insert into enrolments (user_id, course_id, order_id, granted_at, granted_by, revoked_at)
   select o.user_id, line.course_id, o.id, o.paid_at, 'order',
     case when o.status = 'refunded' or (o.status = 'partially_refunded' and line.position = 0) then now() end
   from orders o join order_lines line on line.order_id = o.id where o.paid_at is not null`,
  // What has gone back: both lines of the refunded orders, the first of the partially refunded ones.
  ...refund('succeeded', `o.status = 'refunded' or (o.status = 'partially_refunded' and l.position = 0)`),
  // Of the paid ones, the second line: each state that an open or ended refund can have.
  ...['requested', 'approved', 'sent', 'refused', 'declined', 'withdrawn'].flatMap((status, index) =>
    refund(status, `o.status = 'paid' and l.position = 1 and o.id % 7 = ${index}`),
  ),
  `update payment_attempts a set refunded_fen = (select coalesce(sum(amount_fen), 0) from refunds r
     where r.attempt_id = a.id and r.status in ('requested', 'approved', 'sent', 'succeeded'))`,
  `update order_lines l set refunded_fen = (select coalesce(sum(b.amount_fen), 0) from refund_lines b join refunds r on r.id = b.refund_id
     where b.order_id = l.order_id and b.course_id = l.course_id and r.status in ('requested', 'approved', 'sent', 'succeeded'))`,
  // Unmatched money: as found, refunded, and half refunded.
  `insert into unmatched_payments (provider, trade_no, attempt_no, amount_fen, reason, found_at)
   select 'alipay', 'unknown' || n, 'unknown' || n, 500, 'UNKNOWN_ATTEMPT', now() from generate_series(1, greatest(30, $1::int / 100)) n`,
  `insert into refunds (request_no, unmatched_id, amount_fen, status, reason, requested_by, requested_at, finished_at)
   select md5('unmatched' || id), id, case id % 3 when 1 then 500 else 200 end,
     case id % 3 when 1 then 'succeeded' else 'sent' end, 'test', 'staff', now(), case id % 3 when 1 then now() end
   from unmatched_payments where id % 3 > 0`,
  `update unmatched_payments u set refunded_fen = r.amount_fen, refund_id = r.id from refunds r where r.unmatched_id = u.id`,
  `insert into trial_payments (attempt_no, provider, channel, amount_fen, started_by, started_at, expires_at)
   select 'trial' || n, 'alipay', 'page', 1, (select min(id) from users), now(), now() from generate_series(1, 5) n`,
]

/** A refund of each line that fits, billed a day later where it has gone back. */
function refund(status: string, which: string): string[] {
  const lines = `from orders o join order_lines l on l.order_id = o.id where ${which}`
  return [
    `insert into refunds (request_no, order_id, attempt_id, amount_fen, status, reason, requested_by, requested_at, finished_at, billed_on)
     select md5('${status}' || o.id || ' ' || l.course_id), o.id, (select id from payment_attempts where order_id = o.id), l.price_fen,
       '${status}', 'test', 'staff', now(), ${['requested', 'approved', 'sent'].includes(status) ? 'null' : 'now()'},
       ${status === 'succeeded' ? `to_char(now() + interval '1 day', 'YYYY-MM-DD')` : 'null'} ${lines}`,
    `insert into refund_lines (refund_id, order_id, course_id, amount_fen)
     select r.id, o.id, l.course_id, l.price_fen ${lines.replace(' where', ` join refunds r on r.request_no = md5('${status}' || o.id || ' ' || l.course_id) where`)}`,
  ]
}

/** Everything that must be the same; `held` is how the schema of the time adds up what is reserved or refunded. */
const books = async (held: (table: string) => string) => ({
  orders: await query(
    `select status, count(*)::int, sum(total_fen)::bigint as fen from orders group by status order by status`,
  ),
  left: await query(
    `select status, sum(amount_fen - (${held('payment_attempts')}))::bigint as fen from payment_attempts group by status order by status`,
  ),
  lines:
    await query(`select md5(string_agg(order_id || ' ' || course_id || ' ' || (price_fen - (${held('order_lines')})), ',' order by order_id, course_id)) as each,
    sum(price_fen - (${held('order_lines')}))::bigint as fen from order_lines`),
  unmatched: await query(
    `select reason, count(*)::int, sum(amount_fen - (${held('unmatched_payments')}))::bigint as fen from unmatched_payments group by reason order by reason`,
  ),
  refunds: await query(
    `select status, count(*)::int, sum(amount_fen)::bigint as fen from refunds group by status order by status`,
  ),
  access: await query(
    `select count(*) filter (where revoked_at is null)::int as active, count(*)::int as given, md5(string_agg(user_id || ' ' || course_id || ' ' || (revoked_at is null), ',' order by user_id, course_id)) as each from enrolments`,
  ),
  trials: await query(`select count(*)::int, sum(amount_fen)::bigint as fen from trial_payments`),
})

test(
  'every order, access and sum says the same after the upgrade',
  async () => {
    const before = await books(() => 'refunded_fen')
    // Sums that were wrong, either way, are added up anew; they keep no shop from starting.
    const [low, high] = await query(`select id, refunded_fen from payment_attempts a where exists (
      select from refunds r where r.attempt_id = a.id and r.status = 'succeeded') and refunded_fen < amount_fen order by id limit 2`)
    await query('update payment_attempts set refunded_fen = 1 where id = $1', [low.id])
    await query('update payment_attempts set refunded_fen = amount_fen where id = $1', [high.id])
    expect(before.orders).toHaveLength(6)
    await migrate(shop.url)
    expect(await books(() => 'reserved_fen + refunded_fen')).toEqual(before)
    // What was one sum is two, each the sum of its refunds.
    const wrong =
      await query(`select a.id from payment_attempts a left join refunds r on r.attempt_id = a.id group by a.id
      having a.refunded_fen <> coalesce(sum(r.amount_fen) filter (where r.status = 'succeeded'), 0)
        or a.reserved_fen <> coalesce(sum(r.amount_fen) filter (where r.status in ('requested', 'approved', 'sent')), 0)
      union all select u.id from unmatched_payments u left join refunds r on r.unmatched_id = u.id group by u.id
      having u.refunded_fen <> coalesce(sum(r.amount_fen) filter (where r.status = 'succeeded'), 0)
        or u.reserved_fen <> coalesce(sum(r.amount_fen) filter (where r.status in ('requested', 'approved', 'sent')), 0)`)
    expect(wrong).toEqual([])
    // A refund that a bill has listed counts on that day.
    expect(
      await query(`select count(*)::int from refunds where status = 'succeeded' and billed_on is not null
        and to_char(made_at at time zone 'Asia/Shanghai', 'YYYY-MM-DD') <> billed_on`),
    ).toEqual([{ count: 0 }])
  },
  LIMIT_MS,
)

test('a node of the version before that still runs reserves and releases as it did, and completes no refund', async () => {
  const [row] = await query(`select id, reserved_fen::int as reserved, refunded_fen::int as refunded
    from payment_attempts where status = 'paid' and reserved_fen + refunded_fen + 100 <= amount_fen order by id limit 1`)
  const now = async () =>
    (
      await query(
        'select reserved_fen::int as reserved, refunded_fen::int as refunded from payment_attempts where id = $1',
        [row.id],
      )
    )[0]
  await query('update payment_attempts set refunded_fen = refunded_fen + 100 where id = $1', [row.id])
  expect(await now()).toEqual({ reserved: row.reserved + 100, refunded: row.refunded })
  await query('update payment_attempts set refunded_fen = refunded_fen - 100 where id = $1', [row.id])
  expect(await now()).toEqual({ reserved: row.reserved, refunded: row.refunded })
  await expect(
    query(
      `update refunds set status = 'succeeded', finished_at = now() where id = (select min(id) from refunds where status = 'sent')`,
    ),
  ).rejects.toThrow(/made_at_a_time/)
})
