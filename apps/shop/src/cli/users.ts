/**
 * `xuecheng users create`: creates an account, and `users second-factor-off`: for an owner who lost the second factor.
 */
import { readFileSync } from 'node:fs'
import { newPassword, ONE_TIME_DAYS, oneTimeUntil } from '../accounts/manage.ts'
import { addUser } from '../accounts/register.ts'
import { auditCommand } from '../admin/audit.ts'
import { STAFF_ROLES } from '../admin/permissions.ts'
import { isDemoPassword } from '../auth/passwords/demo-passwords.ts'
import type { HashSender } from '../auth/passwords/hash-queue.ts'
import { hashChosen } from '../auth/passwords/passwords.ts'
import { removeFactorOf } from '../auth/second-factor/second-factor.ts'
import { securityCommand } from '../auth/security-log/security-log.ts'
import { systemClock } from '../clock.ts'
import { type Call, type Command, optional, required, UsageError } from '../command.ts'
import { closeFirstRun } from '../staff/first-run.ts'
import { nameProblem } from '../text/login-name.ts'
import { isVisibleLine, NAME_LENGTH } from '../text/visible-line.ts'
import { withTables } from './database.ts'

const BY_COMMAND: HashSender = { kind: 'staff', from: 'command line' }

/**
 * The password in the file of the command, or a one-time password.
 * @param names the account's names
 * @throws UsageError if it is too short, too long or public
 */
export async function passwordFor(call: Call, names: readonly string[]) {
  const file = optional(call, 'password-file')
  if (file === undefined) return { ...(await newPassword(BY_COMMAND)), isOneTime: true }
  const password = readFileSync(file, 'utf8').trim()
  if (password.length < 8 || password.length > 128) throw new UsageError('the password must have 8 to 128 characters')
  if (isDemoPassword(password)) throw new UsageError('this is a public demo password')
  return { password, hash: await hashChosen(BY_COMMAND, password, names), isOneTime: false }
}

export const oneTimeText = (password: string): string =>
  `one-time password ${password} (shown only once, valid for ${ONE_TIME_DAYS} days, must be changed at the first login)`

export const createUser: Command = {
  usage: '--username NAME [--staff ROLE] [--display-name NAME] [--password-file FILE]',
  summary: `Creates an account; staff roles: ${STAFF_ROLES.join(', ')}. Without a password file, creates a one-time password, shown once, that must be changed at the first login`,
  options: {
    username: { type: 'string' },
    staff: { type: 'string' },
    'display-name': { type: 'string' },
    'password-file': { type: 'string' },
  },
  async run(call) {
    const username = required(call, 'username')
    if (nameProblem(username)) {
      throw new UsageError('--username: 3 to 32 letters of one script, digits, _ - and .')
    }
    const displayName = optional(call, 'display-name')
    if (displayName !== undefined && (displayName.length > NAME_LENGTH || !isVisibleLine(displayName))) {
      throw new UsageError(`--display-name: one line of visible characters, at most ${NAME_LENGTH}`)
    }
    const wanted = optional(call, 'staff')
    const role = wanted === undefined ? 'buyer' : STAFF_ROLES.find((each) => each === wanted)
    if (!role) throw new UsageError(`--staff: "${wanted}" is not one of ${STAFF_ROLES.join(', ')}`)
    const { password, hash, isOneTime } = await passwordFor(call, [username, displayName ?? ''])
    return withTables(call.config, async (db) => {
      const now = systemClock()
      const oneTime = isOneTime ? { oneTimeUntil: oneTimeUntil(now) } : {}
      const user = await db.transaction().execute(async (tx) => {
        const added = await addUser(tx, { username, role, displayName, ...oneTime }, hash)
        if (role === 'owner') await closeFirstRun(tx)
        const subject = `${role === 'buyer' ? 'buyers' : 'staff'}/${added.id}`
        const action = role === 'buyer' ? 'buyer.create' : 'staff.create'
        await auditCommand(tx, {
          at: now,
          action,
          subject,
          after: { username, role },
          sensitive: role !== 'buyer',
        })
        await securityCommand(tx, systemClock(), { event: 'account.created', outcome: 'ok', userId: added.id })
        return added
      })
      const made = isOneTime ? `, ${oneTimeText(password)}` : ''
      return {
        text: `${role} ${username} created${made}`,
        data: { id: user.id, username, role, ...(isOneTime && { password }) },
      }
    })
  },
}

export const secondFactorOff: Command = {
  usage: '--username NAME',
  summary: 'Turns off the second factor of an account that lost phone and recovery codes, and ends its sessions',
  options: { username: { type: 'string' } },
  async run(call) {
    const username = required(call, 'username')
    return withTables(call.config, async (db) => {
      const at = systemClock()
      const off = await db.transaction().execute(async (tx) => {
        const { userId, wasOn } = await removeFactorOf(tx, username, at)
        const entry = { at, action: 'staff.second-factor', subject: `staff/${userId}`, sensitive: true }
        await auditCommand(tx, { ...entry, before: { secondFactor: wasOn }, after: { secondFactor: false } })
        await securityCommand(tx, at, { event: 'account.second-factor-off', outcome: 'ok', userId })
        return wasOn
      })
      const text = off ? `${username} now logs in with only the password` : `${username} had no second factor`
      return { text, data: { username, wasOn: off } }
    })
  },
}
