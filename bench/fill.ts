/** Fills a database like that of a two-year-old shop. */
import type pg from 'pg'

/**
 * Two years of orders: most paid by Alipay, a fifth by WeChat Pay; some closed or refunded; five orders per buyer; some
 * courses much more popular than others.
 */
export async function fill(pool: pg.Pool, count: number): Promise<void> {
  const statements = [
    `select add_month(grown::regclass, (current_date - n * interval '1 month')::date)
     from generate_series(0, 24) n cross join (values ('notifications'), ('order_history')) tables (grown)`,
    `insert into users (username, display_name, password_hash) select 'buyer' || n, 'Buyer ' || n, 'none' from generate_series(1, $1::int / 5) n`,
    `create temporary table priced as
     select row_number() over (order by id) - 1 as place, id, title, price_fen from courses where price_fen > 0`,
    `insert into orders (order_no, user_id, subject, total_fen, pay_type, status, course_ids, created_at, expires_at, paid_at, closed_at)
     select md5(n::text), (select min(id) from users where username like 'buyer%') + (n::bigint * 7919) % ($1::int / 5), c.title, c.price_fen, case when n % 5 = 0 then 'wechat' else 'alipay' end, s.status,
       array[c.id], at, at + interval '30 minutes',
       case when s.status in ('paid', 'partially_refunded', 'refunded') then at + interval '2 minutes' end,
       case when s.status in ('cancelled', 'expired') then at + interval '31 minutes' end
     from generate_series(1, $1::int) n
     cross join lateral (select now() - ($1::int - n) * (interval '730 days' / $1::int) as at) t
     cross join lateral (select case when n % 50 = 0 then 'refunded' when n % 49 = 0 then 'partially_refunded'
       when n % 7 = 0 then 'expired' when n % 11 = 0 then 'cancelled' else 'paid' end as status) s
     join priced c on c.place = (floor(sqrt(n % 400)))::int % (select count(*) from priced)
     order by n`,
    `insert into order_lines (order_id, position, course_id, course_title, price_fen, refunded_fen)
     select id, 0, course_ids[1], subject, total_fen, case status when 'refunded' then total_fen when 'partially_refunded' then 100 else 0 end from orders`,
    `insert into payment_attempts (order_id, provider, attempt_no, amount_fen, status, trade_no, created_at, paid_at, refunded_fen)
     select o.id, o.pay_type, order_no, total_fen, case when paid_at is null then 'closed' else 'paid' end,
       case when paid_at is not null then '20261123220014' || lpad(o.id::text, 14, '0') end, created_at, paid_at, l.refunded_fen
     from orders o join order_lines l on l.order_id = o.id`,
    `insert into order_payments (order_id, attempt_id, paid_at) select order_id, id, paid_at - interval '1 second' from payment_attempts where status = 'paid'`,
    `insert into refunds (request_no, order_id, attempt_id, amount_fen, status, reason, requested_by, requested_at, finished_at, made_at)
     select md5('r' || id), order_id, id, refunded_fen, 'succeeded', 'bench', 'staff', paid_at, paid_at + interval '1 day', paid_at + interval '1 day'
     from payment_attempts where refunded_fen > 0`,
    `insert into refund_lines (refund_id, order_id, course_id, amount_fen)
     select r.id, r.order_id, l.course_id, r.amount_fen from refunds r join order_lines l on l.order_id = r.order_id`,
    `insert into enrolments (user_id, course_id, order_id, granted_at, granted_by, revoked_at)
     select user_id, course_ids[1], id, paid_at, 'order', case when status = 'refunded' then paid_at end from orders where paid_at is not null
     on conflict do nothing`,
    `insert into order_history (order_id, at, event, from_status, to_status, actor) select id, created_at, 'place', null, 'unpaid', 'buyer' from orders`,
    `insert into notifications (provider, received_at, address, content_type, headers, body, body_bytes, checks, effect, accepted, attempt_no, trade_no)
     select provider, paid_at, '127.0.0.1', 'form', '{}', '', 0, '[{"check":"signature","passed":true}]', 'settled', true, attempt_no, trade_no
     from payment_attempts where status = 'paid'`,
  ]
  const client = await pool.connect()
  try {
    await client.query("set statement_timeout = 0; set work_mem = '256MB'")
    await unchecked(client, async () => {
      for (const statement of statements) await client.query(statement, statement.includes('$1') ? [count] : [])
    })
    await client.query('vacuum analyze')
  } finally {
    client.release(true)
  }
}

/**
 * Runs without checking references row by row, which would take half of the time. The shop's role may not disable the
 * checks, so the constraints are dropped, then added again and checked for all rows at once.
 */
async function unchecked(client: pg.PoolClient, work: () => Promise<void>): Promise<void> {
  const { rows: references } = await client.query<{ table: string; name: string; definition: string }>(
    `select conrelid::regclass::text as table, quote_ident(conname) as name, pg_get_constraintdef(oid) as definition
     from pg_constraint where contype = 'f' and conparentid = 0 and connamespace = 'public'::regnamespace`,
  )
  for (const { table, name } of references) await client.query(`alter table ${table} drop constraint ${name}`)
  await work()
  for (const { table, name, definition } of references) {
    await client.query(`alter table ${table} add constraint ${name} ${definition}`)
  }
}
