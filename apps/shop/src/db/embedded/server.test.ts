import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { migrate } from '../migrate.ts'
import { DataFolderInUseError, startEmbeddedPostgres } from './server.ts'

const folder = mkdtempSync(join(tmpdir(), 'xuecheng-embedded-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function ask(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(sql)
  await client.end()
  return rows
}

test('keeps its rows over a restart, runs migrations once, and refuses a second server', {
  timeout: 120_000,
}, async () => {
  const first = await startEmbeddedPostgres(join(folder, 'postgres'))
  expect(await migrate(first.ownerUrl)).toContain('0001_foundation.sql')
  expect(await Promise.all([migrate(first.ownerUrl), migrate(first.ownerUrl)])).toEqual([[], []])
  await ask(first.url, `insert into teachers values ('t', 'n', 'x', 'b')`)
  await expect(startEmbeddedPostgres(join(folder, 'postgres'))).rejects.toThrow(DataFolderInUseError)
  await first.stop()

  const second = await startEmbeddedPostgres(join(folder, 'postgres'))
  expect(await ask(second.url, 'select name from teachers')).toEqual([{ name: 'n' }])
  await second.stop()
})

test('comes back after kill -9, with everything that was committed', async () => {
  const server = await startEmbeddedPostgres(join(folder, 'postgres'))
  await ask(server.url, `insert into teachers values ('k', 'killed', 'x', 'b')`)
  const pid = Number(readFileSync(join(folder, 'postgres/cluster/postmaster.pid'), 'utf8').split('\n')[0])
  process.kill(pid, 'SIGKILL')
  await server.lost
  const again = await startEmbeddedPostgres(join(folder, 'postgres'))
  expect(await ask(again.url, `select name from teachers where slug = 'k'`)).toEqual([{ name: 'killed' }])
  await again.stop()
})

test('keeps its ownership of the folder when PostgreSQL ends every session', async () => {
  const server = await startEmbeddedPostgres(join(folder, 'postgres'))
  const client = new pg.Client({ connectionString: server.url })
  client.on('error', () => {})
  await client.connect()
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  const ended = new Promise((done) => client.once('end', done))
  process.kill(Number(rows[0]?.pid), 'SIGKILL')
  await ended
  await expect(startEmbeddedPostgres(join(folder, 'postgres'))).rejects.toThrow(DataFolderInUseError)
  expect(await ask(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
  await server.stop()
})
