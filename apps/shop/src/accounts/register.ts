/** Accounts: made once each, whatever the case of the name. */
import type { Database } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { hashPassword } from './passwords.ts'
import { type Role, toUser, type User } from './sessions.ts'

export interface NewUser {
  readonly username: string
  readonly password: string
  readonly displayName?: string | undefined
  readonly role?: Role
}

/** @throws ShopError USERNAME_TAKEN */
export async function register(db: Database, user: NewUser): Promise<User> {
  const row = await db
    .insertInto('users')
    .values({
      username: user.username,
      display_name: user.displayName?.trim() || user.username,
      password_hash: await hashPassword(user.password),
      role: user.role ?? 'buyer',
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning(['id', 'username', 'display_name', 'role', 'created_at'])
    .executeTakeFirst()
  if (!row) throw new ShopError('USERNAME_TAKEN')
  return toUser(row)
}
