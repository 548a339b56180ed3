/** One-time login codes from the command line: with the right password, one lets an account in on a new device. */
import type { Database, Transaction } from '../../db/connect.ts'
import { hashRecoveryCode, newRecoveryCodes } from './recovery-codes.ts'

export const LOGIN_CODE_MINUTES = 10

/** Creates a code and replaces an unused one. @returns the code; only a hash of it is stored */
export async function makeLoginCode(tx: Transaction, userId: number, now: Date): Promise<string> {
  const [code = ''] = newRecoveryCodes()
  const fresh = {
    code_hash: hashRecoveryCode(userId, code),
    expires_at: new Date(now.getTime() + LOGIN_CODE_MINUTES * 60_000),
    used_at: null,
  }
  await tx
    .insertInto('login_codes')
    .values({ user_id: userId, ...fresh })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet(fresh))
    .execute()
  return code
}

/** Uses the code up. @returns whether it was right, not expired, and unused */
export async function takeLoginCode(db: Database, userId: number, code: string, now: Date): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('login_codes')
    .set({ used_at: now })
    .where('user_id', '=', userId)
    .where('code_hash', '=', hashRecoveryCode(userId, code))
    .where('expires_at', '>', now)
    .where('used_at', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}
