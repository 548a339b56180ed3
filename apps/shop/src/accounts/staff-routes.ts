/** The staff at the owner's desk: who they are, what each role may do, another role, disable, a new password. */
import { type Static, Type } from 'typebox'
import type { Database, Reader, Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { Moment, problems, writeMoment, writeMomentOrNull } from '../http/shapes.ts'
import { audit } from './audit.ts'
import { type Staff, staffOf } from './desk.ts'
import { newPassword, setDisabled, setPassword, setRole } from './manage.ts'
import { rightsOf, STAFF_ROLES } from './rights.ts'

const Id = Type.Object({ id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) })
const Why = Type.String({ minLength: 1, maxLength: 200 })
const StaffRoleShape = Type.Enum(['owner', 'finance', 'support', 'editor'])

const StaffMemberShape = Type.Object(
  {
    id: Type.Integer(),
    username: Type.String(),
    displayName: Type.String(),
    role: StaffRoleShape,
    createdAt: Moment,
    disabledAt: Type.Union([Moment, Type.Null()]),
  },
  { $id: 'StaffMember' },
)
type StaffMember = Static<typeof StaffMemberShape>

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
            roles: Type.Array(Type.Object({ role: StaffRoleShape, rights: Type.Array(Type.String()) })),
          }),
          ...problems(401, 403),
        },
      },
    },
    async () => ({
      items: await findStaff(db),
      roles: STAFF_ROLES.map((role) => ({ role, rights: rightsOf(role) })),
    }),
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
      return change(staffOf(request), id, 'staff.role', reason, (tx, now) => setRole(tx, id, role, now))
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
      const action = disabled ? 'staff.disable' : 'staff.enable'
      return change(staffOf(request), id, action, reason, (tx, now) => setDisabled(tx, id, disabled, now))
    },
  )

  desk.post(
    '/staff/:id/password',
    {
      config: { right: 'staff.write' },
      schema: {
        tags,
        summary: 'Make up a new password, shown only in this answer, and end the sessions',
        params: Id,
        body: Type.Object({ reason: Why }, { additionalProperties: false }),
        response: { 200: Type.Object({ password: Type.String() }), ...problems(401, 403, 404, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const { password, hash } = await newPassword()
      await change(staffOf(request), id, 'staff.password', request.body.reason, (tx, now) =>
        setPassword(tx, id, hash, now),
      )
      return reply.header('cache-control', 'no-store').send({ password })
    },
  )

  /** The change and its line in the audit log, together or not at all. */
  const change = (
    staff: Staff,
    id: number,
    action: string,
    note: string,
    work: (tx: Transaction, now: Date) => Promise<void>,
  ): Promise<StaffMember> =>
    db.transaction().execute(async (tx) => {
      const at = clock()
      const before = await readStaff(tx, id)
      await work(tx, at)
      const after = await readStaff(tx, id)
      await audit(tx, staff, { at, action, subject: `staff/${id}`, before: told(before), after: told(after), note })
      return after
    })
}

/** What of an account the audit log tells: nothing of its password. */
const told = ({ role, disabledAt }: StaffMember) => ({ role, disabled: disabledAt !== null })

/** @throws ShopError USER_NOT_FOUND for nobody and for buyers */
async function readStaff(db: Reader, id: number): Promise<StaffMember> {
  const [member] = await findStaff(db, id)
  if (!member) throw new ShopError('USER_NOT_FOUND')
  return member
}

async function findStaff(db: Reader, id?: number): Promise<StaffMember[]> {
  let select = db
    .selectFrom('users')
    .select(['id', 'username', 'display_name', 'role', 'created_at', 'disabled_at'])
    .where('role', '!=', 'buyer')
  if (id !== undefined) select = select.where('id', '=', id)
  const rows = await select.orderBy('id').execute()
  return rows.flatMap((row) =>
    row.role === 'buyer'
      ? []
      : [
          {
            id: row.id,
            username: row.username,
            displayName: row.display_name,
            role: row.role,
            createdAt: writeMoment(row.created_at),
            disabledAt: writeMomentOrNull(row.disabled_at),
          },
        ],
  )
}
