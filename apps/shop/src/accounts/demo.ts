/** Demo accounts, for a shop that is not live. */

import { DEMO_ACCOUNTS } from '../auth/passwords/demo-passwords.ts'
import type { Database } from '../db/connect.ts'
import { ShopError } from '../errors.ts'
import { register } from './register.ts'

/** Creates the missing demo accounts. */
export async function seedAccounts(db: Database): Promise<void> {
  const names = DEMO_ACCOUNTS.map(({ username }) => username)
  const known = await db.selectFrom('users').select('login_name').where('login_name', 'in', names).execute()
  for (const account of DEMO_ACCOUNTS) {
    if (known.some((row) => row.login_name === account.username)) continue
    try {
      await register(db, account)
    } catch (error) {
      if (!(error instanceof ShopError && error.code === 'USERNAME_TAKEN')) throw error
    }
  }
}
