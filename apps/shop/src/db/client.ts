/**
 * A node-postgres client over a socket of its own, which can be destroyed at once. Statements sent in one turn leave in
 * one packet, since on small machines packets cost more than statements. Each statement has a name, so that the server
 * parses and plans it once per connection.
 */
import { createHash } from 'node:crypto'
import { Socket } from 'node:net'
import pg from 'pg'
import type { Servers } from './hosts.ts'

/** Where a pool connects: to the primary, or, for `readable`, to a standby while there is no primary. */
export type Wanted = 'primary' | 'readable'

const DEFAULT_PORT = 5432

/**
 * Statements with lists of different lengths could grow without bound, so each connection prepares at most this many.
 */
const MAX_PREPARED = 400

/** "cached plan must not change result type": a migration has changed a table under an open connection. */
const PLAN_OUTDATED = '0A000'

export class SocketClient extends pg.Client {
  readonly #socket: Socket
  readonly #prepared = new Set<string>()
  #generation = 0
  #gathering = false

  constructor(config: pg.ClientConfig = {}) {
    const socket = new Socket()
    super({ ...config, stream: () => socket })
    this.#socket = socket
  }

  /** Breaks the connection: pending queries fail at once, and the pool drops this client. */
  destroy(): void {
    this.#socket.destroy()
  }

  /** Sends a named statement, in one packet with everything else sent in this turn of the event loop. */
  async run(text: string, values: readonly unknown[]): Promise<pg.QueryResult> {
    this.#gather()
    if (!this.#prepared.has(text) && this.#prepared.size >= MAX_PREPARED) return this.query(text, [...values])
    this.#prepared.add(text)
    try {
      return await this.query({ name: `${nameOf(text)}${this.#generation}`, text, values: [...values] })
    } catch (error) {
      if (error instanceof pg.DatabaseError && error.code === PLAN_OUTDATED) this.#generation += 1
      throw error
    }
  }

  #gather(): void {
    if (this.#gathering) return
    this.#gathering = true
    this.#socket.cork()
    process.nextTick(() => {
      this.#gathering = false
      this.#socket.uncork()
    })
  }
}

const names = new Map<string, string>()

function nameOf(text: string): string {
  const known = names.get(text)
  if (known) return known
  const name = createHash('sha256').update(text).digest('base64url').slice(0, 24)
  if (names.size < 10 * MAX_PREPARED) names.set(text, name)
  return name
}

/** A client that looks up its server when it connects, and breaks when that is no longer the right server. */
export function clientFor(servers: Servers, wanted: Wanted): typeof SocketClient {
  return class PlacedClient extends SocketClient {
    override connect(): Promise<pg.Client>
    override connect(callback: (error: Error | null) => void): void
    override connect(callback?: (error: Error | null) => void): Promise<pg.Client> | undefined {
      const connected = this.#connect()
      if (!callback) return connected
      connected.then(() => callback(null), callback)
      return undefined
    }

    async #connect(): Promise<pg.Client> {
      const address = await servers[wanted]()
      const { hostname, port } = new URL(address)
      Object.assign(this, { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || DEFAULT_PORT) })
      const letGo = servers.hold(address, () => this.destroy())
      this.once('end', letGo)
      return super.connect()
    }
  }
}
