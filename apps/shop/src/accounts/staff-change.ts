/** A change to one of the staff, with its line in the audit log: together or not at all. */
import type { Database, Transaction } from '../database/connect.ts'
import { audit } from './audit.ts'
import type { Staff } from './desk.ts'
import { readStaff, type StaffMember } from './staff-members.ts'

/**
 * @param change whose account, what it is called in the log, why, and the work itself
 * @returns the account as it is afterwards
 * @throws ShopError USER_NOT_FOUND for nobody and for buyers
 */
export function changeStaff(
  db: Database,
  staff: Staff,
  change: {
    readonly id: number
    readonly action: string
    readonly note: string
    readonly at: Date
    readonly work: (tx: Transaction) => Promise<unknown>
  },
): Promise<StaffMember> {
  const { id, action, note, at, work } = change
  return db.transaction().execute(async (tx) => {
    const before = await readStaff(tx, id)
    await work(tx)
    const after = await readStaff(tx, id)
    await audit(tx, staff, { at, action, subject: `staff/${id}`, before: told(before), after: told(after), note })
    return after
  })
}

/** What of an account the audit log tells: nothing of its password. */
export const told = ({ role, disabledAt, secondFactor }: StaffMember) => ({
  role,
  disabled: disabledAt !== null,
  secondFactor,
})
