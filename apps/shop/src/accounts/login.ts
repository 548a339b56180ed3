/** Logging in: the limits first, then the password, and the same answer for a wrong name as for a wrong password. */
import type { Database } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { countFailure, forgiveFailures, refuseWhenLimited } from './login-limits.ts'
import { passwordMatches } from './passwords.ts'
import { toUser, type User } from './sessions.ts'

/** @throws ShopError BAD_CREDENTIALS, ACCOUNT_DISABLED, TOO_MANY_ATTEMPTS */
export async function login(
  db: Database,
  credentials: { username: string; password: string; address: string },
  now: Date,
): Promise<User> {
  await refuseWhenLimited(db, credentials, now)
  const row = await db
    .selectFrom('users')
    .selectAll()
    .where((where) => where(where.fn<string>('lower', ['username']), '=', credentials.username.toLowerCase()))
    .executeTakeFirst()
  if (!(await passwordMatches(row?.password_hash, credentials.password)) || !row) {
    await countFailure(db, credentials, now)
    throw new ShopError('BAD_CREDENTIALS')
  }
  if (row.disabled_at) throw new ShopError('ACCOUNT_DISABLED')
  await forgiveFailures(db, credentials)
  return toUser(row)
}
