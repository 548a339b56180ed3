/** Logging in: the limits first, then the password, and the same answer for a wrong name as for a wrong password. */
import { sql } from 'kysely'
import type { Database } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { countAttempt, forgive } from './login-limits.ts'
import { passwordMatches } from './passwords.ts'
import { toUser, type User } from './sessions.ts'

/** @throws ShopError BAD_CREDENTIALS, ACCOUNT_DISABLED, TOO_MANY_ATTEMPTS */
export async function login(
  db: Database,
  credentials: { username: string; password: string; address: string },
  now: Date,
): Promise<User> {
  // Counted before the password is tried: a burst of guesses must not slip past the count.
  await countAttempt(db, credentials, now)
  const row = await db
    .selectFrom('users')
    .selectAll()
    // PostgreSQL's lower case on both sides: JavaScript's is another one for a few letters.
    .where(sql<boolean>`lower(username) = lower(${credentials.username})`)
    .executeTakeFirst()
  if (!(await passwordMatches(row?.password_hash, credentials.password)) || !row) {
    throw new ShopError('BAD_CREDENTIALS')
  }
  if (row.disabled_at) throw new ShopError('ACCOUNT_DISABLED')
  await forgive(db, credentials)
  return toUser(row)
}
