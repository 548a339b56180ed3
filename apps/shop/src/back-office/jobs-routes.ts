/** The job queue in the back office. */
import { Type } from 'typebox'
import { type AdminContext, adminAction } from '../admin/action.ts'
import { adminRoute } from '../admin/admin-routes.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { Cursor, cutPage, readCursor } from '../http/cursor.ts'
import { Moment, problems, viewOf } from '../http/shapes.ts'
import { JOB_STATES, listJobs, runAgain, tasksIn } from '../jobs/dead-letters.ts'

const route = adminRoute('jobs')

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

export function addJobsAdminRoutes(admin: Application, context: AdminContext): void {
  const { db } = context
  admin.addSchema(JobShape)

  admin.get(
    '/jobs',
    route('jobs.read', {
      summary: 'Jobs of the queue; dead ones are out of tries',
      querystring: Type.Object({
        state: Type.Optional(Type.Enum([...JOB_STATES])),
        task: Type.Optional(Type.String({ maxLength: 100 })),
        cursor: Cursor,
      }),
      response: {
        200: Type.Object({
          items: Type.Array(Type.Ref('Job')),
          next: TextOrNull,
          tasks: Type.Array(Type.String(), { description: 'Of which there are jobs in this state' }),
        }),
        ...problems(401, 403, 422),
      },
    }),
    async (request) => {
      const { state = 'dead', task, cursor } = request.query
      const after = readCursor(cursor, ['number'])
      const rows = await listJobs(db, { state, task, after: after ? String(after[0]) : undefined, limit: PAGE + 1 })
      const { page, next } = cutPage(rows, PAGE, (job) => [Number(job.id)])
      return { items: page.map(viewOf), next, tasks: await tasksIn(db, state) }
    },
  )

  admin.post(
    '/jobs/:id/run-again',
    route('jobs.run', {
      summary: 'Give a dead job its tries again',
      params: Type.Object({ id: Type.String({ pattern: '^[1-9]\\d{0,15}$' }) }),
      response: { 200: Type.Object({ id: Type.String() }), ...problems(401, 403, 404) },
    }),
    async (request) => {
      const { id } = request.params
      await adminAction(context, {
        request,
        work: async ({ tx }) => {
          const before = await runAgain(tx, id)
          if (!before) throw new ShopError('NOT_FOUND')
          return before
        },
        audit: (before) => {
          return { action: 'job.run-again', subject: `jobs/${id}`, before, after: { task: before.task, attempts: 0 } }
        },
      })
      return { id }
    },
  )
}
