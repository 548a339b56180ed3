/** The audit log in the back office, newest first, filtered by person, action, subject and day. */
import { Type } from 'typebox'
import { adminRoute } from '../admin/admin-routes.ts'
import { DAY_PATTERN, endOf, isDay, midnight } from '../beijing-day.ts'
import type { Database } from '../db/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { Cursor, cursorPage, PageShape } from '../http/cursor.ts'
import { Moment, problems, viewOf } from '../http/shapes.ts'

const route = adminRoute('staff')

const PAGE = 50

const AuditShape = Type.Object(
  {
    id: Type.Integer(),
    at: Moment,
    username: Type.String(),
    role: Type.String(),
    address: Type.String(),
    action: Type.String(),
    subject: Type.String(),
    before: Type.Unknown(),
    after: Type.Unknown(),
    note: Type.String(),
  },
  { $id: 'AuditLine' },
)

export function addAuditAdminRoutes(admin: Application, db: Database): void {
  admin.addSchema(AuditShape)

  admin.get(
    '/audit',
    route('audit.read', {
      summary: 'Who of the staff did what, newest first',
      querystring: Type.Object({
        user: Type.Optional(Type.String({ maxLength: 64 })),
        subject: Type.Optional(Type.String({ maxLength: 100 })),
        action: Type.Optional(Type.String({ maxLength: 64 })),
        only: Type.Optional(
          Type.Enum(['sensitive'], { description: 'Only entries of which all other owners are notified' }),
        ),
        day: Type.Optional(Type.String({ maxLength: 10, pattern: DAY_PATTERN, examples: ['2026-11-23'] })),
        cursor: Cursor,
      }),
      response: {
        200: PageShape('AuditLine'),
        ...problems(401, 403, 422),
      },
    }),
    async (request) => {
      const { user, subject, action, only, day, cursor } = request.query
      let query = db
        .selectFrom('audit_log')
        .select(['id', 'at', 'username', 'role', 'address', 'action', 'subject', 'before', 'after', 'note'])
      if (user) query = query.where('username', '=', user)
      if (subject) query = query.where('subject', '=', subject)
      if (action) query = query.where('action', '=', action)
      if (only) query = query.where('sensitive', '=', true)
      if (day && !isDay(day)) throw new ShopError('INVALID_INPUT', { errors: [{ field: 'day', message: 'is no day' }] })
      if (day) query = query.where('at', '>=', midnight(day)).where('at', '<', endOf(day))
      return cursorPage({
        cursor,
        query,
        key: 'id',
        size: PAGE,
        view: (rows) => rows.map(viewOf),
      })
    },
  )
}
