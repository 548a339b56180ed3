/** The second factor of the staff's login: a code from an authenticator application, or one of ten recovery codes. */
import { sql } from 'kysely'
import type { Database, Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { Seal } from '../sealed.ts'
import { audit } from './audit.ts'
import type { Staff } from './desk.ts'
import { countCode, forgiveCode } from './login-limits.ts'
import { hashRecoveryCode, newRecoveryCodes } from './recovery-codes.ts'
import { endSessions } from './session-list.ts'
import { newSecret, stepOf } from './totp.ts'

/** Where second factors are kept, and what seals their secrets. */
export interface Factors {
  readonly db: Database
  readonly seal: Seal
}

/** A secret opens only for the person whose it is. */
const purpose = (userId: number) => `second factor of user ${userId}`

/** Since when the login asks for a code, if it does, and how many recovery codes are left. */
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

/** Makes a secret, which asks nothing of the login before its first code. @throws ShopError SECOND_FACTOR_ON */
export async function beginFactor({ db, seal }: Factors, userId: number, now: Date): Promise<string> {
  const secret = newSecret()
  const fresh = { sealed_secret: seal.seal(purpose(userId), secret), begun_at: now }
  const begun = await db
    .insertInto('second_factors')
    .values({ user_id: userId, ...fresh })
    .onConflict((conflict) =>
      conflict.column('user_id').doUpdateSet(fresh).where('second_factors.confirmed_at', 'is', null),
    )
    .returning('user_id')
    .executeTakeFirst()
  if (!begun) throw new ShopError('SECOND_FACTOR_ON')
  return secret
}

/**
 * Turns it on by its first code, and ends every other session: none of those has shown one. Tries are limited, and a secret
 * waits for so long only: whoever finds a desk left open in the middle of it shall not guess the code.
 * @returns the recovery codes, of which only hashes are kept
 * @throws ShopError SECOND_FACTOR_NOT_BEGUN, WRONG_CODE, TOO_MANY_ATTEMPTS
 */
export async function confirmFactor({ db, seal }: Factors, staff: Staff, code: string, now: Date): Promise<string[]> {
  const userId = staff.user.id
  await countCode(db, userId, now)
  const begun = await db
    .selectFrom('second_factors')
    .select('sealed_secret')
    .where('user_id', '=', userId)
    .where('confirmed_at', 'is', null)
    .where('begun_at', '>', new Date(now.getTime() - BEGUN_MS))
    .executeTakeFirst()
  if (!begun) throw new ShopError('SECOND_FACTOR_NOT_BEGUN')
  const step = stepOf(seal.open(purpose(userId), begun.sealed_secret), code, now)
  if (step === undefined) throw new ShopError('WRONG_CODE')
  await forgiveCode(db, userId)
  return db.transaction().execute(async (tx) => {
    // Whoever is being let in just now holds this row: their session is there, and ended below, or they see the factor.
    await tx.selectFrom('users').select('id').where('id', '=', userId).forNoKeyUpdate().execute()
    const confirmed = await tx
      .updateTable('second_factors')
      .set({ confirmed_at: now, last_step: step })
      .where('user_id', '=', userId)
      .where('confirmed_at', 'is', null)
      // Begun anew meanwhile, this code belongs to a secret that is no more.
      .where('sealed_secret', '=', begun.sealed_secret)
      .returning('user_id')
      .executeTakeFirst()
    if (!confirmed) throw new ShopError('SECOND_FACTOR_NOT_BEGUN')
    const codes = await replaceCodes(tx, userId)
    const ended = await endSessions(tx, userId, now, staff.sessionId)
    const deed = { at: now, action: 'profile.factor-on', subject: `staff/${userId}` }
    await audit(tx, staff, { ...deed, before: { secondFactor: false }, after: { secondFactor: true, ended } })
    return codes
  })
}

/** How long a secret waits for its first code. */
const BEGUN_MS = 15 * 60_000

/**
 * Takes a code, of the application or a recovery code, each once. Tries are limited by person, wherever they come from.
 * @throws ShopError WRONG_CODE, TOO_MANY_ATTEMPTS
 */
export async function takeCode(factors: Factors, userId: number, code: string, now: Date): Promise<void> {
  const { db } = factors
  await countCode(db, userId, now)
  const digits = code.replace(/\s/g, '')
  const taken = /^\d{6}$/.test(digits)
    ? await takeStep(factors, userId, digits, now)
    : await takeRecoveryCode(db, userId, code, now)
  if (!taken) throw new ShopError('WRONG_CODE')
  await forgiveCode(db, userId)
}

async function takeStep({ db, seal }: Factors, userId: number, code: string, now: Date): Promise<boolean> {
  const factor = await db
    .selectFrom('second_factors')
    .select('sealed_secret')
    .where('user_id', '=', userId)
    .where('confirmed_at', 'is not', null)
    .executeTakeFirst()
  const secret = factor && opened(seal, userId, factor.sealed_secret)
  const step = secret && stepOf(secret, code, now)
  if (!step) return false
  const { numUpdatedRows } = await db
    .updateTable('second_factors')
    .set({ last_step: step })
    .where('user_id', '=', userId)
    // Whoever reads over a shoulder, or is second of two at once, has a code that is spent.
    .where('last_step', '<', step)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

/** A shop that lost its own secret can open nothing: then only the recovery codes are left. */
function opened(seal: Seal, userId: number, sealed: string): string | undefined {
  try {
    return seal.open(purpose(userId), sealed)
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

/** Ten new recovery codes in place of those there were. */
export async function replaceCodes(tx: Transaction, userId: number): Promise<string[]> {
  const codes = newRecoveryCodes()
  await tx.deleteFrom('recovery_codes').where('user_id', '=', userId).execute()
  await tx
    .insertInto('recovery_codes')
    .values(codes.map((code) => ({ user_id: userId, code_hash: hashRecoveryCode(userId, code) })))
    .execute()
  return codes
}

/** Forgets the secret and the recovery codes. @returns whether the login asked for a code */
export async function removeFactor(tx: Transaction, userId: number): Promise<boolean> {
  await tx.deleteFrom('recovery_codes').where('user_id', '=', userId).execute()
  const removed = await tx
    .deleteFrom('second_factors')
    .where('user_id', '=', userId)
    .returning('confirmed_at')
    .executeTakeFirst()
  return removed !== undefined && removed.confirmed_at !== null
}

/** As `removeFactor`, by name, and ends the sessions. @throws ShopError USER_NOT_FOUND */
export async function removeFactorOf(
  tx: Transaction,
  username: string,
  now: Date,
): Promise<{ userId: number; wasOn: boolean }> {
  const user = await tx
    .selectFrom('users')
    .select('id')
    .where(sql<boolean>`lower(username) = lower(${username})`)
    .executeTakeFirst()
  if (!user) throw new ShopError('USER_NOT_FOUND')
  await endSessions(tx, user.id, now)
  return { userId: user.id, wasOn: await removeFactor(tx, user.id) }
}
