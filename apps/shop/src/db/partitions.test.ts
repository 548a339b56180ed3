/** Partitioning a shop with rows while it takes payments: nothing is lost, refused or numbered twice. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type OlderDatabase, startTestDatabase, type TestDatabase } from '../../../../tests/harness/database.ts'
import { createLog } from '../log.ts'
import { backUp, restore } from './backup.ts'
import { migrate } from './migrate.ts'
import { keepPartitions } from './partitions.ts'

const folder = mkdtempSync(join(tmpdir(), 'xuecheng-months-'))
const log = createLog('silent', 'test')
let database: TestDatabase

beforeAll(async () => {
  database = await startTestDatabase()
}, 60_000)

afterAll(async () => {
  await database.stop()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

interface Shop extends OlderDatabase {
  query<Row extends pg.QueryResultRow>(text: string): Promise<Row[]>
}

/** An empty database with the migrations before one of them. */
async function createShop(before: string): Promise<Shop> {
  const older = await database.older(before)
  const query = async <Row extends pg.QueryResultRow>(text: string) => (await older.pool.query<Row>(text)).rows
  return { ...older, query }
}

const notification = (number: string, at: string) =>
  `insert into notifications (provider, received_at, address, content_type, headers, body, body_bytes, checks, effect, accepted, attempt_no)
   values ('alipay', ${at}, '', '', '{}', 'kept', 4, '[]', 'settled', true, '${number}')`

const places = ({ query }: Shop) =>
  query<{ number: string; place: string }>(
    'select id::int, attempt_no as number, tableoid::regclass::text as place from notifications order by id',
  )

/**
 * Runs four payments at a time until stopped; each locks its order, writes history, updates the order, and stores its
 * notification last, as settlement does.
 */
async function takePayments(shop: Shop, at: () => string = () => 'now()') {
  await shop.query(`insert into users (username, display_name, password_hash) values ('buyer', 'Buyer', 'none')`)
  await shop.query(`insert into orders (order_no, user_id, subject, total_fen, pay_type, course_ids, created_at, expires_at)
    select md5(n::text), (select id from users where username = 'buyer'), '', 1, 'alipay', '{1}', now(), now() from generate_series(0, 3) n`)
  const orders = (await shop.query<{ id: number }>('select id from orders order by id')).map(({ id }) => id)
  const seen = { taken: 0, slowest: 0, errors: [] as unknown[] }
  let stopped = false
  const take = async (id: number) => {
    while (!stopped) {
      const began = performance.now()
      const client = await shop.pool.connect()
      try {
        const moment = at()
        await client.query('begin')
        await client.query(`select from orders where id = ${id} for no key update`)
        await client.query(`insert into order_history (order_id, at, event, from_status, to_status, actor)
          values (${id}, ${moment}, 'pay', 'unpaid', 'paid', 'gateway')`)
        await client.query(`update orders set pay_type = 'alipay' where id = ${id}`)
        await client.query(notification('taken', moment))
        await client.query('commit')
        seen.taken += 1
      } catch (error) {
        seen.errors.push(error)
        await client.query('rollback')
      }
      client.release()
      seen.slowest = Math.max(seen.slowest, performance.now() - began)
      await sleep(2)
    }
  }
  const all = orders.map(take)
  return {
    seen,
    async stop() {
      stopped = true
      await Promise.all(all)
      return seen
    },
  }
}

/** Like a backup: reads everything, and keeps its read locks until the end. */
async function readSlowly(shop: Shop): Promise<() => Promise<void>> {
  const client = await shop.pool.connect()
  await client.query('begin isolation level repeatable read read only')
  await client.query('set local idle_in_transaction_session_timeout = 0')
  await client.query('select (select count(*) from notifications) + (select count(*) from order_history)')
  return async () => {
    await client.query('commit')
    client.release()
  }
}

const counted = ({ query }: Shop, table: string) =>
  query(`select count(*)::int as rows, count(distinct id)::int as ids from ${table}`)

test('rows stay, numbers continue, partitions are created ahead, and rows of the default partition are moved', async () => {
  const shop = await createShop('0027')
  const { db, query } = shop
  await query(notification('old', "now() - interval '400 days'"))
  await query(notification('new', 'now()'))
  await migrate(shop.url)

  await query(notification('after', 'now()'))
  await query(notification('next', "now() + interval '40 days'"))
  await query(notification('far', "'2190-05-31T15:59:59Z'"))
  await query(notification('farther', "'2190-05-31T16:00:00Z'"))
  const [old, fresh, after, next, far, farther] = await places(shop)
  expect(old).toMatchObject({ id: 1, number: 'old', place: expect.stringMatching(/^notifications_before_\d{4}_\d\d$/) })
  expect([fresh, after]).toMatchObject([
    { id: 2, place: old?.place },
    { id: 3, place: old?.place },
  ])
  expect(next?.place).toMatch(/^notifications_\d{4}_\d\d$/)
  expect([far?.place, farther?.place]).toEqual(['notifications_other', 'notifications_other'])

  // Months in Beijing, eight hours ahead of Greenwich.
  expect(await keepPartitions(db, new Date(), log)).toEqual({ made: 2, misplaced: 2, missing: 0 })
  const moved = await places(shop)
  expect(moved.map(({ number }) => number)).toEqual(['old', 'new', 'after', 'next', 'far', 'farther'])
  expect(moved.slice(4)).toMatchObject([{ place: 'notifications_2190_05' }, { place: 'notifications_2190_06' }])
  expect(await keepPartitions(db, new Date(), log)).toEqual({ made: 0, misplaced: 0, missing: 0 })
  // A year later without a migration: the job creates this month's partition and three more, for both tables.
  const later = new Date(Date.now() + 366 * 86_400_000)
  expect(await keepPartitions(db, later, log)).toEqual({ made: 8, misplaced: 0, missing: 0 })

  // After a restore each row is in its month, and never went into the default partition.
  const file = join(folder, 'backup')
  await backUp(shop.url, file)
  const again = await createShop('0027')
  await migrate(again.url)
  await again.query('create table passed (place text)')
  await again.query(`create function pass() returns trigger language plpgsql as
    $$ begin insert into passed values (tg_table_name); return new; end $$`)
  await again.query('create trigger pass before insert on notifications for each row execute function pass()')
  await expect(restore(again.url, file)).resolves.toMatchObject({ tables: { notifications: 6 } })
  const restored = await places(again)
  expect(restored.map(({ number }) => number)).toEqual(moved.map(({ number }) => number))
  expect(restored.every(({ place }) => /^notifications_\d{4}_\d\d$/.test(place))).toBe(true)
  expect(await again.query(`select distinct place from passed where place ~ '_other$'`)).toEqual([])
  expect((await again.query('select from passed')).length).toBe(6)
})

test('rows that a wrong clock dated beyond this month are no obstacle, and are not dropped as old', async () => {
  const shop = await createShop('0027')
  await shop.query(notification('ahead', "now() + interval '200 days'"))
  await migrate(shop.url)
  await shop.query(notification('after', 'now()'))
  const [ahead, after] = await places(shop)
  expect(ahead?.place).toMatch(/^notifications_before_\d{4}_\d\d$/)
  expect(after?.place).toBe(ahead?.place)
  expect(await keepPartitions(shop.db, new Date(), log)).toEqual({ made: 0, misplaced: 0, missing: 0 })
  await expect(shop.query(`select drop_month('${ahead?.place}')`)).rejects.toThrow(/is not over/)
})

test('a migration under payments, behind a backup: all wait a moment, none fails, nothing is lost or numbered twice', {
  timeout: 60_000,
}, async () => {
  const shop = await createShop('0027')
  const payments = await takePayments(shop)
  await sleep(300)
  const endBackup = await readSlowly(shop)
  const said: string[] = []
  const migrated = migrate(shop.url, (line) => said.push(line))
  await sleep(2500)
  await endBackup()
  expect(await migrated).toContain('0027_months.sql')
  const before = payments.seen.taken
  await sleep(500)
  const { taken, slowest, errors } = await payments.stop()

  expect(errors).toEqual([])
  expect(said).toEqual([expect.stringContaining('0027_months.sql waits')])
  expect(taken).toBeGreaterThan(before)
  expect(slowest).toBeLessThan(4000)
  for (const table of ['notifications', 'order_history'])
    expect(await counted(shop, table)).toEqual([{ rows: taken, ids: taken }])
})

test('rows move out of the default partition while more arrive: none fails, none is lost', {
  timeout: 60_000,
}, async () => {
  const shop = await createShop('9999')
  const months = Array.from({ length: 12 }, (_, month) => `'2190-${String(month + 1).padStart(2, '0')}-15'`)
  let ready = 1
  const payments = await takePayments(shop, () => months[Math.floor(Math.random() * ready)] ?? '')
  for (; ready < months.length; ready += 1) {
    await sleep(100)
    await keepPartitions(shop.db, new Date(), log)
  }
  await sleep(300)
  const { taken, errors } = await payments.stop()
  await keepPartitions(shop.db, new Date(), log)
  expect(errors).toEqual([])
  for (const table of ['notifications', 'order_history']) {
    expect(await counted(shop, table)).toEqual([{ rows: taken, ids: taken }])
    expect(await counted(shop, `${table}_other`)).toEqual([{ rows: 0, ids: 0 }])
    expect(await shop.query(`select distinct tableoid from ${table}`)).toHaveLength(months.length)
  }
})

test('a partition that cannot be created now is created by the next run, and payments continue meanwhile', {
  timeout: 60_000,
}, async () => {
  const shop = await createShop('9999')
  const payments = await takePayments(shop)
  const endBackup = await readSlowly(shop)
  const later = new Date(Date.now() + 366 * 86_400_000)
  expect(await keepPartitions(shop.db, later, log)).toEqual({ made: 0, misplaced: 0, missing: 8 })
  await endBackup()
  expect(await keepPartitions(shop.db, later, log)).toEqual({ made: 8, misplaced: 0, missing: 0 })
  const { slowest, errors } = await payments.stop()
  expect(errors).toEqual([])
  expect(slowest).toBeLessThan(3000)
})

test('too many rows for a running shop stay in the default partition, and are found there', {
  timeout: 60_000,
}, async () => {
  const shop = await createShop('9999')
  await shop.query(
    notification('many', "'2190-05-15'").replace(/values \((.*)\)$/s, 'select $1 from generate_series(1, 10001)'),
  )
  await shop.query(notification('few', "'2190-06-15'"))
  expect(await keepPartitions(shop.db, new Date(), log)).toEqual({ made: 1, misplaced: 10_002, missing: 1 })
  expect(await counted(shop, 'notifications_2190_06')).toEqual([{ rows: 1, ids: 1 }])
  expect(await counted(shop, 'notifications')).toEqual([{ rows: 10_002, ids: 10_002 }])
  // With the shop stopped.
  await shop.query('select keep_months(current_date, 3)')
  expect(await counted(shop, 'notifications_2190_05')).toEqual([{ rows: 10_001, ids: 10_001 }])
})

test('only a past month can be dropped, also under payments', { timeout: 60_000 }, async () => {
  const shop = await createShop('9999')
  for (const table of ['notifications', 'order_history']) await shop.query(`select add_month('${table}', '2020-01-31')`)
  await shop.query(notification('old', "'2020-01-15'"))
  const payments = await takePayments(shop)
  const [now] = await shop.query<{ month: string }>(
    `select to_char(now() at time zone 'Asia/Shanghai', 'YYYY_MM') as month`,
  )
  for (const part of [`notifications_${now?.month}`, 'notifications_other', 'notifications', 'orders'])
    await expect(shop.query(`select drop_month('${part}')`)).rejects.toThrow(/is not over|is no month/)
  for (const part of ['notifications_2020_01', 'order_history_2020_01'])
    await shop.query(`select drop_month('${part}')`)
  const { taken, errors } = await payments.stop()
  expect(errors).toEqual([])
  expect(await counted(shop, 'notifications')).toEqual([{ rows: taken, ids: taken }])
  expect(await shop.query(`select add_month('order_history', '2020-01-01') as made`)).toEqual([{ made: true }])
})

test('an order is found by index in every month', async () => {
  const { pool } = await createShop('9999')
  const plan = async (text: string) => {
    const client = await pool.connect()
    try {
      await client.query('set enable_seqscan = off')
      return (await client.query<{ 'QUERY PLAN': string }>(`explain ${text}`)).rows
        .map((row) => row['QUERY PLAN'])
        .join('\n')
    } finally {
      client.release(true)
    }
  }
  expect(await plan('select * from notifications where id = 2')).not.toMatch(/Seq Scan/)
  for (const column of ['attempt_no', 'trade_no', 'notify_id'])
    expect(await plan(`select * from notifications where ${column} = 'x'`)).not.toMatch(/Seq Scan/)
  expect(await plan('select * from notifications where not accepted order by id desc limit 50')).not.toMatch(/Seq Scan/)
  expect(await plan('select * from order_history where order_id = 2 order by id')).not.toMatch(
    /Seq Scan|Sort Key: .*at/,
  )
})
