/**
 * What staff do to accounts: disable, enable, set a new password, change a role. Each change ends the account's
 * sessions.
 */
import { randomBytes } from 'node:crypto'
import { sql, type Updateable } from 'kysely'
import type { HashSender } from '../auth/passwords/hash-queue.ts'
import { hashPassword } from '../auth/passwords/passwords.ts'
import { endSessions } from '../auth/sessions/session-list.ts'
import type { Role } from '../auth/sessions/sessions.ts'
import type { Transaction } from '../db/connect.ts'
import type { Tables } from '../db/tables.generated.ts'
import { ShopError } from '../errors.ts'
import { foldName } from '../text/login-name.ts'

/** @throws ShopError USER_NOT_FOUND, LAST_OWNER */
export async function setDisabled(tx: Transaction, userId: number, disabled: boolean, now: Date): Promise<void> {
  if (disabled) await keepAnOwner(tx, userId)
  await change(tx, userId, { disabled_at: disabled ? now : null }, now)
}

/** Changes a staff role; `staff/change.ts` refuses buyers. @throws ShopError USER_NOT_FOUND, LAST_OWNER */
export async function setRole(tx: Transaction, userId: number, role: Role, now: Date): Promise<void> {
  if (role !== 'owner') await keepAnOwner(tx, userId)
  await change(tx, userId, { role }, now)
}

/**
 * Refuses to remove the last owner who can log in. Locks all owners, always in the same order, so that of two owners
 * who remove each other at the same moment only the first succeeds.
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
 * A generated password: staff hand it over, and it cannot be read later. It starts with a letter, so that a spreadsheet
 * takes it for neither a formula nor a number.
 * @throws ShopError PASSWORDS_BUSY
 */
export async function newPassword(sender: HashSender): Promise<{ password: string; hash: string }> {
  const password = randomBytes(12)
    .toString('base64url')
    .replace(/^[^a-zA-Z]/, 'x')
  return { password, hash: await hashPassword(sender, password) }
}

/** When a generated password expires. */
export const oneTimeUntil = (now: Date): Date => new Date(now.getTime() + ONE_TIME_DAYS * 86_400_000)
export const ONE_TIME_DAYS = 7

/**
 * Sets another person's password.
 * @param due whether it was generated: it must then be changed first, and expires
 * @throws ShopError USER_NOT_FOUND
 */
export async function setPassword(tx: Transaction, userId: number, hash: string, now: Date, due = true): Promise<void> {
  const until = due ? oneTimeUntil(now) : null
  await change(tx, userId, { password_hash: hash, password_due: due, password_expires_at: until }, now)
}

/** One-time passwords of an import expire a fixed time after their file is downloaded. */
export async function renewOneTime(tx: Transaction, usernames: readonly string[], now: Date): Promise<void> {
  const names = usernames.map(foldName)
  await tx
    .updateTable('users')
    .set({ password_expires_at: oneTimeUntil(now) })
    .where('password_due', '=', true)
    .where(sql<boolean>`login_name = any(${names}::text[])`)
    .execute()
}

async function change(tx: Transaction, userId: number, set: Updateable<Tables['users']>, now: Date): Promise<void> {
  const changed = await tx.updateTable('users').set(set).where('id', '=', userId).returning('id').executeTakeFirst()
  if (!changed) throw new ShopError('USER_NOT_FOUND')
  await endSessions(tx, userId, now)
}
