/** Logging in: the limits first, then the password, and the same answer for a wrong name as for a wrong password; then the code. */
import { sql } from 'kysely'
import { ShopError } from '../errors.ts'
import { countAttempt, forgive } from './login-limits.ts'
import { passwordMatches } from './passwords.ts'
import { type Factors, takeCode } from './second-factor.ts'
import { type Shown, toUser, type User } from './sessions.ts'

/**
 * @param credentials what was entered, and from where; the code only for whom the login asks for one
 * @throws ShopError BAD_CREDENTIALS, ACCOUNT_DISABLED, TOO_MANY_ATTEMPTS, SECOND_FACTOR_REQUIRED, WRONG_CODE
 */
export async function login(
  factors: Factors,
  credentials: { username: string; password: string; code?: string | undefined; address: string },
  now: Date,
): Promise<{ readonly user: User; readonly shown: Shown }> {
  const { db } = factors
  // Counted before the password is tried: a burst of guesses must not slip past the count.
  await countAttempt(db, credentials, now)
  const row = await db
    .selectFrom('users')
    .leftJoin('second_factors', 'second_factors.user_id', 'users.id')
    .selectAll('users')
    .select('second_factors.confirmed_at')
    // PostgreSQL's lower case on both sides: JavaScript's is another one for a few letters.
    .where(sql<boolean>`lower(username) = lower(${credentials.username})`)
    .executeTakeFirst()
  if (!(await passwordMatches(row?.password_hash, credentials.password)) || !row) {
    throw new ShopError('BAD_CREDENTIALS')
  }
  if (row.disabled_at) throw new ShopError('ACCOUNT_DISABLED')
  await forgive(db, credentials)
  if (row.confirmed_at) {
    if (credentials.code === undefined) throw new ShopError('SECOND_FACTOR_REQUIRED')
    await takeCode(factors, row.id, credentials.code, now)
  }
  return {
    user: toUser(row),
    shown: { userId: row.id, passwordHash: row.password_hash, factorSince: row.confirmed_at },
  }
}
