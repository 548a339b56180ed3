/**
 * The owner's routes for staff: list, permissions, create, change the role, disable, new password, second factor off.
 */
import { Type } from 'typebox'
import { newPassword, oneTimeUntil, setDisabled, setPassword, setRole } from '../accounts/manage.ts'
import { addUser } from '../accounts/register.ts'
import { Username } from '../accounts/routes.ts'
import { type AdminContext, adminAction } from '../admin/action.ts'
import { adminRoute, type Staff, staffOf } from '../admin/admin-routes.ts'
import { rightsOf, STAFF_ROLES } from '../admin/permissions.ts'
import { removeFactor } from '../auth/second-factor/second-factor.ts'
import { disabledOrEnabled, noteAbout } from '../auth/security-log/hooks.ts'
import { endSessions } from '../auth/sessions/session-list.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { IdempotencyHeader } from '../http/idempotency.ts'
import { closed, DisplayName, problems } from '../http/shapes.ts'
import { auditedStaff, changeStaff } from './change.ts'
import { findStaff, readStaff, StaffMemberShape, StaffRoleShape } from './members.ts'

const route = adminRoute('staff')

const Id = Type.Object({ id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) })
const Why = Type.String({ minLength: 1, maxLength: 200 })

const NewMember = closed({ username: Username, displayName: DisplayName, role: StaffRoleShape })

export function addStaffAdminRoutes(admin: Application, context: AdminContext): void {
  admin.addSchema(StaffMemberShape)
  addListRoutes(admin, context)
  addNewMemberRoute(admin, context)
  addRoleRoutes(admin, context)
  addLoginRoutes(admin, context)
}

function addListRoutes(admin: Application, { db }: AdminContext): void {
  admin.get(
    '/staff',
    route('staff.read', {
      summary: 'All staff accounts, and what each role may do',
      response: {
        200: Type.Object({
          items: Type.Array(Type.Ref('StaffMember')),
          next: Type.Null(),
          roles: Type.Array(Type.Object({ role: StaffRoleShape, rights: Type.Array(Type.String()) })),
        }),
        ...problems(401, 403),
      },
    }),
    async () => ({
      items: await findStaff(db),
      next: null,
      roles: STAFF_ROLES.map((role) => ({ role, rights: rightsOf(role) })),
    }),
  )

  admin.get(
    '/staff/:id',
    route('staff.read', { params: Id, response: { 200: Type.Ref('StaffMember'), ...problems(401, 403, 404) } }),
    (request) => readStaff(db, request.params.id),
  )
}

function addNewMemberRoute(admin: Application, context: AdminContext): void {
  admin.post(
    '/staff',
    route('staff.write', {
      security: 'account.created',
      proof: true,
      summary:
        'Create a staff account, with a password that is valid for seven days and must be changed at the first login',
      headers: IdempotencyHeader,
      body: NewMember,
      response: {
        201: Type.Object({
          member: Type.Ref('StaffMember'),
          password: Type.Union([Type.String(), Type.Null()], {
            description: 'Only in the first answer; null when the request is repeated with its key',
          }),
        }),
        ...problems(401, 403, 409, 422, 429),
      },
    }),
    async (request, reply) => {
      const made = await newPassword(senderOf(staffOf(request)))
      let password: string | null = null
      const { id } = await adminAction(context, {
        request,
        work: async ({ tx, now }) => {
          password = made.password
          const { id } = await addUser(tx, { ...request.body, oneTimeUntil: oneTimeUntil(now) }, made.hash)
          return readStaff(tx, id)
        },
        audit: (member) => {
          const after = { username: member.username, ...auditedStaff(member) }
          return { action: 'staff.create', subject: `staff/${member.id}`, after }
        },
        view: ({ id }) => ({ id }),
      })
      noteAbout(request, id)
      const member = await readStaff(context.db, id)
      return reply.code(201).header('cache-control', 'no-store').send({ member, password })
    },
  )
}

function addRoleRoutes(admin: Application, context: AdminContext): void {
  admin.post(
    '/staff/:id/role',
    route('staff.write', {
      security: 'account.role',
      proof: true,
      summary: 'Change a role and end the sessions; refused for the last owner',
      params: Id,
      body: closed({ role: StaffRoleShape, reason: Why }),
      response: { 200: Type.Ref('StaffMember'), ...problems(401, 403, 404, 409, 422) },
    }),
    (request) => {
      const { role, reason } = request.body
      const { id } = request.params
      return changeStaff(context, request, {
        id,
        action: 'staff.role',
        note: reason,
        work: ({ tx, now }) => setRole(tx, id, role, now),
      })
    },
  )

  admin.post(
    '/staff/:id/disable',
    route('staff.write', {
      security: disabledOrEnabled,
      proof: true,
      summary: 'Disable an account and end its sessions, or enable it again; the last owner cannot be disabled',
      params: Id,
      body: closed({ disabled: Type.Boolean(), reason: Why }),
      response: { 200: Type.Ref('StaffMember'), ...problems(401, 403, 404, 409, 422) },
    }),
    (request) => {
      const { disabled, reason } = request.body
      const { id } = request.params
      return changeStaff(context, request, {
        id,
        action: disabled ? 'staff.disable' : 'staff.enable',
        note: reason,
        work: ({ tx, now }) => setDisabled(tx, id, disabled, now),
      })
    },
  )
}

function addLoginRoutes(admin: Application, context: AdminContext): void {
  admin.post(
    '/staff/:id/password',
    route('staff.write', {
      security: 'account.password',
      proof: true,
      summary:
        'Generate a new password, shown only in this answer and valid for seven days, and end the sessions; it must be changed at login',
      params: Id,
      body: closed({ reason: Why }),
      response: { 200: Type.Object({ password: Type.String() }), ...problems(401, 403, 404, 409, 422, 429) },
    }),
    async (request, reply) => {
      const { id } = request.params
      refuseOwn(staffOf(request), id)
      const { password, hash } = await newPassword(senderOf(staffOf(request)))
      await changeStaff(context, request, {
        id,
        action: 'staff.password',
        note: request.body.reason,
        work: ({ tx, now }) => setPassword(tx, id, hash, now),
      })
      return reply.header('cache-control', 'no-store').send({ password })
    },
  )

  admin.post(
    '/staff/:id/second-factor/off',
    route('staff.write', {
      security: 'account.second-factor-off',
      proof: true,
      summary: 'Turn off a lost second factor, and end the sessions',
      params: Id,
      body: closed({ reason: Why }),
      response: { 200: Type.Ref('StaffMember'), ...problems(401, 403, 404, 409, 422) },
    }),
    async (request) => {
      const { id } = request.params
      refuseOwn(staffOf(request), id)
      return changeStaff(context, request, {
        id,
        action: 'staff.second-factor',
        note: request.body.reason,
        work: async ({ tx, now }) => {
          await removeFactor(tx, id)
          await endSessions(tx, id, now)
        },
      })
    },
  )
}

const senderOf = ({ user }: Staff) => ({ kind: 'staff', from: String(user.id) }) as const

/**
 * One's own password and second factor can only be changed where the old ones are required, so that a stranger at an
 * unlocked computer cannot bypass them. @throws ShopError OWN_ACCOUNT
 */
function refuseOwn({ user }: Staff, id: number): void {
  if (user.id === id) throw new ShopError('OWN_ACCOUNT')
}
