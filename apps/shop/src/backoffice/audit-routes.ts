/** The audit log at the staff's desk: by whom, what, about what and on which day; newest first. */
import { Type } from 'typebox'
import type { Database } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { readCursor, writeCursor } from '../http/cursor.ts'
import { Moment, problems, writeMoment } from '../http/shapes.ts'
import { DAY_PATTERN, endOf, isDay, midnight } from '../reconciliation/days.ts'

const PAGE = 50
const TextOrNull = Type.Union([Type.String(), Type.Null()])

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

export function addAuditDesk(desk: Application, db: Database): void {
  desk.addSchema(AuditShape)

  desk.get(
    '/audit',
    {
      config: { right: 'audit.read' },
      schema: {
        tags: ['desk: staff'],
        summary: 'Who of the staff did what, newest first',
        querystring: Type.Object({
          user: Type.Optional(Type.String({ maxLength: 64 })),
          subject: Type.Optional(Type.String({ maxLength: 100 })),
          action: Type.Optional(Type.String({ maxLength: 64 })),
          day: Type.Optional(Type.String({ pattern: DAY_PATTERN, examples: ['2026-11-23'] })),
          cursor: Type.Optional(Type.String({ maxLength: 200 })),
        }),
        response: {
          200: Type.Object({ items: Type.Array(Type.Ref('AuditLine')), next: TextOrNull }),
          ...problems(401, 403, 422),
        },
      },
    },
    async (request) => {
      const { user, subject, action, day, cursor } = request.query
      const after = readCursor(cursor, ['number'])
      let select = db.selectFrom('audit_log').selectAll()
      if (user) select = select.where('username', '=', user)
      if (subject) select = select.where('subject', '=', subject)
      if (action) select = select.where('action', '=', action)
      if (day && !isDay(day)) throw new ShopError('INVALID_INPUT', { errors: [{ field: 'day', message: 'is no day' }] })
      if (day) select = select.where('at', '>=', midnight(day)).where('at', '<', endOf(day))
      if (after) select = select.where('id', '<', Number(after[0]))
      const rows = await select
        .orderBy('id', 'desc')
        .limit(PAGE + 1)
        .execute()
      const page = rows.slice(0, PAGE)
      const last = page.at(-1)
      return {
        items: page.map(({ id, at, username, role, address, action, subject: about, before, after: now, note }) => {
          return { id, at: writeMoment(at), username, role, address, action, subject: about, before, after: now, note }
        }),
        next: rows.length > PAGE && last ? writeCursor([last.id]) : null,
      }
    },
  )
}
