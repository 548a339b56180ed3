/** The owner's security settings: roles that need a second factor, refunds that need a proof, and what others did. */
import { type Static, Type } from 'typebox'
import { type AdminContext, adminAction } from '../admin/action.ts'
import { adminRoute, staffOf } from '../admin/admin-routes.ts'
import { changeSecuritySettings, readSecuritySettings, type SecuritySettings } from '../auth/security-settings.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { closed, Moment, Money, Nothing, problems, writeMoment } from '../http/shapes.ts'
import { formatYuan, parseYuan } from '../money.ts'
import { StaffRoleShape } from './members.ts'
import { noteSecurityNews, readSecurityNews } from './security-news.ts'

const route = adminRoute('staff')

const SettingsShape = Type.Object(
  {
    refundLimit: Type.String({ ...Money, description: 'Larger refunds by staff need a fresh credential proof' }),
    factorRoles: Type.Array(StaffRoleShape, { maxItems: 4, description: 'Roles that need a second factor' }),
  },
  { $id: 'SecuritySettings', additionalProperties: false },
)

const NewsShape = Type.Object(
  {
    count: Type.Integer(),
    items: Type.Array(
      Type.Object({
        id: Type.Integer(),
        at: Moment,
        username: Type.String(),
        action: Type.String(),
        subject: Type.String(),
      }),
      { description: 'The newest entries' },
    ),
  },
  { $id: 'SecurityNews' },
)

export function addSecurityAdminRoutes(admin: Application, context: AdminContext): void {
  admin.addSchema(SettingsShape)
  admin.addSchema(NewsShape)
  addSettingsRoutes(admin, context)
  addNewsRoutes(admin, context)
}

function addSettingsRoutes(admin: Application, context: AdminContext): void {
  admin.get(
    '/security-settings',
    route('staff.read', { response: { 200: Type.Ref('SecuritySettings'), ...problems(401, 403) } }),
    async () => written(await readSecuritySettings(context.db)),
  )

  admin.put(
    '/security-settings',
    route('staff.write', {
      proof: true,
      summary: 'Change both; SECOND_FACTOR_MISSING when requiring a second factor of owners without having one',
      body: SettingsShape,
      response: { 200: Type.Ref('SecuritySettings'), ...problems(401, 403, 409, 422) },
    }),
    async (request) => {
      const wanted = read(request.body)
      return adminAction(context, {
        request,
        work: async ({ tx, staff, now }) => {
          const former = await changeSecuritySettings(tx, { ...wanted, userId: staff.user.id, now })
          return { before: written(former), after: written(await readSecuritySettings(tx)) }
        },
        audit: (changed) => ({ action: 'security.change', subject: 'security-settings', ...changed }),
        view: ({ after }) => after,
      })
    },
  )
}

function addNewsRoutes(admin: Application, { db, clock }: AdminContext): void {
  admin.get(
    '/security-news',
    route('staff.read', {
      summary: 'What others did with keys, staff, exports and large refunds since I last acknowledged it',
      response: { 200: Type.Ref('SecurityNews'), ...problems(401, 403) },
    }),
    async (request) => {
      const { count, rows } = await readSecurityNews(db, staffOf(request).user.id, clock())
      const items = rows.map(({ id, at, username, action, subject }) => {
        return { id, at: writeMoment(at), username, action, subject }
      })
      return { count, items }
    },
  )

  admin.post(
    '/security-news/seen',
    route('staff.read', {
      summary: 'Acknowledge all audit entries up to this one',
      body: closed({ upTo: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) }),
      response: { 204: Nothing, ...problems(401, 403, 422) },
    }),
    async (request, reply) => {
      await noteSecurityNews(db, staffOf(request).user.id, request.body.upTo)
      return reply.code(204).send(null)
    },
  )
}

const written = ({ refundLimit, factorRoles }: SecuritySettings): Static<typeof SettingsShape> => ({
  refundLimit: formatYuan(refundLimit),
  factorRoles: [...factorRoles],
})

/** @throws ShopError INVALID_INPUT for an invalid amount */
function read({ refundLimit, factorRoles }: Static<typeof SettingsShape>): SecuritySettings {
  const limit = parseYuan(refundLimit)
  if (limit === undefined) throw new ShopError('INVALID_INPUT')
  return { refundLimit: limit, factorRoles }
}
