/**
 * A database address with several servers, `postgres://user:password@a:5432,b:5432/shop`: a primary and its standbys.
 * Each server's role is polled, so that every connection goes to the one that takes writes, and none stays at a server
 * that is gone, frozen, or no longer the primary.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

const POLL_EVERY_MS = 500
/** The time for an answer; a server that is late twice in a row counts as away. */
const ANSWER_LIMIT_MS = 1500

/** One address per server, in the given order. An address with one host is returned unchanged. */
export function addressesOf(url: string): string[] {
  const parts = /^(postgres(?:ql)?:\/\/(?:[^/?]*@)?)([^@/?]+)(.*)$/.exec(url)
  const [, before = '', hosts = '', after = ''] = parts ?? []
  if (!hosts.includes(',')) return [url]
  // This file does what libpq's `target_session_attrs` asks for; node-postgres does not know the parameter.
  const rest = after.replace(/([?&])target_session_attrs=[^&]*(&|$)/, (_all, start, end) => (end ? start : ''))
  return hosts.split(',').map((host) => `${before}${host}${rest}`)
}

/** None of several servers takes writes at the moment; safe to retry later. */
export class NoPrimaryError extends Error {
  override readonly name = 'NoPrimaryError'
  readonly code = '57P03'
}

/** Which of the servers to connect to. */
export interface Servers {
  /** The address of the server that takes writes. @throws NoPrimaryError when none does */
  primary(): Promise<string>
  /** The primary's address or, without a primary, a standby's. @throws NoPrimaryError when none answers */
  readable(): Promise<string>
  /**
   * Registers a connection to an address; `drop` is called when that address is no longer right. Returns how to
   * unregister.
   */
  hold(address: string, drop: () => void): () => void
  close(): void
}

/** Follows the servers' roles until closed. A single server is not polled. */
export function followServers(url: string): Servers {
  const addresses = addressesOf(url)
  if (addresses.length === 1) {
    const only = async () => url
    return { primary: only, readable: only, hold: () => () => {}, close() {} }
  }
  const held = new Map<() => void, string>()
  const servers = addresses.map((address) => followServer(address, dropMisplaced))

  /** Of two primaries, the one that was promoted later: the other is an old primary that came back. */
  function currentPrimary(): Server | undefined {
    const primaries = servers.filter(({ seen }) => seen?.role === 'primary')
    return primaries.sort((left, right) => (right.seen?.timeline ?? 0) - (left.seen?.timeline ?? 0))[0]
  }

  function dropMisplaced(): void {
    const primary = currentPrimary()
    for (const [drop, address] of held) {
      if (address === primary?.address) continue
      const role = servers.find((server) => server.address === address)?.seen?.role
      if (role === 'away' || (primary && role !== undefined)) drop()
    }
  }

  const find = async (readable: boolean): Promise<string> => {
    for (;;) {
      const primary = currentPrimary()
      if (primary) return primary.address
      const unknown = servers.filter(({ seen }) => seen === undefined)
      if (unknown.length === 0) break
      await Promise.race(unknown.map((server) => server.answered()))
    }
    const standby = readable ? servers.find(({ seen }) => seen?.role === 'standby') : undefined
    if (standby) return standby.address
    throw new NoPrimaryError('None of the database servers takes writes')
  }

  return {
    primary: () => find(false),
    readable: () => find(true),
    hold(address, drop) {
      held.set(drop, address)
      return () => held.delete(drop)
    },
    close() {
      for (const server of servers) server.close()
    },
  }
}

/** The primary's current address. @throws NoPrimaryError when no server answers in time as a primary */
export async function primaryAddress(url: string): Promise<string> {
  const servers = followServers(url)
  try {
    return await servers.primary()
  } finally {
    servers.close()
  }
}

/** One connection for one piece of work, outside of any pool, to the server that takes writes. */
export async function withClient<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
  connectionTimeoutMillis = 0,
): Promise<Result> {
  const client = new pg.Client({ connectionString: await primaryAddress(url), connectionTimeoutMillis })
  client.on('error', () => {})
  try {
    await client.connect()
    return await work(client)
  } finally {
    await client.end().catch(() => {})
  }
}

interface Seen {
  readonly role: 'primary' | 'standby' | 'away'
  /** Increases with each promotion. */
  readonly timeline: number
}

interface Server {
  readonly address: string
  /** Undefined while it is unknown: from a broken connection until the next answer or timeout. */
  readonly seen: Seen | undefined
  /** Resolves with the next answer or timeout. */
  answered(): Promise<void>
  close(): void
}

const ROLE_QUERY = `select pg_is_in_recovery() as standby,
  case when pg_is_in_recovery() then null else pg_walfile_name(pg_current_wal_lsn()) end as file`

/** Polls one server over a connection that stays open, and reconnects when it breaks. */
function followServer(address: string, changed: () => void): Server {
  let seen: Seen | undefined
  let client: pg.Client | undefined
  let answer = Promise.withResolvers<void>()
  let waiting = new AbortController()
  let closed = false

  const open = async (): Promise<pg.Client> => {
    const fresh = new pg.Client({
      connectionString: address,
      connectionTimeoutMillis: ANSWER_LIMIT_MS,
      query_timeout: ANSWER_LIMIT_MS,
    })
    fresh.on('error', () => {})
    fresh.once('end', () => {
      if (client !== fresh) return
      client = undefined
      seen = undefined
      waiting.abort()
    })
    await fresh.connect()
    return fresh
  }

  const poll = async (): Promise<Seen | undefined> => {
    try {
      client ??= await open()
      const { rows } = await client.query<{ standby: boolean; file: string | null }>(ROLE_QUERY)
      const [{ standby, file } = { standby: true, file: null }] = rows
      if (standby) return { role: 'standby', timeline: 0 }
      // The first eight hexadecimal digits of a WAL file's name are the timeline.
      return { role: 'primary', timeline: Number.parseInt(file?.slice(0, 8) ?? '0', 16) }
    } catch {
      const broken = client
      client = undefined
      void broken?.end().catch(() => {})
      return undefined
    }
  }

  const follow = async (): Promise<void> => {
    while (!closed) {
      // Try twice: it may be this process that was too busy to read the answer.
      seen = (await poll()) ?? (await poll()) ?? { role: 'away', timeline: 0 }
      const before = answer
      answer = Promise.withResolvers<void>()
      before.resolve()
      changed()
      waiting = new AbortController()
      await sleep(POLL_EVERY_MS, undefined, { signal: waiting.signal, ref: false }).catch(() => {})
    }
    await client?.end().catch(() => {})
  }
  void follow()

  return {
    address,
    get seen() {
      return seen
    },
    answered: () => answer.promise,
    close() {
      closed = true
      waiting.abort()
    },
  }
}
