/**
 * Publishes committed changes to every process through PostgreSQL (LISTEN/NOTIFY). A publication is a hint: it may be
 * lost with a process that dies, so subscribers also refresh by themselves.
 */
import { type Compilable, sql } from 'kysely'
import { SocketClient } from './client.ts'
import type { Servers } from './hosts.ts'
import { batchLoader } from './statements/batch-loader.ts'
import type { Database, Reader, Transaction } from './types.ts'

/** Triggers publish changes of the catalogue; code publishes changes of orders and settings. */
export const CHANNELS = ['order_changed', 'catalog_changed', 'settings_changed'] as const

export type Channel = (typeof CHANNELS)[number]

const RECONNECT_MS = 500

interface Publication {
  readonly channel: Channel
  readonly about: string
}

/** Builds the statement that publishes a change; in a transaction it takes effect at the commit. */
const publication = (tx: Reader, { channel, about }: Publication): Compilable<unknown> =>
  tx.selectNoFrom(sql<unknown>`pg_notify(${channel}, ${about})`.as('published'))

/** Publications that wait for the commit of a pipelined transaction. */
const pending = new WeakMap<Transaction, Publication[]>()

/** From now on, publications in this transaction are collected until its end. @returns the collected list */
export function collectPublications(tx: Transaction): Publication[] {
  const collected: Publication[] = []
  pending.set(tx, collected)
  return collected
}

/**
 * Publishes the change when the transaction is committed; not at all after a rollback. PostgreSQL serialises commits
 * that notify, each with its own flush to disk, so hot transactions (`pipelinedTransaction`) notify after the commit.
 */
export async function publishAfterCommit(tx: Transaction, channel: Channel, about: string): Promise<void> {
  const collected = pending.get(tx)
  if (collected) collected.push({ channel, about })
  else await tx.executeQuery(publication(tx, { channel, about }).compile())
}

export interface Publisher {
  /** Does not wait; a publication that cannot be sent is lost. */
  publish(publications: readonly Publication[]): void
  /** Resolves when all publications have been sent. */
  idle(): Promise<void>
}

const publishers = new WeakMap<Database, Publisher>()

/** Publishes outside of transactions; concurrent publications leave in one statement. */
export function publisherOf(db: Database): Publisher {
  const known = publishers.get(db)
  if (known) return known
  const send = batchLoader(async (publications: readonly Publication[]) => {
    const channels = publications.map(({ channel }) => channel)
    const abouts = publications.map(({ about }) => about)
    await sql`select pg_notify(channel, about) from unnest(${channels}::text[], ${abouts}::text[]) t (channel, about)`.execute(
      db,
    )
    return publications.map(() => undefined)
  })
  const leaving = new Set<Promise<unknown>>()
  const publisher: Publisher = {
    publish(publications) {
      for (const one of publications) {
        const sent: Promise<unknown> = send(one)
          .catch(() => {})
          .finally(() => leaving.delete(sent))
        leaving.add(sent)
      }
    },
    async idle() {
      await Promise.all(leaving)
    },
  }
  publishers.set(db, publisher)
  return publisher
}

export interface Subscriptions {
  /** Calls back with the changed item, or with undefined when anything may have changed; returns how to unsubscribe. */
  on(channel: Channel, listener: (about: string | undefined) => void): () => void
  /** Whether publications arrive at the moment, so that cached data can be trusted. */
  readonly live: boolean
  close(): Promise<void>
}

/**
 * Keeps a copy of stored settings fresh: reads them when a change is published, and regularly, since a publication may be
 * lost. @returns how to stop
 */
export function keepUp(copy: {
  readonly everyMs: number
  readonly look: () => void
  readonly subscriptions: Subscriptions | undefined
  readonly channel: Channel
  /** What to do on a publication, where that is not `look`. */
  readonly changed?: () => void
}): () => void {
  const timer = setInterval(copy.look, copy.everyMs).unref()
  const off = copy.subscriptions?.on(copy.channel, copy.changed ?? copy.look)
  return () => {
    clearInterval(timer)
    off?.()
  }
}

/**
 * Listens on a connection of its own. When that breaks, and again once it is back, all subscribers are called to
 * refresh.
 */
export function subscribe(servers: Servers): Subscriptions {
  const listeners = new Map<Channel, Set<(about: string | undefined) => void>>(
    CHANNELS.map((channel) => [channel, new Set()]),
  )
  let client: SocketClient | undefined
  let retry: NodeJS.Timeout | undefined
  let live = false
  let closed = false

  const tellAll = () => {
    for (const group of listeners.values()) for (const listener of group) listener(undefined)
  }

  const open = async () => {
    const address = await servers.primary().catch(() => undefined)
    if (closed) return
    if (address === undefined) {
      retry = setTimeout(open, RECONNECT_MS)
      return
    }
    const fresh = new SocketClient({ connectionString: address, keepAlive: true })
    const again = () => {
      letGo()
      if (closed || client !== fresh) return
      client = undefined
      live = false
      tellAll()
      retry = setTimeout(open, RECONNECT_MS)
    }
    // A server that is no longer the primary publishes nothing.
    const letGo = servers.hold(address, () => fresh.destroy())
    client = fresh
    fresh.on('error', again)
    fresh.on('end', again)
    fresh.on('notification', ({ channel, payload }) => {
      for (const listener of listeners.get(channel as Channel) ?? []) listener(payload ?? '')
    })
    try {
      await fresh.connect()
      for (const channel of CHANNELS) await fresh.query(`listen ${channel}`)
      live = true
      tellAll()
    } catch {
      again()
    }
  }
  void open()

  return {
    on(channel, listener) {
      const group = listeners.get(channel)
      group?.add(listener)
      return () => group?.delete(listener)
    },
    get live() {
      return live
    },
    async close() {
      closed = true
      live = false
      clearTimeout(retry)
      await client?.end().catch(() => {})
    },
  }
}
