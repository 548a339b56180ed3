/** Two PostgreSQL servers: a primary, and a standby that has each commit on its disk before anybody is told of it. */
import { execFileSync } from 'node:child_process'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres } from '../apps/shop/src/database/embedded.ts'
import { freePort, until } from '../tests/harness/system.ts'

export interface StandbyPair {
  /** Names both servers. */
  readonly url: string
  /** `kill -9` of the primary's postmaster; its other processes end by themselves at once. */
  killPrimary(): void
  promoteStandby(): Promise<void>
  stop(): Promise<void>
}

export async function startStandbyPair(folder: string): Promise<StandbyPair> {
  const folders = { primary: join(folder, 'primary'), standby: join(folder, 'standby') }
  const ports = { primary: await freePort(), standby: await freePort() }
  const first = await startEmbeddedPostgres(folders.primary, { port: ports.primary })
  await first.stop()
  execFileSync('cp', ['-a', folders.primary, folders.standby])
  const { username, password } = new URL(first.url)
  const upstream = `host=127.0.0.1 port=${ports.primary} user=${username} password=${password} application_name=standby`
  writeFileSync(join(folders.standby, 'cluster/standby.signal'), '')
  set(folders.standby, 'primary_conninfo', upstream)
  // Only here: once promoted, the other has no standby of its own to wait for.
  set(folders.primary, 'synchronous_standby_names', 'standby')

  const primary = await startEmbeddedPostgres(folders.primary, { port: ports.primary })
  const standby = await startEmbeddedPostgres(folders.standby, { port: ports.standby })
  const states = () => ask<{ state: string }>(primary.url, 'select sync_state as state from pg_stat_replication')
  await until(states, ([row]) => row?.state === 'sync')
  return {
    url: primary.networkUrl.replace(/@([^/]+)/, `@$1,127.0.0.1:${ports.standby}`),
    killPrimary() {
      const [pid] = readFileSync(join(folders.primary, 'cluster/postmaster.pid'), 'utf8').split('\n')
      process.kill(Number(pid), 'SIGKILL')
    },
    async promoteStandby() {
      await ask(standby.url, 'select pg_promote()')
    },
    async stop() {
      await Promise.all([primary.stop(), standby.stop()])
    },
  }
}

function set(folder: string, name: string, value: string): void {
  appendFileSync(join(folder, 'cluster/postgresql.auto.conf'), `${name} = '${value}'\n`)
}

async function ask<Row extends pg.QueryResultRow>(connectionString: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}
