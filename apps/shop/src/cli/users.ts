/** `xuecheng users create`: makes an account, of staff or of a buyer; `users second-factor-off`: lets in an owner who lost theirs. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { auditCommand } from '../accounts/audit.ts'
import { hashPassword } from '../accounts/passwords.ts'
import { addUser } from '../accounts/register.ts'
import { STAFF_ROLES } from '../accounts/rights.ts'
import { removeFactorOf } from '../accounts/second-factor.ts'
import { systemClock } from '../clock.ts'
import { type Command, optional, required, UsageError } from '../command.ts'
import { connect } from '../database/connect.ts'
import { withDatabase } from './database.ts'

export const createUser: Command = {
  usage: '--username NAME [--staff ROLE] [--display-name NAME] [--password-file FILE]',
  summary: `Makes an account; roles of staff: ${STAFF_ROLES.join(', ')}. Without a password file a password is made and shown once`,
  options: {
    username: { type: 'string' },
    staff: { type: 'string' },
    'display-name': { type: 'string' },
    'password-file': { type: 'string' },
  },
  async run(call) {
    const username = required(call, 'username')
    if (!/^[\p{L}\p{N}_.-]{3,32}$/u.test(username)) {
      throw new UsageError('--username: 3 to 32 letters, digits, _ - and .')
    }
    const wanted = optional(call, 'staff')
    const role = wanted === undefined ? 'buyer' : STAFF_ROLES.find((each) => each === wanted)
    if (!role) throw new UsageError(`--staff: "${wanted}" is none of ${STAFF_ROLES.join(', ')}`)
    const file = optional(call, 'password-file')
    const password = file ? readFileSync(file, 'utf8').trim() : randomBytes(12).toString('base64url')
    if (password.length < 8) throw new UsageError('the password is shorter than 8 characters')
    return withDatabase(call.config, async (url) => {
      const { db, close } = connect(url, 1)
      try {
        const displayName = optional(call, 'display-name')
        const hash = await hashPassword(password)
        const user = await db.transaction().execute(async (tx) => {
          const added = await addUser(tx, { username, role, displayName }, hash)
          const subject = `${role === 'buyer' ? 'buyers' : 'staff'}/${added.id}`
          const action = role === 'buyer' ? 'buyer.create' : 'staff.create'
          await auditCommand(tx, { at: systemClock(), action, subject, after: { username, role } })
          return added
        })
        const made = file ? '' : `, password ${password} (shown only now)`
        const data = { id: user.id, username, role, ...(file ? {} : { password }) }
        return { text: `${role} ${username} made${made}`, data }
      } finally {
        await close()
      }
    })
  },
}

export const secondFactorOff: Command = {
  usage: '--username NAME',
  summary: 'Turns off the second factor of one who has lost phone and recovery codes, and ends the sessions',
  options: { username: { type: 'string' } },
  async run(call) {
    const username = required(call, 'username')
    return withDatabase(call.config, async (url) => {
      const { db, close } = connect(url, 1)
      try {
        const at = systemClock()
        const off = await db.transaction().execute(async (tx) => {
          const { userId, wasOn } = await removeFactorOf(tx, username, at)
          const deed = { at, action: 'staff.second-factor', subject: `staff/${userId}` }
          await auditCommand(tx, { ...deed, before: { secondFactor: wasOn }, after: { secondFactor: false } })
          return wasOn
        })
        const text = off ? `${username} logs in with the password alone now` : `${username} had no second factor`
        return { text, data: { username, wasOn: off } }
      } finally {
        await close()
      }
    })
  },
}
