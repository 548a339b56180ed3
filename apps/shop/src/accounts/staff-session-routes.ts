/** The sessions of others at the owner's desk: seen, and ended. */
import { Type } from 'typebox'
import type { Database } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { problems, WholeList, wholeList } from '../http/shapes.ts'
import { staffOf } from './desk.ts'
import { endSession, endSessions, listSessions, SessionShape } from './session-list.ts'
import { changeStaff } from './staff-change.ts'
import { readStaff } from './staff-members.ts'

const Id = Type.Object({ id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) })

export function addStaffSessionsDesk(desk: Application, db: Database, clock: () => Date): void {
  desk.addSchema(SessionShape)
  const tags = ['desk: staff']

  desk.get(
    '/staff/:id/sessions',
    {
      config: { right: 'staff.read' },
      schema: {
        tags,
        summary: 'Where one of the staff is logged in now',
        params: Id,
        response: { 200: WholeList('Session'), ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params
      await readStaff(db, id)
      return wholeList(await listSessions(db, id, staffOf(request).sessionId, clock()))
    },
  )

  desk.post(
    '/staff/:id/sessions/end',
    {
      config: { right: 'staff.write' },
      schema: {
        tags,
        summary: 'End one session of one of the staff, or all',
        params: Id,
        body: Type.Object(
          {
            sessionId: Type.Optional(Type.String({ format: 'uuid' })),
            reason: Type.String({ minLength: 1, maxLength: 200 }),
          },
          { additionalProperties: false },
        ),
        response: { 200: WholeList('Session'), ...problems(401, 403, 404, 422) },
      },
    },
    async (request) => {
      const { id } = request.params
      const { sessionId, reason } = request.body
      const staff = staffOf(request)
      const at = clock()
      await changeStaff(db, staff, {
        id,
        action: 'staff.sessions',
        note: reason,
        at,
        async work(tx) {
          if (sessionId === undefined) await endSessions(tx, id, at)
          else if (!(await endSession(tx, id, sessionId, at))) throw new ShopError('SESSION_NOT_FOUND')
        },
      })
      return wholeList(await listSessions(db, id, staff.sessionId, at))
    },
  )
}
