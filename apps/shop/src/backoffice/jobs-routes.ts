/** Jobs and the audit log at the staff's desk. */
import { Type } from 'typebox'
import { audit } from '../accounts/audit.ts'
import { staffOf } from '../accounts/desk.ts'
import type { Database } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { readCursor, writeCursor } from '../http/cursor.ts'
import { Moment, problems, writeMoment, writeMomentOrNull } from '../http/shapes.ts'
import { JOB_STATES, type Job, listJobs, runAgain } from '../jobs/dead-letters.ts'

const PAGE = 50
const TextOrNull = Type.Union([Type.String(), Type.Null()])

const JobShape = Type.Object(
  {
    id: Type.String(),
    task: Type.String(),
    payload: Type.Unknown(),
    attempts: Type.Integer(),
    maxAttempts: Type.Integer(),
    lastError: TextOrNull,
    runAt: Moment,
    createdAt: Moment,
    lockedAt: Type.Union([Moment, Type.Null()]),
  },
  { $id: 'Job' },
)

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

export function addJobsDesk(desk: Application, db: Database, clock: () => Date): void {
  desk.addSchema(JobShape)
  desk.addSchema(AuditShape)

  desk.get(
    '/jobs',
    {
      config: { right: 'jobs.read' },
      schema: {
        tags: ['desk: jobs'],
        summary: 'Jobs of the queue; dead ones are out of tries',
        querystring: Type.Object({ state: Type.Optional(Type.Enum([...JOB_STATES])) }),
        response: { 200: Type.Object({ items: Type.Array(Type.Ref('Job')) }), ...problems(401, 403, 422) },
      },
    },
    async (request) => ({ items: (await listJobs(db, request.query.state ?? 'dead')).map(writeJob) }),
  )

  desk.post(
    '/jobs/:id/run-again',
    {
      config: { right: 'jobs.run' },
      schema: {
        tags: ['desk: jobs'],
        summary: 'Give a dead job its tries again',
        params: Type.Object({ id: Type.String({ pattern: '^[1-9]\\d{0,15}$' }) }),
        response: { 200: Type.Object({ id: Type.String() }), ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const staff = staffOf(request)
      const { id } = request.params
      await db.transaction().execute(async (tx) => {
        if (!(await runAgain(tx, id))) throw new ShopError('NOT_FOUND')
        await audit(tx, staff, { at: clock(), action: 'job.run-again', subject: `jobs/${id}` })
      })
      return { id }
    },
  )

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
          cursor: Type.Optional(Type.String({ maxLength: 200 })),
        }),
        response: {
          200: Type.Object({ items: Type.Array(Type.Ref('AuditLine')), next: TextOrNull }),
          ...problems(401, 403, 422),
        },
      },
    },
    async (request) => {
      const { user, subject, cursor } = request.query
      const after = readCursor(cursor, ['number'])
      let select = db.selectFrom('audit_log').selectAll()
      if (user) select = select.where('username', '=', user)
      if (subject) select = select.where('subject', '=', subject)
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

const writeJob = (job: Job) => ({
  ...job,
  runAt: writeMoment(job.runAt),
  createdAt: writeMoment(job.createdAt),
  lockedAt: writeMomentOrNull(job.lockedAt),
})
