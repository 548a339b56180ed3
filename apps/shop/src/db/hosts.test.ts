import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectTo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, expect, test } from 'vitest'
import { type Connection, connect } from './connect.ts'
import { startEmbeddedPostgres } from './embedded/server.ts'
import { addressesOf, followServers, NoPrimaryError } from './hosts.ts'
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
])('one address per server: %s', (url, addresses) => {
  expect(addressesOf(url)).toEqual(addresses)
})

/** A proxy to a server that can stop forwarding without closing its connections, like a pulled cable. */
async function cableTo(port: number) {
  const ends: Socket[] = []
  const cable = createServer((from) => {
    const to = connectTo(port, '127.0.0.1')
    for (const end of [from, to]) ends.push(end.on('error', () => {}))
    from.pipe(to).pipe(from)
    if (pulled) from.pause()
  })
  let pulled = false
  cable.listen(0, '127.0.0.1')
  await once(cable, 'listening')
  const set = (state: boolean) => {
    pulled = state
    for (const end of ends) state ? end.pause() : end.resume()
  }
  const address = cable.address()
  if (!address || typeof address === 'string') throw new Error('A port is needed')
  return { port: address.port, pull: () => set(true), mend: () => set(false), close: () => cable.close() }
}

/** What `pg_ctl promote` does; the shop's roles may not. */
function promote(place: string): void {
  const [postmaster] = readFileSync(join(place, 'cluster/postmaster.pid'), 'utf8').split('\n')
  writeFileSync(join(place, 'cluster/promote'), '')
  process.kill(Number(postmaster), 'SIGUSR1')
}

test('pools follow the primary through a pulled cable, its end, a promotion, and its coming back', {
  timeout: 240_000,
}, async () => {
  const first = await startEmbeddedPostgres(join(folder, 'one'))
  await first.stop()
  execFileSync('cp', ['-a', join(folder, 'one'), join(folder, 'two')])
  writeFileSync(join(folder, 'two/cluster/standby.signal'), '')
  const [one, two] = await Promise.all(['one', 'two'].map((name) => startEmbeddedPostgres(join(folder, name))))
  if (!one || !two) throw new Error('Two servers are needed')
  const cable = await cableTo(one.port)
  const both = (two.ownerUrl.split('?')[0] ?? '').replace(/@([^/]+)/, `@$1,127.0.0.1:${cable.port}`)
  const writers = connect(both, 3)
  const readers = connect(both, 3, 'readable')
  const portOf = async ({ pool }: Connection): Promise<number> =>
    (await pool.query<{ port: number }>('select inet_server_port() as port')).rows[0]?.port ?? 0
  try {
    await migrate(both)
    await sql`create table entries (word text)`.execute(writers.db)
    expect([await portOf(writers), await portOf(readers)]).toEqual([one.port, one.port])

    cable.pull()
    const pulled = performance.now()
    await expect(portOf(writers)).rejects.toThrow('Connection terminated')
    expect(performance.now() - pulled).toBeLessThan(5000)
    await expect(writers.pool.query('select 1')).rejects.toThrow(NoPrimaryError)
    await expect.poll(() => portOf(readers).catch(() => 0)).toBe(two.port)
    await expect(readers.pool.query('create table refused ()')).rejects.toMatchObject({ code: '25006' })

    cable.mend()
    await expect.poll(() => portOf(readers).catch(() => 0), { timeout: 10_000 }).toBe(one.port)
    await expect.poll(() => portOf(writers).catch(() => 0)).toBe(one.port)

    await one.stop()
    await expect.poll(() => portOf(readers).catch(() => 0)).toBe(two.port)
    await expect(sql`insert into entries values ('lost')`.execute(writers.db)).rejects.toThrow(NoPrimaryError)
    promote(join(folder, 'two'))
    await expect.poll(() => portOf(writers).catch(() => 0)).toBe(two.port)
    await readers.pool.query('create table promoted ()')

    // The old primary still takes writes; the shop must use the promoted one.
    const back = await startEmbeddedPostgres(join(folder, 'one'), { port: one.port })
    const servers = followServers(both)
    try {
      await expect.poll(async () => new URL(await servers.primary()).port).toBe(String(two.port))
      expect([await portOf(writers), await portOf(readers)]).toEqual([two.port, two.port])
    } finally {
      servers.close()
      await back.stop()
    }
  } finally {
    await Promise.all([writers.close(), readers.close()])
    cable.close()
    await Promise.all([one.stop(), two.stop()])
  }
})
