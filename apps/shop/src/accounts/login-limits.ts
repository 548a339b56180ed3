/** Limits on wrong passwords, counted in the database so that every server process sees the same count. */
import { sql } from 'kysely'
import type { Database } from '../database/connect.ts'
import { ShopError } from '../errors.ts'

const WINDOW_MINUTES = 15

/** Wrong passwords allowed in a window: few for one name from one address, more for a name, most for an address. */
const LIMITS = { pair: 8, name: 40, address: 100 }

interface Attempt {
  readonly username: string
  readonly address: string
}

const keysOf = ({ username, address }: Attempt) => [
  { key: `pair:${username.toLowerCase()}:${address}`, limit: LIMITS.pair },
  { key: `name:${username.toLowerCase()}`, limit: LIMITS.name },
  { key: `address:${address}`, limit: LIMITS.address },
]

/** @throws ShopError TOO_MANY_ATTEMPTS, with the seconds until the window ends. */
export async function refuseWhenLimited(db: Database, attempt: Attempt, now: Date): Promise<void> {
  const keys = keysOf(attempt)
  const rows = await db
    .selectFrom('login_failures')
    .selectAll()
    .where(
      'key',
      'in',
      keys.map(({ key }) => key),
    )
    .where('window_ends_at', '>', now)
    .execute()
  const over = rows.filter((row) => row.failures >= (keys.find(({ key }) => key === row.key)?.limit ?? 0))
  if (over.length === 0) return
  const until = Math.max(...over.map((row) => row.window_ends_at.getTime()))
  throw new ShopError('TOO_MANY_ATTEMPTS', {
    retryAfterSeconds: Math.max(1, Math.ceil((until - now.getTime()) / 1000)),
  })
}

export async function countFailure(db: Database, attempt: Attempt, now: Date): Promise<void> {
  const ends = new Date(now.getTime() + WINDOW_MINUTES * 60_000)
  await db
    .insertInto('login_failures')
    // Sorted, so that two at once take the rows in the same order.
    .values(
      keysOf(attempt)
        .map(({ key }) => ({ key, failures: 1, window_ends_at: ends }))
        .sort((a, b) => (a.key < b.key ? -1 : 1)),
    )
    .onConflict((conflict) =>
      conflict.column('key').doUpdateSet({
        failures: sql`case when login_failures.window_ends_at > ${now} then login_failures.failures + 1 else 1 end`,
        window_ends_at: sql`case when login_failures.window_ends_at > ${now} then login_failures.window_ends_at else ${ends} end`,
      }),
    )
    .execute()
}

/** A right password forgives the wrong ones before it, for this name from this address. */
export async function forgiveFailures(db: Database, attempt: Attempt): Promise<void> {
  const [pair] = keysOf(attempt)
  if (pair) await db.deleteFrom('login_failures').where('key', '=', pair.key).execute()
}

/** Forgets windows that ended. */
export async function forgetFailures(db: Database, before: Date): Promise<void> {
  await db.deleteFrom('login_failures').where('window_ends_at', '<', before).execute()
}
