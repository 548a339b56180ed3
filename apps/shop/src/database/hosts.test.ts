import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { connect } from './connect.ts'
import { startEmbeddedPostgres } from './embedded.ts'
import { addressesOf, NoPrimaryError, primaryAddress } from './hosts.ts'
import { migrate } from './migrate.ts'

const folder = mkdtempSync(join(tmpdir(), 'xuecheng-hosts-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.each([
  ['postgres://u:p@a:5432/db', ['postgres://u:p@a:5432/db']],
  ['postgres://u:p@a:5432,b/db', ['postgres://u:p@a:5432/db', 'postgres://u:p@b/db']],
  [
    'postgresql://a,[::1]:5433/db?sslmode=require',
    ['postgresql://a/db?sslmode=require', 'postgresql://[::1]:5433/db?sslmode=require'],
  ],
  ['postgres://u:p@a,b/db?target_session_attrs=read-write', ['postgres://u:p@a/db', 'postgres://u:p@b/db']],
  [
    'postgres://u:p@a,b/db?target_session_attrs=any&sslmode=require',
    ['postgres://u:p@a/db?sslmode=require', 'postgres://u:p@b/db?sslmode=require'],
  ],
])('one address a server: %s', (url, addresses) => {
  expect(addressesOf(url)).toEqual(addresses)
})

test('a pool writes to the primary, says "not now" when there is none, and follows the standby that is promoted', async () => {
  const primary = await startEmbeddedPostgres(join(folder, 'one'))
  await primary.stop()
  execFileSync('cp', ['-a', join(folder, 'one'), join(folder, 'two')])
  writeFileSync(join(folder, 'two/cluster/standby.signal'), '')
  const [one, two] = await Promise.all(['one', 'two'].map((name) => startEmbeddedPostgres(join(folder, name))))
  if (!one || !two) throw new Error('Two servers are needed')
  const both = two.url.replace(/@([^/]+)/, `@$1,127.0.0.1:${one.port}`)
  const { pool, db, close } = connect(both, 3)
  try {
    await migrate(both)
    await sql`create table told (word text)`.execute(db)
    expect(new URL(await primaryAddress(both)).port).toBe(String(one.port))

    await one.stop()
    const refused = await sql`insert into told values ('lost')`.execute(db).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(Error)
    await expect(pool.query('select 1')).rejects.toThrow(NoPrimaryError)

    const standby = new pg.Client({ connectionString: two.url })
    await standby.connect()
    await standby.query('select pg_promote()')
    await standby.end()
    await pool.query('create table promoted ()')
    expect((await pool.query('select inet_server_port() as port')).rows).toEqual([{ port: two.port }])
  } finally {
    await close()
    await Promise.all([one.stop(), two.stop()])
  }
})
