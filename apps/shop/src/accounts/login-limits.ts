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
  if (!isIPv6(address)) return address
  const words = wordsOf(address)
  // IPv4 as IPv6 writes it, and as a translator in front of a server passes it on (RFC 6052).
  const carriesV4 = ['0:0:0:0:0:ffff', '64:ff9b:0:0:0:0'].includes(written(words.slice(0, 6)))
  if (carriesV4)
    return words
      .slice(6)
      .flatMap((word) => [word >> 8, word & 255])
      .join('.')
  return `${written(words.slice(0, 4))}::/64`
}

const written = (words: readonly number[]): string => words.map((word) => word.toString(16)).join(':')

/** The eight words of an IPv6 address, of which the last two may be written as an IPv4 address. */
function wordsOf(address: string): number[] {
  const [bare = ''] = address.split('%')
  const [head = [], tail] = bare.split('::').map((part) => part.split(':').filter(Boolean).flatMap(wordsIn))
  const zeros = tail ? 8 - head.length - tail.length : 0
  return [...head, ...Array.from({ length: zeros }, () => 0), ...(tail ?? [])]
}

function wordsIn(part: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number)
  return part.includes('.') ? [a * 256 + b, c * 256 + d] : [Number.parseInt(part, 16)]
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
