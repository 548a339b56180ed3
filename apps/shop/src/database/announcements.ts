/**
 * Word of a change, from whichever process made it to every other. PostgreSQL carries it (LISTEN/NOTIFY), and only once
 * the change is committed. Whoever listens is also told when word may have been lost.
 */
import { sql } from 'kysely'
import pg from 'pg'
import type { Reader } from './connect.ts'
import type { Servers } from './hosts.ts'

/** Triggers announce the catalogue; everything else is announced by whoever changes it. */
export const CHANNELS = ['order_changed', 'catalog_changed', 'settings_changed'] as const

export type Channel = (typeof CHANNELS)[number]

const RECONNECT_MS = 500

/** The statement that announces a change, once its transaction is committed. */
export const announcement = (tx: Reader, channel: Channel, about: string) =>
  tx.selectNoFrom(sql<unknown>`pg_notify(${channel}, ${about})`.as('announced'))

export interface Announcements {
  /** Calls back with what changed, or with undefined when anything may have; returns how to stop. */
  on(channel: Channel, heard: (about: string | undefined) => void): () => void
  /** Whether word of a change arrives just now: what is kept in memory may be believed. */
  readonly live: boolean
  close(): Promise<void>
}

/** Listens on a connection of its own. When that breaks, everyone is told to look again, then and once it is back. */
export function listenForAnnouncements(servers: Servers): Announcements {
  const listeners = new Map<Channel, Set<(about: string | undefined) => void>>(
    CHANNELS.map((channel) => [channel, new Set()]),
  )
  let client: pg.Client | undefined
  let retry: NodeJS.Timeout | undefined
  let live = false
  let closed = false

  const tellAll = () => {
    for (const group of listeners.values()) for (const heard of group) heard(undefined)
  }

  const open = async () => {
    const address = await servers.primary().catch(() => undefined)
    if (closed) return
    if (address === undefined) {
      retry = setTimeout(open, RECONNECT_MS)
      return
    }
    const fresh = new pg.Client({ connectionString: address, keepAlive: true })
    const again = () => {
      letGo()
      if (closed || client !== fresh) return
      client = undefined
      live = false
      tellAll()
      retry = setTimeout(open, RECONNECT_MS)
    }
    // At a server that is primary no more, nothing is announced.
    const letGo = servers.hold(address, () => fresh.connection.stream.destroy())
    client = fresh
    fresh.on('error', again)
    fresh.on('end', again)
    fresh.on('notification', ({ channel, payload }) => {
      for (const heard of listeners.get(channel as Channel) ?? []) heard(payload ?? '')
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
    on(channel, heard) {
      const group = listeners.get(channel)
      group?.add(heard)
      return () => group?.delete(heard)
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
