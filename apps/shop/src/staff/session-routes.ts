/** The owner's routes for other staff members' sessions: list and end. */
import { Type } from 'typebox'
import type { AdminContext } from '../admin/action.ts'
import { adminRoute, staffOf } from '../admin/admin-routes.ts'
import { endSession, endSessions, listSessions, SessionShape } from '../auth/sessions/session-list.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { closed, problems, WholeList, wholeList } from '../http/shapes.ts'
import { changeStaff } from './change.ts'
import { readStaff } from './members.ts'

const route = adminRoute('staff')

const Id = Type.Object({ id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) })

export function addStaffSessionsAdminRoutes(admin: Application, context: AdminContext): void {
  const { db, clock } = context
  admin.addSchema(SessionShape)

  admin.get(
    '/staff/:id/sessions',
    route('staff.read', {
      summary: 'Sessions of a staff account',
      params: Id,
      response: { 200: WholeList('Session'), ...problems(401, 403, 404) },
    }),
    async (request) => {
      const { id } = request.params
      await readStaff(db, id)
      return wholeList(await listSessions(db, id, staffOf(request).sessionId, clock()))
    },
  )

  admin.post(
    '/staff/:id/sessions/end',
    route('staff.write', {
      security: 'account.sessions-ended',
      proof: true,
      summary: 'End one session of a staff account, or all',
      params: Id,
      body: closed({
        sessionId: Type.Optional(Type.String({ maxLength: 36, format: 'uuid' })),
        reason: Type.String({ minLength: 1, maxLength: 200 }),
      }),
      response: { 200: WholeList('Session'), ...problems(401, 403, 404, 422) },
    }),
    async (request) => {
      const { id } = request.params
      const { sessionId, reason } = request.body
      await changeStaff(context, request, {
        id,
        action: 'staff.sessions',
        note: reason,
        async work({ tx, now }) {
          if (sessionId === undefined) await endSessions(tx, id, now)
          else if (!(await endSession(tx, id, sessionId, now))) throw new ShopError('SESSION_NOT_FOUND')
        },
      })
      return wholeList(await listSessions(db, id, staffOf(request).sessionId, clock()))
    },
  )
}
