/** Reconciliation at the staff's desk: the days, one day with its differences, run it again, repair. */
import { Type } from 'typebox'
import { audit } from '../accounts/audit.ts'
import { staffOf } from '../accounts/desk.ts'
import type { Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { answeredBefore, IdempotencyHeader, once, repeatable } from '../http/idempotency.ts'
import { problems } from '../http/shapes.ts'
import { enqueue } from '../jobs/enqueue.ts'
import { type Payments, providerNamed } from '../payments/payments.ts'
import { PAY_TYPES } from '../payments/providers/names.ts'
import { DAY_PATTERN, dayOf, isDay } from './days.ts'
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

const DayParams = Type.Object({ provider: Type.Enum([...PAY_TYPES]), day: Type.String({ pattern: DAY_PATTERN }) })

export function addReconciliationDesk(desk: Application, payments: Payments): void {
  desk.addSchema(DayShape)
  desk.addSchema(DifferenceShape)
  const { db, clock } = payments
  const tags = ['desk: reconciliation']

  desk.get(
    '/reconciliations',
    {
      config: { right: 'money.read' },
      schema: {
        tags,
        summary: 'Days, newest first',
        querystring: Type.Object({ cursor: Type.Optional(Type.String({ maxLength: 200 })) }),
        response: {
          200: Type.Object({
            items: Type.Array(Type.Ref('Reconciliation')),
            next: Type.Union([Type.String(), Type.Null()]),
          }),
          ...problems(401, 403, 422),
        },
      },
    },
    (request) => listDays(db, clock(), request.query.cursor),
  )

  desk.post(
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
      const staff = staffOf(request)
      const { provider, day } = request.body
      providerNamed(payments, provider)
      const now = clock()
      // Today is let through: the gateway's clock may be ahead, and a day that has no bill yet waits for it.
      if (!isDay(day) || day > dayOf(now)) {
        throw new ShopError('INVALID_INPUT', { errors: [{ field: 'day', message: 'is no day, or has not begun' }] })
      }
      const view = await db.transaction().execute((tx) =>
        once(tx, staff.user.id, repeatable(request), now, async () => {
          await requestDay(tx, { provider, day }, now)
          await enqueue(tx, RECONCILE, { provider, day })
          const subject = `reconciliations/${provider}/${day}`
          await audit(tx, staff, { at: now, action: 'reconciliation.run', subject })
          return readDay(tx, { provider, day }, now)
        }),
      )
      return reply.code(202).send(view)
    },
  )

  desk.get(
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

  desk.post(
    '/differences/:id/repair',
    {
      config: { right: 'money.repair' },
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
      const before = () => answeredBefore<DifferenceView>(db, staff.user.id, key)
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
        // The same request may have closed it just now.
        const now = error instanceof ShopError ? await before() : undefined
        if (now) return now
        throw error
      }
    },
  )
}
