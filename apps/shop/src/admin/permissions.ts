/**
 * The table of what each staff role may see and do. Every path under `/api/admin` declares one of these permissions.
 */
import type { Role } from '../auth/sessions/sessions.ts'

export type StaffRole = Exclude<Role, 'buyer'>

export const STAFF_ROLES = ['owner', 'finance', 'support', 'editor'] as const satisfies readonly StaffRole[]

export const RIGHTS = {
  'admin.enter': ['owner', 'finance', 'support', 'editor'],
  'orders.read': ['owner', 'finance', 'support'],
  'orders.cancel': ['owner', 'finance', 'support'],
  'orders.ask': ['owner', 'finance', 'support'],
  'orders.export': ['owner', 'finance'],
  'refunds.read': ['owner', 'finance', 'support'],
  'refunds.send': ['owner', 'finance'],
  'money.read': ['owner', 'finance'],
  'money.repair': ['owner', 'finance'],
  'inbox.read': ['owner', 'finance', 'support'],
  'inbox.replay': ['owner', 'finance'],
  'jobs.read': ['owner', 'finance'],
  'jobs.run': ['owner', 'finance'],
  'courses.read': ['owner', 'finance', 'support', 'editor'],
  'courses.write': ['owner', 'editor'],
  'buyers.read': ['owner', 'finance', 'support'],
  'buyers.write': ['owner', 'support'],
  'access.grant': ['owner', 'support'],
  'students.import': ['owner', 'support'],
  'settings.read': ['owner', 'finance'],
  'settings.write': ['owner'],
  'staff.read': ['owner'],
  'staff.write': ['owner'],
  'audit.read': ['owner', 'finance'],
} as const satisfies Record<string, readonly StaffRole[]>

export type Right = keyof typeof RIGHTS

export const mayDo = (role: Role, right: Right): boolean => (RIGHTS[right] as readonly Role[]).includes(role)

export const rightsOf = (role: Role): Right[] => (Object.keys(RIGHTS) as Right[]).filter((right) => mayDo(role, right))
