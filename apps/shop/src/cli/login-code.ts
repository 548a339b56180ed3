/**
 * `xuecheng users login-code NAME`: a code to log in on a new device while guesses from elsewhere block new devices.
 */
import { auditCommand } from '../admin/audit.ts'
import { findLogin } from '../auth/find-login.ts'
import { LOGIN_CODE_MINUTES, makeLoginCode } from '../auth/second-factor/login-codes.ts'
import { securityCommand } from '../auth/security-log/security-log.ts'
import { systemClock } from '../clock.ts'
import { type Command, UsageError } from '../command.ts'
import { ShopError } from '../errors.ts'
import { withTables } from './database.ts'

export const loginCode: Command = {
  usage: 'NAME',
  summary: `Creates a code for one login with the right password on a new device, valid for ${LOGIN_CODE_MINUTES} minutes`,
  options: {},
  async run({ config, positionals }) {
    const [name, ...others] = positionals
    if (name === undefined || others.length > 0) throw new UsageError('one login name is needed')
    return withTables(config, async (db) => {
      const at = systemClock()
      const code = await db.transaction().execute(async (tx) => {
        const account = await findLogin(tx, name)
        if (!account) throw new ShopError('USER_NOT_FOUND')
        const made = await makeLoginCode(tx, account.id, at)
        const kind = account.role === 'buyer' ? 'buyers' : 'staff'
        await auditCommand(tx, { at, action: 'account.login-code', subject: `${kind}/${account.id}` })
        await securityCommand(tx, at, { event: 'login-code.made', outcome: 'ok', userId: account.id })
        return made
      })
      const text = `${code} (valid once, for ${LOGIN_CODE_MINUTES} minutes; enter it as the code, with the password of ${name})`
      return { text, data: { username: name, code, minutes: LOGIN_CODE_MINUTES } }
    })
  },
}
