/** Staff accounts as the owner sees them. */
import { type Static, Type } from 'typebox'
import { STAFF_ROLES } from '../admin/permissions.ts'
import type { Reader } from '../db/connect.ts'
import { ShopError } from '../errors.ts'
import { Moment, viewOf } from '../http/shapes.ts'

export const StaffRoleShape = Type.Enum([...STAFF_ROLES])

export const StaffMemberShape = Type.Object(
  {
    id: Type.Integer(),
    username: Type.String(),
    displayName: Type.String(),
    role: StaffRoleShape,
    createdAt: Moment,
    disabledAt: Type.Union([Moment, Type.Null()]),
    passwordDue: Type.Boolean({ description: 'Still has a generated password' }),
    secondFactor: Type.Boolean({ description: 'The login requires a code as well' }),
  },
  { $id: 'StaffMember' },
)
export type StaffMember = Static<typeof StaffMemberShape>

/** @throws ShopError USER_NOT_FOUND for unknown accounts and for buyers */
export async function readStaff(db: Reader, id: number): Promise<StaffMember> {
  const [member] = await findStaff(db, id)
  if (!member) throw new ShopError('USER_NOT_FOUND')
  return member
}

/** All staff accounts, or one of them. */
export async function findStaff(db: Reader, id?: number): Promise<StaffMember[]> {
  let select = db
    .selectFrom('users')
    .leftJoin('second_factors', 'second_factors.user_id', 'users.id')
    .select(['users.id', 'users.username', 'users.display_name', 'users.role', 'users.created_at'])
    .select(['users.disabled_at', 'users.password_due', 'second_factors.confirmed_at'])
    .where('users.role', '!=', 'buyer')
  if (id !== undefined) select = select.where('users.id', '=', id)
  const rows = await select.orderBy('users.id').execute()
  return rows.flatMap(({ role, confirmed_at, ...row }) =>
    role === 'buyer' ? [] : [{ ...viewOf(row), role, secondFactor: confirmed_at !== null }],
  )
}
