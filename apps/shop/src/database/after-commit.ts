/**
 * Announcements that leave once their transaction is committed, several in one statement. In the transaction itself they
 * would cost much: PostgreSQL makes commits that announce one by one, each with its own flush to the disk. What is lost
 * with a process that dies in between is a hint; whoever waits for it looks again by itself.
 */
import {
  type DatabaseConnection,
  type Driver,
  PostgresDialect,
  type PostgresDialectConfig,
  PostgresDriver,
} from 'kysely'
import type pg from 'pg'
import type { Channel } from './announcements.ts'
import { inBatches } from './batches.ts'
import type { Transaction } from './connect.ts'

interface Announcement {
  readonly channel: Channel
  readonly about: string
}

const waiting = new WeakMap<DatabaseConnection, Announcement[]>()
const drivers = new WeakMap<DatabaseConnection, AnnouncingDriver>()

/** Announces the change when the transaction is committed; not at all if it is rolled back. */
export async function announceAfterCommit(tx: Transaction, channel: Channel, about: string): Promise<void> {
  await tx.getExecutor().provideConnection(async (connection) => {
    waiting.set(connection, [...(waiting.get(connection) ?? []), { channel, about }])
  })
}

/** For who ends a transaction by statements of its own: what waits for its commit is announced, or forgotten. */
export async function afterCommit(tx: Transaction, committed: boolean): Promise<void> {
  await tx.getExecutor().provideConnection(async (connection) => {
    if (committed) drivers.get(connection)?.announceWaiting(connection)
    else waiting.delete(connection)
  })
}

/** PostgreSQL over a pool, announcing after commits. */
export class AnnouncingDialect extends PostgresDialect {
  readonly #config: PostgresDialectConfig & { pool: pg.Pool }

  constructor(config: PostgresDialectConfig & { pool: pg.Pool }) {
    super(config)
    this.#config = config
  }

  override createDriver(): Driver {
    return new AnnouncingDriver(this.#config)
  }
}

class AnnouncingDriver extends PostgresDriver {
  readonly #announce: (announcement: Announcement) => Promise<unknown>
  readonly #leaving = new Set<Promise<unknown>>()

  constructor(config: PostgresDialectConfig & { pool: pg.Pool }) {
    super(config)
    this.#announce = inBatches(async (announcements: readonly Announcement[]) => {
      await config.pool.query({
        name: 'announce',
        text: 'select pg_notify(channel, about) from unnest($1::text[], $2::text[]) as t (channel, about)',
        values: [announcements.map(({ channel }) => channel), announcements.map(({ about }) => about)],
      })
      return announcements.map(() => undefined)
    })
  }

  override async acquireConnection(...how: Parameters<PostgresDriver['acquireConnection']>) {
    const connection = await super.acquireConnection(...how)
    drivers.set(connection, this)
    return connection
  }

  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await super.commitTransaction(connection)
    this.announceWaiting(connection)
  }

  announceWaiting(connection: DatabaseConnection): void {
    const announcements = waiting.get(connection) ?? []
    waiting.delete(connection)
    for (const announcement of announcements) {
      const leaving = this.#announce(announcement)
        .catch(() => {})
        .finally(() => this.#leaving.delete(leaving))
      this.#leaving.add(leaving)
    }
  }

  override async rollbackTransaction(connection: Parameters<PostgresDriver['rollbackTransaction']>[0]): Promise<void> {
    waiting.delete(connection)
    await super.rollbackTransaction(connection)
  }

  override async destroy(): Promise<void> {
    await Promise.all(this.#leaving)
    await super.destroy()
  }
}
