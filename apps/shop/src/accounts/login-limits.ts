/** Limits on wrong passwords and codes, counted in the database so that every server process sees the same count. */
import { isIPv6 } from 'node:net'
import { sql } from 'kysely'
import type { Database } from '../database/connect.ts'
import { ShopError } from '../errors.ts'

const WINDOW_MINUTES = 15

/** Wrong passwords allowed in a window: few for one name from one address, more for a name, most for an address. */
const LIMITS = { pair: 8, name: 40, address: 100 }

/** Wrong codes of one person: of a million, three are right at a time. */
const CODE_LIMIT = 5

interface Limit {
  readonly key: string
  readonly limit: number
}

interface Attempt {
  readonly username: string
  readonly address: string
}

function keysOf({ username, address }: Attempt): Limit[] {
  const from = lineOf(address)
  return [
    { key: `pair:${username.toLowerCase()}:${from}`, limit: LIMITS.pair },
    { key: `name:${username.toLowerCase()}`, limit: LIMITS.name },
    { key: `address:${from}`, limit: LIMITS.address },
  ]
}

/** Whoever has a line with IPv6 has 2^64 addresses of it: the line is counted, not the address. */
export function lineOf(address: string): string {
  const v4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (v4) return v4
  if (!isIPv6(address)) return address
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::')
  const groups = head === '' ? [] : head.split(':')
  const after = tail ? tail.split(':') : []
  const zeros = tail === undefined ? 0 : 8 - groups.length - after.length - Number(address.includes('.'))
  const all = [...groups, ...Array.from({ length: zeros }, () => '0'), ...after]
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}

/** Counts an attempt as failed until it is forgiven. @throws ShopError TOO_MANY_ATTEMPTS, with the seconds until the window ends */
export const countAttempt = (db: Database, attempt: Attempt, now: Date): Promise<void> =>
  count(db, keysOf(attempt), now)

/** As `countAttempt`, for a code that somebody who knows the password tries. @throws ShopError TOO_MANY_ATTEMPTS */
export const countCode = (db: Database, userId: number, now: Date): Promise<void> =>
  count(db, [{ key: `code:${userId}`, limit: CODE_LIMIT }], now)

/** A right code forgives the wrong ones before it. */
export async function forgiveCode(db: Database, userId: number): Promise<void> {
  await db.deleteFrom('login_failures').where('key', '=', `code:${userId}`).execute()
}

async function count(db: Database, keys: readonly Limit[], now: Date): Promise<void> {
  const ends = new Date(now.getTime() + WINDOW_MINUTES * 60_000)
  // Sorted, so that two at once take the rows in the same order.
  const names = keys.map(({ key }) => key).sort()
  const rows = await db
    .insertInto('login_failures')
    .values(names.map((key) => ({ key, failures: 1, window_ends_at: ends })))
    .onConflict((conflict) =>
      conflict.column('key').doUpdateSet({
        failures: sql`case when login_failures.window_ends_at > ${now} then login_failures.failures + 1 else 1 end`,
        window_ends_at: sql`case when login_failures.window_ends_at > ${now} then login_failures.window_ends_at else ${ends} end`,
      }),
    )
    .returning(['key', 'failures', 'window_ends_at'])
    .execute()
  const over = rows.filter((row) => row.failures > (keys.find(({ key }) => key === row.key)?.limit ?? 0))
  if (over.length === 0) return
  const until = Math.max(...over.map((row) => row.window_ends_at.getTime()))
  throw new ShopError('TOO_MANY_ATTEMPTS', {
    retryAfterSeconds: Math.max(1, Math.ceil((until - now.getTime()) / 1000)),
  })
}

/** A right password forgives the wrong ones before it, for this name from this address, and was no failure of the others. */
export async function forgive(db: Database, attempt: Attempt): Promise<void> {
  const [pair, ...others] = keysOf(attempt).map(({ key }) => key)
  if (pair) await db.deleteFrom('login_failures').where('key', '=', pair).execute()
  for (const key of others.sort()) {
    await db
      .updateTable('login_failures')
      .set({ failures: sql`greatest(failures - 1, 0)` })
      .where('key', '=', key)
      .execute()
  }
}

/** Forgets windows that ended. */
export async function forgetFailures(db: Database, before: Date): Promise<void> {
  await db.deleteFrom('login_failures').where('window_ends_at', '<', before).execute()
}
