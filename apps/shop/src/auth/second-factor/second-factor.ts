/** The second factor of staff logins: a code from an authenticator application, or one of ten recovery codes. */
import { audit } from '../../admin/audit.ts'
import type { Database, Transaction } from '../../db/connect.ts'
import type { Encryption } from '../../encryption.ts'
import { ShopError } from '../../errors.ts'
import { findAccount } from '../find-account.ts'
import { withinLimits } from '../limits/login-limits.ts'
import type { SignedIn } from '../passwords/change-password.ts'
import { endSessions } from '../sessions/session-list.ts'
import { hashRecoveryCode, newRecoveryCodes } from './recovery-codes.ts'
import { newSecret, stepOf } from './totp.ts'

/** Where second factors are stored, and how their secrets are encrypted. */
export interface Factors {
  readonly db: Database
  readonly encryption: Encryption
}

/** Binds an encrypted secret to its account. */
const purpose = (userId: number) => `second factor of user ${userId}`

/** Since when the second factor is on, if it is, and how many recovery codes are left. */
export async function readFactor({ db }: Factors, userId: number): Promise<{ since: Date | null; codesLeft: number }> {
  const [factor, codes] = await Promise.all([
    db.selectFrom('second_factors').select('confirmed_at').where('user_id', '=', userId).executeTakeFirst(),
    db
      .selectFrom('recovery_codes')
      .select((of) => of.fn.countAll<string>().as('left'))
      .where('user_id', '=', userId)
      .where('used_at', 'is', null)
      .executeTakeFirstOrThrow(),
  ])
  return { since: factor?.confirmed_at ?? null, codesLeft: Number(codes.left) }
}

/** Creates a secret; the login does not need it before its first code. @throws ShopError SECOND_FACTOR_ON */
export async function beginFactor({ db, encryption }: Factors, userId: number, now: Date): Promise<string> {
  const secret = newSecret()
  const fresh = { sealed_secret: encryption.encrypt(purpose(userId), secret), begun_at: now }
  await db
    .insertInto('second_factors')
    .values({ user_id: userId, ...fresh })
    .onConflict((conflict) =>
      conflict.column('user_id').doUpdateSet(fresh).where('second_factors.confirmed_at', 'is', null),
    )
    .returning('user_id')
    .executeTakeFirstOrThrow(() => new ShopError('SECOND_FACTOR_ON'))
  return secret
}

/**
 * Turns the second factor on with its first code, and ends all other sessions, since none of them entered a code. Tries
 * are limited and the secret expires, so that a stranger at an unlocked computer cannot guess the code.
 * @returns the recovery codes; only hashes of them are stored
 * @throws ShopError SECOND_FACTOR_NOT_BEGUN, WRONG_CODE, TOO_MANY_ATTEMPTS
 */
export async function confirmFactor(
  { db, encryption }: Factors,
  staff: SignedIn,
  code: string,
  now: Date,
): Promise<string[]> {
  const userId = staff.user.id
  const begun = await db
    .selectFrom('second_factors')
    .select('sealed_secret')
    .where('user_id', '=', userId)
    .where('confirmed_at', 'is', null)
    .where('begun_at', '>', new Date(now.getTime() - BEGUN_MS))
    .executeTakeFirstOrThrow(() => new ShopError('SECOND_FACTOR_NOT_BEGUN'))
  let step: number | undefined
  const isRight = await withinLimits(db, sessionCodes(staff), now, async () => {
    step = stepOf(encryption.decrypt(purpose(userId), begun.sealed_secret), code, now)
    return step !== undefined
  })
  if (!isRight || step === undefined) throw new ShopError('WRONG_CODE')
  const lastStep = step
  return db.transaction().execute(async (tx) => {
    // A concurrent login locks this row: either its session exists and is ended below, or it sees the factor.
    await tx.selectFrom('users').select('id').where('id', '=', userId).forNoKeyUpdate().execute()
    await tx
      .updateTable('second_factors')
      .set({ confirmed_at: now, last_step: lastStep })
      .where('user_id', '=', userId)
      .where('confirmed_at', 'is', null)
      // After a restart of the setup, this code belongs to a secret that was replaced.
      .where('sealed_secret', '=', begun.sealed_secret)
      .returning('user_id')
      .executeTakeFirstOrThrow(() => new ShopError('SECOND_FACTOR_NOT_BEGUN'))
    const codes = await replaceCodes(tx, userId)
    const ended = await endSessions(tx, userId, now, staff.sessionId)
    const entry = { at: now, action: 'profile.factor-on', subject: `staff/${userId}` }
    await audit(tx, staff, { ...entry, before: { secondFactor: false }, after: { secondFactor: true, ended } })
    return codes
  })
}

/** How long a secret waits for its first code. */
const BEGUN_MS = 15 * 60_000

/** Wrong codes are counted per session, so that others' tries do not count here. */
const sessionCodes = ({ sessionId }: Pick<SignedIn, 'sessionId'>) => ({ 'code-session': sessionId })

/**
 * Uses up a code of the logged-in person. Tries are limited per session.
 * @throws ShopError WRONG_CODE, TOO_MANY_ATTEMPTS
 */
export async function takeCode(
  factors: Factors,
  signedIn: Pick<SignedIn, 'user' | 'sessionId'>,
  code: string,
  now: Date,
): Promise<void> {
  const spend = () => spendCode(factors, signedIn.user.id, code, now)
  if (!(await withinLimits(factors.db, sessionCodes(signedIn), now, spend))) throw new ShopError('WRONG_CODE')
}

/** Six digits come from the application; anything else is a recovery code. */
export const isShortCode = (code: string): boolean => /^\d{6}$/.test(digitsOf(code))
const digitsOf = (code: string): string => code.replace(/\s/g, '')

/**
 * Uses up a code, from the application or a recovery code; the caller limits the tries.
 * @returns whether it was right
 */
export const spendCode = (factors: Factors, userId: number, code: string, now: Date): Promise<boolean> =>
  isShortCode(code) ? takeStep(factors, userId, digitsOf(code), now) : takeRecoveryCode(factors.db, userId, code, now)

async function takeStep({ db, encryption }: Factors, userId: number, code: string, now: Date): Promise<boolean> {
  const factor = await db
    .selectFrom('second_factors')
    .select('sealed_secret')
    .where('user_id', '=', userId)
    .where('confirmed_at', 'is not', null)
    .executeTakeFirst()
  const secret = factor && opened(encryption, userId, factor.sealed_secret)
  const step = secret && stepOf(secret, code, now)
  if (!step) return false
  const { numUpdatedRows } = await db
    .updateTable('second_factors')
    .set({ last_step: step })
    .where('user_id', '=', userId)
    // Fails for a code that was used before, by an onlooker or a concurrent request.
    .where('last_step', '<', step)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Undefined if the shop lost its own secret: then only the recovery codes work. */
function opened(encryption: Encryption, userId: number, sealed: string): string | undefined {
  try {
    return encryption.decrypt(purpose(userId), sealed)
  } catch {
    return undefined
  }
}

async function takeRecoveryCode(db: Database, userId: number, code: string, now: Date): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('recovery_codes')
    .set({ used_at: now })
    .where('user_id', '=', userId)
    .where('code_hash', '=', hashRecoveryCode(userId, code))
    .where('used_at', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Locks the person's second factor. @throws ShopError SECOND_FACTOR_MISSING */
export async function requireFactor(tx: Transaction, userId: number): Promise<void> {
  await tx
    .selectFrom('second_factors')
    .select('user_id')
    .where('user_id', '=', userId)
    .where('confirmed_at', 'is not', null)
    .forShare()
    .executeTakeFirstOrThrow(() => new ShopError('SECOND_FACTOR_MISSING'))
}

/** Replaces all recovery codes with ten new ones. */
export async function replaceCodes(tx: Transaction, userId: number): Promise<string[]> {
  const codes = newRecoveryCodes()
  await tx.deleteFrom('recovery_codes').where('user_id', '=', userId).execute()
  await tx
    .insertInto('recovery_codes')
    .values(codes.map((code) => ({ user_id: userId, code_hash: hashRecoveryCode(userId, code) })))
    .execute()
  return codes
}

/** Deletes the secret and the recovery codes. @returns whether the second factor was on */
export async function removeFactor(tx: Transaction, userId: number): Promise<boolean> {
  await tx.deleteFrom('recovery_codes').where('user_id', '=', userId).execute()
  const removed = await tx
    .deleteFrom('second_factors')
    .where('user_id', '=', userId)
    .returning('confirmed_at')
    .executeTakeFirst()
  return removed !== undefined && removed.confirmed_at !== null
}

/** Like `removeFactor`, by login name; also ends the sessions. @throws ShopError USER_NOT_FOUND */
export async function removeFactorOf(
  tx: Transaction,
  username: string,
  now: Date,
): Promise<{ userId: number; wasOn: boolean }> {
  const userId = await findAccount(tx, username)
  if (userId === undefined) throw new ShopError('USER_NOT_FOUND')
  await endSessions(tx, userId, now)
  return { userId, wasOn: await removeFactor(tx, userId) }
}
