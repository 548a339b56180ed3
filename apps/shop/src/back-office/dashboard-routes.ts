/** The dashboard in the back office. */
import { Type } from 'typebox'
import { adminRoute } from '../admin/admin-routes.ts'
import type { Database } from '../db/connect.ts'
import type { Application } from '../http/application.ts'
import { problems } from '../http/shapes.ts'
import { sumUpDays } from '../reconciliation/sales-days.ts'
import { DashboardShape, readDashboard } from './dashboard.ts'

const route = adminRoute('money')

const Span = Type.Object({ days: Type.Optional(Type.Integer({ minimum: 1, maximum: 366, default: 30 })) })

export function addDashboardAdminRoutes(admin: Application, db: Database, clock: () => Date): void {
  admin.addSchema(DashboardShape)
  admin.get(
    '/dashboard',
    route('money.read', {
      summary: 'Sales net of refunds by day, by course, by method; from order to payment; time to access',
      querystring: Span,
      response: { 200: Type.Ref('Dashboard'), ...problems(401, 403, 422) },
    }),
    (request) => readDashboard(db, request.query.days ?? 30, clock()),
  )

  admin.post(
    '/dashboard/count',
    route('money.read', {
      summary: 'Count the last days again now, instead of with the next job',
      querystring: Span,
      response: { 200: Type.Ref('Dashboard'), ...problems(401, 403, 422) },
    }),
    async (request) => {
      await sumUpDays(db, clock())
      return readDashboard(db, request.query.days ?? 30, clock())
    },
  )
}
