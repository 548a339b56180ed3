/** Renews a session's credential proof by password and second factor. */
import type { Database } from '../db/connect.ts'
import { ShopError } from '../errors.ts'
import { CREDENTIAL_PROOF_MS } from './credential-proof.ts'
import { confirmPassword, type SignedIn } from './passwords/change-password.ts'
import { type Factors, readFactor, takeCode } from './second-factor/second-factor.ts'

/**
 * Renews the proof of the session. Tries are limited as at the login.
 * @returns when it expires
 * @throws ShopError WRONG_PASSWORD, SECOND_FACTOR_REQUIRED, WRONG_CODE, TOO_MANY_ATTEMPTS, LOGIN_REQUIRED
 */
export async function renewCredentialProof(
  factors: Factors,
  signedIn: SignedIn,
  { password, code }: { password: string; code?: string | undefined },
  now: Date,
): Promise<Date> {
  const { db } = factors
  const { user, sessionId } = signedIn
  const passwordHash = await confirmPassword(db, signedIn, password, now)
  const { since } = await readFactor(factors, user.id)
  if (since) {
    if (code === undefined) throw new ShopError('SECOND_FACTOR_REQUIRED')
    await takeCode(factors, { user, sessionId }, code, now)
  }
  if (!(await noteProof(db, { userId: user.id, sessionId, passwordHash, now }))) throw new ShopError('LOGIN_REQUIRED')
  return new Date(now.getTime() + CREDENTIAL_PROOF_MS)
}

/** Stores the proof if the session is still active and the password unchanged. @returns whether it was stored */
async function noteProof(
  db: Database,
  { userId, sessionId, passwordHash, now }: { userId: number; sessionId: string; passwordHash: string; now: Date },
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('sessions')
    .from('users')
    .set({ proved_at: now })
    .whereRef('users.id', '=', 'sessions.user_id')
    .where('sessions.id', '=', sessionId)
    .where('sessions.user_id', '=', userId)
    .where('sessions.ended_at', 'is', null)
    .where('users.password_hash', '=', passwordHash)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}
