/** A shop that has rows gets its months: nothing is lost or numbered twice, and a row without a month finds its own later. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLog } from '../log.ts'
import { type Connection, connect } from './connect.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded.ts'
import { migrate } from './migrate.ts'
import { keepMonths } from './months.ts'

const folder = mkdtempSync(join(tmpdir(), 'xuecheng-months-'))
let server: EmbeddedPostgres
let connection: Connection

beforeAll(async () => {
  server = await startEmbeddedPostgres(join(folder, 'postgres'))
  connection = connect(server.url, 2)
}, 60_000)

afterAll(async () => {
  await connection.close()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

const query = async <Row extends pg.QueryResultRow>(text: string) => (await connection.pool.query<Row>(text)).rows

const receive = (number: string, at: string) =>
  query(`insert into notifications (provider, received_at, address, content_type, headers, body, body_bytes, checks, effect, accepted, attempt_no)
    values ('alipay', ${at}, '', '', '{}', 'kept', 4, '[]', 'settled', true, '${number}')`)

const places = () =>
  query<{ number: string; place: string }>(
    'select id::int, attempt_no as number, tableoid::regclass::text as place from notifications order by id',
  )

/** As the shop was before its months. */
async function migrateUpTo(last: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  await client.query(
    'create table migrations (name text primary key, checksum text not null, ran_at timestamptz default now())',
  )
  const migrations = join(import.meta.dirname, 'migrations')
  for (const name of readdirSync(migrations).sort()) {
    if (name >= last) continue
    const text = readFileSync(join(migrations, name), 'utf8')
    await client.query(text)
    const checksum = createHash('sha256').update(text).digest('hex')
    await client.query('insert into migrations (name, checksum) values ($1, $2)', [name, checksum])
  }
  await client.end()
}

test('rows stay, numbers go on, months are made ahead, and strays are moved', async () => {
  await migrateUpTo('0027')
  await receive('old', "now() - interval '400 days'")
  await receive('new', 'now()')
  await migrate(server.url)

  await receive('after', 'now()')
  await receive('next', "now() + interval '40 days'")
  await receive('far', "'2190-05-31T15:59:59Z'")
  await receive('farther', "'2190-05-31T16:00:00Z'")
  const [old, fresh, after, next, far, farther] = await places()
  expect(old).toMatchObject({ id: 1, number: 'old', place: expect.stringMatching(/^notifications_before_\d{4}_\d\d$/) })
  expect([fresh, after]).toMatchObject([
    { id: 2, place: old?.place },
    { id: 3, place: old?.place },
  ])
  expect(next?.place).toMatch(/^notifications_\d{4}_\d\d$/)
  expect([far?.place, farther?.place]).toEqual(['notifications_other', 'notifications_other'])

  // Beijing's months: eight hours before Greenwich's.
  const log = createLog('silent', 'test')
  expect(await keepMonths(connection.db, new Date(), log)).toEqual({ made: 2, strays: 2 })
  const moved = await places()
  expect(moved.map(({ number }) => number)).toEqual(['old', 'new', 'after', 'next', 'far', 'farther'])
  expect(moved.slice(4)).toMatchObject([{ place: 'notifications_2190_05' }, { place: 'notifications_2190_06' }])
  expect(await keepMonths(connection.db, new Date(), log)).toEqual({ made: 0, strays: 0 })
  // A year on without a migration: the job makes this month's and three more, of both tables.
  const later = new Date(Date.now() + 366 * 86_400_000)
  expect(await keepMonths(connection.db, later, log)).toEqual({ made: 8, strays: 0 })
})

test('an order is looked up by index in every month', async () => {
  const plan = async (text: string) => {
    const client = await connection.pool.connect()
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
  expect(await plan("select * from notifications where attempt_no = 'x'")).not.toMatch(/Seq Scan/)
  expect(await plan('select * from notifications where not accepted order by id desc limit 50')).not.toMatch(/Seq Scan/)
  expect(await plan('select * from order_history where order_id = 2 order by id')).not.toMatch(
    /Seq Scan|Sort Key: .*at/,
  )
})
