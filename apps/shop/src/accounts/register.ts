/** Creates accounts; each name exists once, in any spelling. */

import type { HashSender } from '../auth/passwords/hash-queue.ts'
import { hashPassword } from '../auth/passwords/passwords.ts'
import { type Role, toUser, type User } from '../auth/sessions/sessions.ts'
import type { Reader } from '../db/connect.ts'
import { ShopError } from '../errors.ts'
import { displayedName, foldName, nameProblem } from '../text/login-name.ts'

/** For hashes that the shop itself needs: the demo's accounts, and the check whether an owner has a demo password. */
export const BY_THE_SHOP: HashSender = { kind: 'staff', from: 'shop' }

export interface NewUser {
  readonly username: string
  readonly password: string
  readonly displayName?: string | undefined
  readonly role?: Role
  /** The password was generated: it expires then, and must be changed first. */
  readonly oneTimeUntil?: Date
}

/** @throws ShopError USERNAME_TAKEN, USERNAME_UNFIT */
export async function register(db: Reader, user: NewUser): Promise<User> {
  return addUser(db, user, await hashPassword(BY_THE_SHOP, user.password))
}

/** Like `register`, with a hashed password: hashing takes too long for a transaction. */
export async function addUser(db: Reader, user: Omit<NewUser, 'password'>, passwordHash: string): Promise<User> {
  if (nameProblem(user.username)) throw new ShopError('USERNAME_UNFIT')
  const username = displayedName(user.username)
  const row = await db
    .insertInto('users')
    .values({
      username,
      login_name: foldName(username),
      display_name: user.displayName?.normalize('NFC').trim() || username,
      password_hash: passwordHash,
      role: user.role ?? 'buyer',
      password_due: user.oneTimeUntil !== undefined,
      password_expires_at: user.oneTimeUntil ?? null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning(['id', 'username', 'display_name', 'role', 'created_at', 'password_due'])
    .executeTakeFirstOrThrow(() => new ShopError('USERNAME_TAKEN'))
  return toUser(row)
}
