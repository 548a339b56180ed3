/** Changes a staff account, with its state before and after in the audit log. */
import type { FastifyRequest } from 'fastify'
import { type Acting, type AdminContext, adminAction } from '../admin/action.ts'
import { readStaff, type StaffMember } from './members.ts'

/**
 * @param change the account, the action in the audit log, the note, and the work itself
 * @returns the account afterwards
 * @throws ShopError USER_NOT_FOUND for unknown accounts and for buyers
 */
export function changeStaff(
  context: AdminContext,
  request: FastifyRequest,
  change: {
    readonly id: number
    readonly action: string
    readonly note: string
    readonly work: (acting: Acting) => Promise<unknown>
  },
): Promise<StaffMember> {
  const { id, action, note, work } = change
  return adminAction(context, {
    request,
    work: async (acting) => {
      const before = await readStaff(acting.tx, id)
      await work(acting)
      return { before, after: await readStaff(acting.tx, id) }
    },
    audit: ({ before, after }) => {
      return { action, subject: `staff/${id}`, before: auditedStaff(before), after: auditedStaff(after), note }
    },
    view: ({ after }) => after,
  })
}

/** The part of an account that the audit log records; nothing of its password. */
export const auditedStaff = ({ role, disabledAt, secondFactor }: StaffMember) => ({
  role,
  disabled: disabledAt !== null,
  secondFactor,
})
