/** `xuecheng users password`: sets a new password on the server itself and ends the account's sessions. */
import { setPassword } from '../accounts/manage.ts'
import { auditCommand } from '../admin/audit.ts'
import { findAccount } from '../auth/find-account.ts'
import { securityCommand } from '../auth/security-log/security-log.ts'
import { systemClock } from '../clock.ts'
import { type Command, required } from '../command.ts'
import { ShopError } from '../errors.ts'
import { closeFirstRun } from '../staff/first-run.ts'
import { withTables } from './database.ts'
import { oneTimeText, passwordFor } from './users.ts'

export const setUserPassword: Command = {
  usage: '--username NAME [--password-file FILE]',
  summary:
    'Sets a new password and ends all sessions of the account. Without a file, creates a one-time password that must be changed at the first login',
  options: { username: { type: 'string' }, 'password-file': { type: 'string' } },
  async run(call) {
    const username = required(call, 'username')
    const { password, hash, isOneTime } = await passwordFor(call, [username])
    return withTables(call.config, async (db) => {
      const now = systemClock()
      const { id, role } = await db.transaction().execute(async (tx) => {
        const found = await findAccount(tx, username)
        const account = tx
          .selectFrom('users')
          .select(['id', 'role'])
          .where('id', '=', found ?? 0)
        const user = await account.executeTakeFirst()
        if (!user) throw new ShopError('USER_NOT_FOUND')
        await setPassword(tx, user.id, hash, now, isOneTime)
        // An owner with a password is what the first run was meant to create.
        if (user.role === 'owner') await closeFirstRun(tx)
        const [kind, action] = user.role === 'buyer' ? ['buyers', 'buyer.password'] : ['staff', 'staff.password']
        await auditCommand(tx, { at: now, action, subject: `${kind}/${user.id}` })
        await securityCommand(tx, now, { event: 'account.password', outcome: 'ok', userId: user.id })
        return user
      })
      const made = isOneTime ? `: ${oneTimeText(password)}` : ''
      return {
        text: `${username} (${role}) has a new password${made}`,
        data: { id, username, role, ...(isOneTime && { password }) },
      }
    })
  },
}
