/** The owner's security settings: which roles need a second factor, and from which amount a refund needs a proof. */
import { STAFF_ROLES, type StaffRole } from '../admin/permissions.ts'
import type { Reader, Transaction } from '../db/connect.ts'
import type { Fen } from '../money.ts'
import { requireFactor } from './second-factor/second-factor.ts'

export interface SecuritySettings {
  readonly refundLimit: Fen
  readonly factorRoles: readonly StaffRole[]
}

export async function readSecuritySettings(db: Reader): Promise<SecuritySettings> {
  const row = await db
    .selectFrom('security_settings')
    .select(['refund_limit_fen', 'factor_roles'])
    .executeTakeFirstOrThrow()
  return {
    refundLimit: row.refund_limit_fen,
    factorRoles: STAFF_ROLES.filter((role) => row.factor_roles.includes(role)),
  }
}

/**
 * @param userId the owner who changes them: owners may require of owners only a second factor that they have themselves
 * @returns the previous settings
 * @throws ShopError SECOND_FACTOR_MISSING
 */
export async function changeSecuritySettings(
  tx: Transaction,
  { refundLimit, factorRoles, userId, now }: SecuritySettings & { userId: number; now: Date },
): Promise<SecuritySettings> {
  if (factorRoles.includes('owner')) await requireFactor(tx, userId)
  await tx.selectFrom('security_settings').select('one').forUpdate().execute()
  const before = await readSecuritySettings(tx)
  await tx
    .updateTable('security_settings')
    .set({ refund_limit_fen: refundLimit, factor_roles: [...factorRoles], changed_at: now })
    .execute()
  return before
}
