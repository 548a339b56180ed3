/** Demo accounts, for a shop that asks for them (never in production unless by name). */
import type { Database } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { register } from './register.ts'
import type { Role } from './sessions.ts'

export const DEMO_ACCOUNTS: readonly { username: string; password: string; role: Role }[] = [
  { username: 'root', password: 'zxc123456', role: 'buyer' },
  { username: 'admin', password: 'admin123456', role: 'owner' },
]

/** Makes the demo accounts that are missing. */
export async function seedAccounts(db: Database): Promise<void> {
  const names = DEMO_ACCOUNTS.map(({ username }) => username)
  const known = await db.selectFrom('users').select('username').where('username', 'in', names).execute()
  for (const account of DEMO_ACCOUNTS) {
    if (known.some(({ username }) => username.toLowerCase() === account.username)) continue
    try {
      await register(db, account)
    } catch (error) {
      if (!(error instanceof ShopError && error.code === 'USERNAME_TAKEN')) throw error
    }
  }
}
