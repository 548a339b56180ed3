/** The account for a login name, with the data that its login is checked against. */
import type { Reader } from '../db/connect.ts'
import { findAccount } from './find-account.ts'

export type Login = NonNullable<Awaited<ReturnType<typeof findLogin>>>

export async function findLogin(db: Reader, username: string) {
  const id = await findAccount(db, username)
  return db
    .selectFrom('users')
    .leftJoin('second_factors', 'second_factors.user_id', 'users.id')
    .selectAll('users')
    .select('second_factors.confirmed_at')
    .where('users.id', '=', id ?? 0)
    .executeTakeFirst()
}
