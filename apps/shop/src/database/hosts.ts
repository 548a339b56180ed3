/**
 * A database address that names several servers, `postgres://user:password@a:5432,b:5432/shop`: a primary and its
 * standbys. Each of them is asked again and again what it is, so that every connection is at the one that takes writes,
 * and none stays at a machine that is gone, frozen, or primary no more.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

const ASK_EVERY_MS = 500
/** So long may a server take to say what it is; one that takes longer, twice, is away. */
const ANSWER_LIMIT_MS = 1500

/** One address a server, in the order given. An address with one host is returned as it is. */
export function addressesOf(url: string): string[] {
  const parts = /^(postgres(?:ql)?:\/\/(?:[^/?]*@)?)([^@/?]+)(.*)$/.exec(url)
  const [, before = '', hosts = '', after = ''] = parts ?? []
  if (!hosts.includes(',')) return [url]
  // What libpq reads from the address is what this file does; node-postgres does not know the word.
  const rest = after.replace(/([?&])target_session_attrs=[^&]*(&|$)/, (_all, start, end) => (end ? start : ''))
  return hosts.split(',').map((host) => `${before}${host}${rest}`)
}

/** No server of several takes writes just now; safe to repeat later. */
export class NoPrimaryError extends Error {
  override readonly name = 'NoPrimaryError'
  readonly code = '57P03'
}

/** Which of the servers to connect to. */
export interface Servers {
  /** The address of the one that takes writes. @throws NoPrimaryError when none does */
  primary(): Promise<string>
  /** The same or, while there is none, of one that can be read. @throws NoPrimaryError when none answers */
  readable(): Promise<string>
  /** Something is connected there: `drop` is called once it should be no longer. Returns how to take that back. */
  hold(address: string, drop: () => void): () => void
  close(): void
}

/** Follows the servers of an address until closed. A single one is not asked what it is. */
export function followServers(url: string): Servers {
  const addresses = addressesOf(url)
  if (addresses.length === 1) {
    const only = async () => url
    return { primary: only, readable: only, hold: () => () => {}, close() {} }
  }
  const held = new Map<() => void, string>()
  const servers = addresses.map((address) => followServer(address, dropMisplaced))

  /** Of two that both take writes, the one that was promoted later: the other is an old primary that came back. */
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

/** The address that takes writes just now. @throws NoPrimaryError when none answers in time as a primary */
export async function primaryAddress(url: string): Promise<string> {
  const servers = followServers(url)
  try {
    return await servers.primary()
  } finally {
    servers.close()
  }
}

interface Seen {
  readonly role: 'primary' | 'standby' | 'away'
  /** Grows with each promotion. */
  readonly timeline: number
}

interface Server {
  readonly address: string
  /** Undefined from when its connection broke until it has answered, or has not in time. */
  readonly seen: Seen | undefined
  /** Resolves with the next answer, or once there was none. */
  answered(): Promise<void>
  close(): void
}

const WHAT_ARE_YOU = `select pg_is_in_recovery() as standby,
  case when pg_is_in_recovery() then null else pg_walfile_name(pg_current_wal_lsn()) end as file`

/** Asks one server over a connection that stays open; when that breaks, over a new one. */
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

  const ask = async (): Promise<Seen | undefined> => {
    try {
      client ??= await open()
      const { rows } = await client.query<{ standby: boolean; file: string | null }>(WHAT_ARE_YOU)
      const [{ standby, file } = { standby: true, file: null }] = rows
      if (standby) return { role: 'standby', timeline: 0 }
      // The first eight digits of the name of a file of the log are the timeline.
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
      // Twice: it may be this process that had no time to listen.
      seen = (await ask()) ?? (await ask()) ?? { role: 'away', timeline: 0 }
      const before = answer
      answer = Promise.withResolvers<void>()
      before.resolve()
      changed()
      waiting = new AbortController()
      await sleep(ASK_EVERY_MS, undefined, { signal: waiting.signal, ref: false }).catch(() => {})
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
