/** Changing one's own password. */

import type { Staff } from '../../admin/admin-routes.ts'
import { audit } from '../../admin/audit.ts'
import type { Database } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import { withinLimits } from '../limits/login-limits.ts'
import { endSessions } from '../sessions/session-list.ts'
import { refuseAsNewPassword } from './demo-passwords.ts'
import { hashChosen, passwordMatches } from './passwords.ts'

/** The logged-in person, staff or buyer, with session and address. */
export type SignedIn = Omit<Staff, 'provedAt'>

const senderOf = ({ id }: SignedIn['user']) => ({ kind: 'change', from: String(id) }) as const

/**
 * Checks that the logged-in person knows the password; tries are limited per session, so that others' guesses do not
 * count.
 * @returns the hash that was right
 * @throws ShopError WRONG_PASSWORD, TOO_MANY_ATTEMPTS, PASSWORDS_BUSY
 */
export async function confirmPassword(
  db: Database,
  { user, sessionId }: SignedIn,
  password: string,
  now: Date,
): Promise<string> {
  const row = await db
    .selectFrom('users')
    .select(['password_hash', 'password_expires_at'])
    .where('id', '=', user.id)
    .executeTakeFirst()
  const check = () => passwordMatches(senderOf(user), row?.password_hash, password)
  if (!(await withinLimits(db, { session: sessionId }, now, check)) || !row) throw new ShopError('WRONG_PASSWORD')
  if (row.password_expires_at && row.password_expires_at <= now) throw new ShopError('PASSWORD_EXPIRED')
  return row.password_hash
}

/** For this long after the login, a one-time password need not be entered again. */
const FRESH_MS = 30 * 60_000

/** The hash of the one-time password with which this session just began. @throws ShopError CURRENT_PASSWORD_NEEDED */
async function oneTimePassword(db: Database, { user, sessionId }: SignedIn, now: Date): Promise<string> {
  const row = await db
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .select('users.password_hash')
    .where('sessions.id', '=', sessionId)
    .where('users.id', '=', user.id)
    .where('users.password_due', '=', true)
    .where('sessions.created_at', '>', new Date(now.getTime() - FRESH_MS))
    .executeTakeFirstOrThrow(() => new ShopError('CURRENT_PASSWORD_NEEDED'))
  return row.password_hash
}

/**
 * Changes the password and ends all other sessions of the account.
 * @param current not needed for a one-time password with which the session just began
 * @returns the new hash
 * @throws ShopError WRONG_PASSWORD, CURRENT_PASSWORD_NEEDED, PASSWORD_EXPIRED, SAME_PASSWORD, WEAK_PASSWORD,
 *   PASSWORD_IS_DEMO, TOO_MANY_ATTEMPTS, PASSWORDS_BUSY
 */
export async function changePassword(
  db: Database,
  signedIn: SignedIn,
  { current, password }: { current?: string | undefined; password: string },
  clock: () => Date,
): Promise<string> {
  const known =
    current === undefined
      ? await oneTimePassword(db, signedIn, clock())
      : await confirmPassword(db, signedIn, current, clock())
  const sender = senderOf(signedIn.user)
  const isSame = current === undefined ? await passwordMatches(sender, known, password) : password === current
  if (isSame) throw new ShopError('SAME_PASSWORD')
  refuseAsNewPassword(password)
  const hash = await hashChosen(sender, password, [signedIn.user.username, signedIn.user.displayName])
  const { user, sessionId } = signedIn
  return db.transaction().execute(async (tx) => {
    const at = clock()
    await tx
      .updateTable('users')
      .set({ password_hash: hash, password_due: false, password_expires_at: null })
      .where('id', '=', user.id)
      // Of two concurrent changes, the second one's current password is no longer right.
      .where('password_hash', '=', known)
      .returning('id')
      .executeTakeFirstOrThrow(() => new ShopError('WRONG_PASSWORD'))
    const ended = await endSessions(tx, user.id, at, sessionId)
    await tx.updateTable('sessions').set({ by_demo_password: false }).where('id', '=', sessionId).execute()
    if (user.role === 'buyer') return hash
    await audit(tx, signedIn, { at, action: 'profile.password', subject: `staff/${user.id}`, after: { ended } })
    return hash
  })
}
