/** What everybody of the staff does about their own account: where they are logged in. */
import { Type } from 'typebox'
import type { Database } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { problems, WholeList, wholeList } from '../http/shapes.ts'
import { audit } from './audit.ts'
import { staffOf } from './desk.ts'
import { endSession, endSessions, listSessions } from './session-list.ts'

export function addProfileDesk(desk: Application, db: Database, clock: () => Date): void {
  const tags = ['desk: profile']
  const Sessions = WholeList('Session')

  desk.get(
    '/profile/sessions',
    {
      config: { right: 'desk.see' },
      schema: { tags, summary: 'Where I am logged in now', response: { 200: Sessions, ...problems(401, 403) } },
    },
    async (request) => {
      const { user, sessionId } = staffOf(request)
      return wholeList(await listSessions(db, user.id, sessionId, clock()))
    },
  )

  desk.post(
    '/profile/sessions/end',
    {
      config: { right: 'desk.see' },
      schema: {
        tags,
        summary: 'End one of my sessions, or all but this one',
        body: Type.Object({ id: Type.Optional(Type.String({ format: 'uuid' })) }, { additionalProperties: false }),
        response: { 200: Sessions, ...problems(401, 403, 404, 422) },
      },
    },
    async (request) => {
      const staff = staffOf(request)
      const { user, sessionId } = staff
      const { id } = request.body
      const at = clock()
      await db.transaction().execute(async (tx) => {
        const ended = id === undefined ? await endSessions(tx, user.id, at, sessionId) : 1
        if (id !== undefined && !(await endSession(tx, user.id, id, at))) throw new ShopError('SESSION_NOT_FOUND')
        await audit(tx, staff, { at, action: 'profile.sessions', subject: `staff/${user.id}`, after: { ended } })
      })
      return wholeList(await listSessions(db, user.id, sessionId, at))
    },
  )
}
