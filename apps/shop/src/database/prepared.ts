/**
 * A connection that has the server parse and plan each statement once: the text of a statement is its name. What is
 * written with values in it, or asked for under a name already, stays as it is. Statements sent at once leave at once.
 */
import { createHash } from 'node:crypto'
import type { Writable } from 'node:stream'
import pg from 'pg'

/** Statements with lists of every length could go on for ever; a connection remembers so many. */
const MOST = 400

/** "cached plan must not change result type": a migration has changed a table under an open connection. */
const PLAN_OUTDATED = '0A000'

const names = new Map<string, string>()

function nameOf(text: string): string {
  const known = names.get(text)
  if (known) return known
  const name = createHash('sha256').update(text).digest('base64url').slice(0, 24)
  if (names.size < 10 * MOST) names.set(text, name)
  return name
}

/** What node-postgres says of its connection nowhere but in its code. */
interface Wired {
  readonly connection: { readonly stream: Writable }
}

export interface PreparingConfig {
  /** Hears the code of every statement that PostgreSQL refused. */
  readonly failed?: (code: string) => void
}

type Query = (config: unknown, values?: unknown, callback?: unknown) => unknown

export class PreparingClient extends pg.Client {
  readonly #prepared = new Set<string>()
  #generation = 0
  #gathering = false

  constructor(config?: string | (pg.ClientConfig & PreparingConfig)) {
    super(config)
    const failed = typeof config === 'object' ? config.failed : undefined
    const plain = this.query.bind(this) as Query
    const prepare: Query = (config, values, callback) => {
      if (typeof config !== 'string' || !Array.isArray(values) || callback !== undefined) {
        return plain(config, values, callback)
      }
      if (!this.#prepared.has(config) && this.#prepared.size >= MOST) return plain(config, values)
      this.#prepared.add(config)
      const name = `${nameOf(config)}${this.#generation}`
      return (plain({ name, text: config, values }) as Promise<pg.QueryResult>).catch((error: unknown) => {
        if (error instanceof pg.DatabaseError) {
          if (error.code === PLAN_OUTDATED) this.#generation += 1
          failed?.(error.code ?? '')
        }
        throw error
      })
    }
    this.query = ((config, values, callback) => {
      this.#gather()
      return prepare(config, values, callback)
    }) as Query as typeof this.query
  }

  /** Statements sent in one go leave in one packet: on small machines packets cost more than statements. */
  #gather(): void {
    if (this.#gathering) return
    const { stream } = (this as unknown as Wired).connection
    this.#gathering = true
    stream.cork()
    process.nextTick(() => {
      this.#gathering = false
      stream.uncork()
    })
  }
}
