/** Another password, by the person whose it is. */
import type { Database } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { audit } from './audit.ts'
import type { Staff } from './desk.ts'
import { countAttempt, forgive } from './login-limits.ts'
import { hashPassword, passwordMatches } from './passwords.ts'
import { endSessions } from './session-list.ts'

/** Who asks, from which session and address: one of the staff or a buyer. */
export type Asker = Staff

/**
 * Makes sure that who is logged in knows the password, too; tries are limited as at the login.
 * @returns the hash that was right
 * @throws ShopError WRONG_PASSWORD, TOO_MANY_ATTEMPTS
 */
export async function confirmPassword(
  db: Database,
  { user, address }: Asker,
  password: string,
  now: Date,
): Promise<string> {
  const attempt = { username: user.username, address }
  await countAttempt(db, attempt, now)
  const row = await db.selectFrom('users').select('password_hash').where('id', '=', user.id).executeTakeFirst()
  if (!(await passwordMatches(row?.password_hash, password)) || !row) throw new ShopError('WRONG_PASSWORD')
  await forgive(db, attempt)
  return row.password_hash
}

/**
 * Changes it and ends every session but the asker's.
 * @throws ShopError WRONG_PASSWORD, SAME_PASSWORD, TOO_MANY_ATTEMPTS
 */
export async function changePassword(
  db: Database,
  asker: Asker,
  { current, password }: { current: string; password: string },
  clock: () => Date,
): Promise<void> {
  const known = await confirmPassword(db, asker, current, clock())
  if (password === current) throw new ShopError('SAME_PASSWORD')
  const hash = await hashPassword(password)
  const { user, sessionId } = asker
  await db.transaction().execute(async (tx) => {
    const at = clock()
    const changed = await tx
      .updateTable('users')
      .set({ password_hash: hash, password_due: false })
      .where('id', '=', user.id)
      // Of two changes at once the second no longer knows the current password.
      .where('password_hash', '=', known)
      .returning('id')
      .executeTakeFirst()
    if (!changed) throw new ShopError('WRONG_PASSWORD')
    const ended = await endSessions(tx, user.id, at, sessionId)
    if (user.role === 'buyer') return
    await audit(tx, asker, { at, action: 'profile.password', subject: `staff/${user.id}`, after: { ended } })
  })
}
