/** What staff do to accounts: disable, enable, give a new password, change a role. Every change ends the account's sessions. */
import { randomBytes } from 'node:crypto'
import type { Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { hashPassword } from './passwords.ts'
import { endSessions } from './session-list.ts'
import type { Role } from './sessions.ts'

/** @throws ShopError USER_NOT_FOUND, LAST_OWNER */
export async function setDisabled(tx: Transaction, userId: number, disabled: boolean, now: Date): Promise<void> {
  if (disabled) await keepAnOwner(tx, userId)
  await change(tx, userId, { disabled_at: disabled ? now : null }, now)
}

/** Another role among the staff; buyers have none to change (`staff-change.ts` refuses them). @throws ShopError USER_NOT_FOUND, LAST_OWNER */
export async function setRole(tx: Transaction, userId: number, role: Role, now: Date): Promise<void> {
  if (role !== 'owner') await keepAnOwner(tx, userId)
  await change(tx, userId, { role }, now)
}

/**
 * Refuses to take the last owner who can log in. All of them are held, always in the same order, so that of two owners who
 * take each other away at the same moment only the first succeeds.
 */
async function keepAnOwner(tx: Transaction, userId: number): Promise<void> {
  const owners = await tx
    .selectFrom('users')
    .select('id')
    .where('role', '=', 'owner')
    .where('disabled_at', 'is', null)
    .orderBy('id')
    .forUpdate()
    .execute()
  if (owners.length === 1 && owners[0]?.id === userId) throw new ShopError('LAST_OWNER')
}

/**
 * A password that is made up: staff hand it over, and nobody can read it later. A letter comes first, so that a
 * spreadsheet takes it for neither a formula nor a number.
 */
export async function newPassword(): Promise<{ password: string; hash: string }> {
  const password = randomBytes(12)
    .toString('base64url')
    .replace(/^[^a-zA-Z]/, 'x')
  return { password, hash: await hashPassword(password) }
}

/** Another's password is set for them: they change it before anything else. @throws ShopError USER_NOT_FOUND */
export async function setPassword(tx: Transaction, userId: number, hash: string, now: Date): Promise<void> {
  await change(tx, userId, { password_hash: hash, password_due: true }, now)
}

async function change(
  tx: Transaction,
  userId: number,
  set: { disabled_at?: Date | null; role?: Role; password_hash?: string; password_due?: boolean },
  now: Date,
): Promise<void> {
  const changed = await tx.updateTable('users').set(set).where('id', '=', userId).returning('id').executeTakeFirst()
  if (!changed) throw new ShopError('USER_NOT_FOUND')
  await endSessions(tx, userId, now)
}
