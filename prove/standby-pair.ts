/** Two PostgreSQL servers: a primary, and a standby that has every commit on disk before it is acknowledged. */
import { execFileSync } from 'node:child_process'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { findPrograms } from '../apps/shop/src/db/embedded/programs.ts'
import { ROLES, singleUser } from '../apps/shop/src/db/embedded/roles.ts'
import { startEmbeddedPostgres } from '../apps/shop/src/db/embedded/server.ts'
import { freePort, until } from '../tests/harness/system.ts'

export interface StandbyPair {
  /** Names both servers. */
  readonly url: string
  /** `kill -9` of the primary's postmaster; its other processes then end at once. */
  killPrimary(): void
  promoteStandby(): Promise<void>
  stop(): Promise<void>
}

export async function startStandbyPair(folder: string): Promise<StandbyPair> {
  const folders = { primary: join(folder, 'primary'), standby: join(folder, 'standby') }
  const ports = { primary: await freePort(), standby: await freePort() }
  const first = await startEmbeddedPostgres(folders.primary, { port: ports.primary })
  await first.stop()
  const programs = await findPrograms()
  // The shop's own roles may neither stream nor see replication.
  await singleUser(programs, join(folders.primary, 'cluster'), 'postgres', [
    `alter role ${ROLES.owner} replication`,
    `grant pg_read_all_stats to ${ROLES.owner}`,
  ])
  execFileSync('cp', ['-a', folders.primary, folders.standby])
  const { username, password } = new URL(first.ownerUrl)
  const upstream = `host=127.0.0.1 port=${ports.primary} user=${username} password=${password} application_name=standby`
  writeFileSync(join(folders.standby, 'cluster/standby.signal'), '')
  set(folders.standby, 'primary_conninfo', upstream)
  // Only on the primary: once promoted, the other server has no standby to wait for.
  set(folders.primary, 'synchronous_standby_names', 'standby')

  const primary = await startEmbeddedPostgres(folders.primary, { port: ports.primary })
  appendFileSync(
    join(folders.primary, 'cluster/pg_hba.conf'),
    `host replication ${ROLES.owner} 127.0.0.1/32 scram-sha-256\n`,
  )
  process.kill(postmasterOf(folders.primary), 'SIGHUP')
  const standby = await startEmbeddedPostgres(folders.standby, { port: ports.standby })
  const states = () => ask<{ state: string }>(primary.ownerUrl, 'select sync_state as state from pg_stat_replication')
  await until(states, ([row]) => row?.state === 'sync')
  return {
    url: (primary.ownerUrl.split('?')[0] ?? '').replace(/@([^/]+)/, `@$1,127.0.0.1:${ports.standby}`),
    killPrimary() {
      process.kill(postmasterOf(folders.primary), 'SIGKILL')
    },
    async promoteStandby() {
      // The same as `pg_ctl promote`.
      writeFileSync(join(folders.standby, 'cluster/promote'), '')
      process.kill(postmasterOf(folders.standby), 'SIGUSR1')
      await until(
        () => ask<{ standby: boolean }>(standby.ownerUrl, 'select pg_is_in_recovery() as standby'),
        ([row]) => row?.standby === false,
      )
    },
    async stop() {
      await Promise.all([primary.stop(), standby.stop()])
    },
  }
}

function postmasterOf(folder: string): number {
  return Number(readFileSync(join(folder, 'cluster/postmaster.pid'), 'utf8').split('\n')[0])
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
