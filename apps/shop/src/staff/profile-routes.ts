/** Routes for one's own staff account: its sessions and its security events. */
import { Type } from 'typebox'
import { type AdminContext, adminAction } from '../admin/action.ts'
import { adminRoute, staffOf } from '../admin/admin-routes.ts'
import { listSecurityEvents, SecurityEventShape } from '../auth/security-log/events.ts'
import { endSession, endSessions, listSessions } from '../auth/sessions/session-list.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { Cursor, PageShape } from '../http/cursor.ts'
import { closed, problems, WholeList, wholeList } from '../http/shapes.ts'

const route = adminRoute('profile')

export function addProfileAdminRoutes(admin: Application, context: AdminContext): void {
  const { db, clock } = context
  admin.addSchema(SecurityEventShape)
  const Sessions = WholeList('Session')

  admin.get(
    '/profile/sessions',
    route('admin.enter', { summary: 'My sessions', response: { 200: Sessions, ...problems(401, 403) } }),
    async (request) => {
      const { user, sessionId } = staffOf(request)
      return wholeList(await listSessions(db, user.id, sessionId, clock()))
    },
  )

  admin.get(
    '/profile/security-events',
    route('admin.enter', {
      summary: 'Security events of my account: logins, refusals and changes, newest first',
      querystring: Type.Object({ cursor: Cursor }),
      response: {
        200: PageShape('SecurityEvent'),
        ...problems(401, 403, 422),
      },
    }),
    (request) => listSecurityEvents(db, staffOf(request).user.id, request.query.cursor),
  )

  admin.post(
    '/profile/sessions/end',
    route('admin.enter', {
      security: 'sessions.ended',
      summary: 'End one of my sessions, or all but this one',
      body: closed({ id: Type.Optional(Type.String({ maxLength: 36, format: 'uuid' })) }),
      response: { 200: Sessions, ...problems(401, 403, 404, 422) },
    }),
    async (request) => {
      const { user, sessionId } = staffOf(request)
      const { id } = request.body
      await adminAction(context, {
        request,
        work: async ({ tx, now }) => {
          const ended = id === undefined ? await endSessions(tx, user.id, now, sessionId) : 1
          if (id !== undefined && !(await endSession(tx, user.id, id, now))) throw new ShopError('SESSION_NOT_FOUND')
          return ended
        },
        audit: (ended) => ({ action: 'profile.sessions', subject: `staff/${user.id}`, after: { ended } }),
      })
      return wholeList(await listSessions(db, user.id, sessionId, clock()))
    },
  )
}
