/** Reconciliation in the back office: the days, one day with its differences, run it again, repair. */
import { Type } from 'typebox'
import { adminAction } from '../admin/action.ts'
import { staffOf } from '../admin/admin-routes.ts'
import { DAY_PATTERN, dayOf, isDay } from '../beijing-day.ts'
import type { Transaction } from '../db/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { Cursor, PageShape } from '../http/cursor.ts'
import { findStoredAnswer, IdempotencyHeader, once, repeatable } from '../http/idempotency.ts'
import { problems } from '../http/shapes.ts'
import { enqueue } from '../jobs/enqueue.ts'
import { findProvider, type Payments } from '../payments/payments.ts'
import { PayType } from '../payments/providers/methods.ts'
import {
  DayShape,
  DifferenceShape,
  type DifferenceView,
  differencesOf,
  listDays,
  readDay,
  readDifference,
} from './read.ts'
import { REPAIRS, repairDifference } from './repair.ts'
import { RECONCILE, requestDay } from './run.ts'

const DayParams = Type.Object({
  provider: PayType,
  day: Type.String({ maxLength: 10, pattern: DAY_PATTERN }),
})

export function addReconciliationAdminRoutes(admin: Application, payments: Payments): void {
  admin.addSchema(DayShape)
  admin.addSchema(DifferenceShape)
  addListRoute(admin, payments)
  addRunRoute(admin, payments)
  addDayRoute(admin, payments)
  addRepairRoute(admin, payments)
}

const tags = ['back office: reconciliation']

function addListRoute(admin: Application, { db, clock }: Payments): void {
  admin.get(
    '/reconciliations',
    {
      config: { right: 'money.read' },
      schema: {
        tags,
        summary: 'Days, newest first',
        querystring: Type.Object({ cursor: Cursor }),
        response: {
          200: PageShape('Reconciliation'),
          ...problems(401, 403, 422),
        },
      },
    },
    (request) => listDays(db, clock(), request.query.cursor),
  )
}

function addRunRoute(admin: Application, payments: Payments): void {
  admin.post(
    '/reconciliations',
    {
      config: { right: 'money.repair' },
      schema: {
        tags,
        summary: 'Reconcile a day, for the first time or again: a job does it',
        headers: IdempotencyHeader,
        body: DayParams,
        response: { 202: Type.Ref('Reconciliation'), ...problems(401, 403, 422) },
      },
    },
    async (request, reply) => {
      const { provider, day } = request.body
      findProvider(payments, provider)
      // Today is allowed: the gateway's clock may be ahead, and a day without a bill stays waiting.
      if (!isDay(day) || day > dayOf(payments.clock())) {
        throw new ShopError('INVALID_INPUT', { errors: [{ field: 'day', message: 'is no day, or has not begun' }] })
      }
      const view = await adminAction(payments, {
        request,
        work: async ({ tx, now }) => {
          await requestDay(tx, { provider, day }, now)
          await enqueue(tx, RECONCILE, { provider, day })
        },
        audit: () => ({ action: 'reconciliation.run', subject: `reconciliations/${provider}/${day}` }),
        view: (_, { tx, now }) => readDay(tx, { provider, day }, now),
      })
      return reply.code(202).send(view)
    },
  )
}

function addDayRoute(admin: Application, { db, clock }: Payments): void {
  admin.get(
    '/reconciliations/:provider/:day',
    {
      config: { right: 'money.read' },
      schema: {
        tags,
        params: DayParams,
        response: {
          200: Type.Object({
            reconciliation: Type.Ref('Reconciliation'),
            differences: Type.Array(Type.Ref('Difference')),
          }),
          ...problems(401, 403, 404),
        },
      },
    },
    async (request) => ({
      reconciliation: await readDay(db, request.params, clock()),
      differences: await differencesOf(db, request.params, staffOf(request).user.role),
    }),
  )
}

function addRepairRoute(admin: Application, payments: Payments): void {
  const { db, clock } = payments

  admin.post(
    '/differences/:id/repair',
    {
      config: { right: 'money.repair', proof: 'sometimes' },
      schema: {
        tags,
        summary: 'Repair a difference, or take note of it',
        params: Type.Object({ id: Type.Integer({ minimum: 1 }) }),
        headers: IdempotencyHeader,
        body: Type.Object(
          { repair: Type.Enum([...REPAIRS]), note: Type.String({ minLength: 1, maxLength: 500 }) },
          { additionalProperties: false },
        ),
        response: { 200: Type.Ref('Difference'), ...problems(401, 403, 404, 409, 422, 503) },
      },
    },
    async (request) => {
      const staff = staffOf(request)
      const { id } = request.params
      const key = repeatable(request)
      const before = () => findStoredAnswer<DifferenceView>(db, staff.user.id, key)
      const answered = await before()
      if (answered) return answered
      const close = (tx: Transaction, work: () => Promise<void>) =>
        once(tx, staff.user.id, key, clock(), async () => {
          await work()
          return readDifference(tx, id, staff.user.role)
        })
      try {
        return await repairDifference(payments, staff, { id, ...request.body }, close)
      } catch (error) {
        // The same request may have closed it just before.
        const now = error instanceof ShopError ? await before() : undefined
        if (now) return now
        throw error
      }
    },
  )
}
