/** The staff at the owner's desk: who they are, what each role may do, a new one, another role, disable, a new password, a lost second factor. */
import { Type } from 'typebox'
import type { Database, Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { IdempotencyHeader, once, repeatable } from '../http/idempotency.ts'
import { problems } from '../http/shapes.ts'
import { audit } from './audit.ts'
import { type Staff, staffOf } from './desk.ts'
import { newPassword, setDisabled, setPassword, setRole } from './manage.ts'
import { addUser } from './register.ts'
import { rightsOf, STAFF_ROLES } from './rights.ts'
import { Username } from './routes.ts'
import { removeFactor } from './second-factor.ts'
import { endSessions } from './session-list.ts'
import { changeStaff, told } from './staff-change.ts'
import { findStaff, readStaff, StaffMemberShape, StaffRoleShape } from './staff-members.ts'

const Id = Type.Object({ id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) })
const Why = Type.String({ minLength: 1, maxLength: 200 })

const NewMember = Type.Object(
  { username: Username, displayName: Type.String({ minLength: 1, maxLength: 64 }), role: StaffRoleShape },
  { additionalProperties: false },
)

export function addStaffDesk(desk: Application, db: Database, clock: () => Date): void {
  desk.addSchema(StaffMemberShape)
  const tags = ['desk: staff']

  desk.get(
    '/staff',
    {
      config: { right: 'staff.read' },
      schema: {
        tags,
        summary: 'Everybody of the staff, and what each role may do',
        response: {
          200: Type.Object({
            items: Type.Array(Type.Ref('StaffMember')),
            next: Type.Null(),
            roles: Type.Array(Type.Object({ role: StaffRoleShape, rights: Type.Array(Type.String()) })),
          }),
          ...problems(401, 403),
        },
      },
    },
    async () => ({
      items: await findStaff(db),
      next: null,
      roles: STAFF_ROLES.map((role) => ({ role, rights: rightsOf(role) })),
    }),
  )

  desk.get(
    '/staff/:id',
    {
      config: { right: 'staff.read' },
      schema: { tags, params: Id, response: { 200: Type.Ref('StaffMember'), ...problems(401, 403, 404) } },
    },
    (request) => readStaff(db, request.params.id),
  )

  desk.post(
    '/staff',
    {
      config: { right: 'staff.write' },
      schema: {
        tags,
        summary: 'Add one of the staff, with a password that must be changed at the first login',
        headers: IdempotencyHeader,
        body: NewMember,
        response: {
          201: Type.Object({
            member: Type.Ref('StaffMember'),
            password: Type.Union([Type.String(), Type.Null()], {
              description: 'Shown in the first answer only: a request that is repeated with its key finds null here',
            }),
          }),
          ...problems(401, 403, 409, 422),
        },
      },
    },
    async (request, reply) => {
      const staff = staffOf(request)
      const made = await newPassword()
      let password: string | null = null
      const { id } = await db.transaction().execute((tx) =>
        once(tx, staff.user.id, repeatable(request), clock(), async () => {
          password = made.password
          const { id } = await addUser(tx, { ...request.body, passwordDue: true }, made.hash)
          const after = { username: request.body.username, ...told(await readStaff(tx, id)) }
          await audit(tx, staff, { at: clock(), action: 'staff.create', subject: `staff/${id}`, after })
          return { id }
        }),
      )
      const member = await readStaff(db, id)
      return reply.code(201).header('cache-control', 'no-store').send({ member, password })
    },
  )

  desk.post(
    '/staff/:id/role',
    {
      config: { right: 'staff.write' },
      schema: {
        tags,
        summary: 'Change a role and end the sessions; the last owner stays',
        params: Id,
        body: Type.Object({ role: StaffRoleShape, reason: Why }, { additionalProperties: false }),
        response: { 200: Type.Ref('StaffMember'), ...problems(401, 403, 404, 409, 422) },
      },
    },
    (request) => {
      const { role, reason } = request.body
      const { id } = request.params
      const at = clock()
      const work = (tx: Transaction) => setRole(tx, id, role, at)
      return changeStaff(db, staffOf(request), { id, action: 'staff.role', note: reason, at, work })
    },
  )

  desk.post(
    '/staff/:id/disable',
    {
      config: { right: 'staff.write' },
      schema: {
        tags,
        summary: 'Disable an account and end its sessions, or enable it again; the last owner stays',
        params: Id,
        body: Type.Object({ disabled: Type.Boolean(), reason: Why }, { additionalProperties: false }),
        response: { 200: Type.Ref('StaffMember'), ...problems(401, 403, 404, 409, 422) },
      },
    },
    (request) => {
      const { disabled, reason } = request.body
      const { id } = request.params
      const at = clock()
      const action = disabled ? 'staff.disable' : 'staff.enable'
      const work = (tx: Transaction) => setDisabled(tx, id, disabled, at)
      return changeStaff(db, staffOf(request), { id, action, note: reason, at, work })
    },
  )

  desk.post(
    '/staff/:id/password',
    {
      config: { right: 'staff.write' },
      schema: {
        tags,
        summary: 'Make up a new password, shown only in this answer, and end the sessions; it must be changed at login',
        params: Id,
        body: Type.Object({ reason: Why }, { additionalProperties: false }),
        response: { 200: Type.Object({ password: Type.String() }), ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      refuseOwn(staffOf(request), id)
      const { password, hash } = await newPassword()
      const at = clock()
      await changeStaff(db, staffOf(request), {
        id,
        action: 'staff.password',
        note: request.body.reason,
        at,
        work: (tx) => setPassword(tx, id, hash, at),
      })
      return reply.header('cache-control', 'no-store').send({ password })
    },
  )

  desk.post(
    '/staff/:id/second-factor/off',
    {
      config: { right: 'staff.write' },
      schema: {
        tags,
        summary: 'Turn off the second factor of somebody who has lost it, and end the sessions',
        params: Id,
        body: Type.Object({ reason: Why }, { additionalProperties: false }),
        response: { 200: Type.Ref('StaffMember'), ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request) => {
      const { id } = request.params
      refuseOwn(staffOf(request), id)
      const at = clock()
      const work = async (tx: Transaction) => {
        await removeFactor(tx, id)
        await endSessions(tx, id, at)
      }
      return changeStaff(db, staffOf(request), {
        id,
        action: 'staff.second-factor',
        note: request.body.reason,
        at,
        work,
      })
    },
  )
}

/**
 * One's own password and second factor are changed where the old ones are asked for: whoever finds a desk unlocked must
 * not get past them. @throws ShopError OWN_ACCOUNT
 */
function refuseOwn({ user }: Staff, id: number): void {
  if (user.id === id) throw new ShopError('OWN_ACCOUNT')
}
