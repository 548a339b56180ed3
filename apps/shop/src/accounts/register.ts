/** Accounts: made once each, whatever the case of the name. */
import type { Reader } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { hashPassword } from './passwords.ts'
import { type Role, toUser, type User } from './sessions.ts'

export interface NewUser {
  readonly username: string
  readonly password: string
  readonly displayName?: string | undefined
  readonly role?: Role
  /** Somebody else made up the password: it must be changed before anything else. */
  readonly passwordDue?: boolean
}

/** @throws ShopError USERNAME_TAKEN */
export async function register(db: Reader, user: NewUser): Promise<User> {
  return addUser(db, user, await hashPassword(user.password))
}

/** As `register`, for a password that is hashed already: that takes its time, which no transaction should. */
export async function addUser(db: Reader, user: Omit<NewUser, 'password'>, passwordHash: string): Promise<User> {
  const row = await db
    .insertInto('users')
    .values({
      username: user.username,
      display_name: user.displayName?.trim() || user.username,
      password_hash: passwordHash,
      role: user.role ?? 'buyer',
      password_due: user.passwordDue ?? false,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning(['id', 'username', 'display_name', 'role', 'created_at', 'password_due'])
    .executeTakeFirst()
  if (!row) throw new ShopError('USERNAME_TAKEN')
  return toUser(row)
}
