/** Orders in the back office: search, one order, cancel, and querying the gateway now. */
import { Type } from 'typebox'
import { writeUser } from '../../accounts/routes.ts'
import { staffOf } from '../../admin/admin-routes.ts'
import { audit } from '../../admin/audit.ts'
import { rightsOf } from '../../admin/permissions.ts'
import type { Transaction } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import type { Application } from '../../http/application.ts'
import { Cursor } from '../../http/cursor.ts'
import { problems } from '../../http/shapes.ts'
import { OrderNo } from '../../orders/read.ts'
import { closeOrder } from '../../payments/gateway-sync/close-order.ts'
import { queryAttempt } from '../../payments/gateway-sync/query.ts'
import { isGatewayUnavailable, type Payments } from '../../payments/payments.ts'
import { OrderRowShape, orderNumbered, searchOrders } from './list.ts'
import { AdminOrderShape, type AskAnswer, readAdminOrder } from './order.ts'
import { searchFields } from './search.ts'

export function addOrderAdminRoutes(admin: Application, payments: Payments): void {
  admin.addSchema(OrderRowShape)
  admin.addSchema(AdminOrderShape)
  addReadRoutes(admin, payments)
  addCancelRoute(admin, payments)
  addQueryRoute(admin, payments)
}

const tags = ['back office: orders']

function addReadRoutes(admin: Application, { db }: Payments): void {
  admin.get(
    '/me',
    {
      config: { right: 'admin.enter' },
      schema: {
        tags: ['back office'],
        summary: 'Who am I, and what may I do here',
        response: {
          200: Type.Object({ user: Type.Ref('User'), rights: Type.Array(Type.String()) }),
          ...problems(401, 403),
        },
      },
    },
    (request) => {
      const { user } = staffOf(request)
      return { user: writeUser(user), rights: rightsOf(user.role) }
    },
  )

  admin.get(
    '/orders',
    {
      config: { right: 'orders.read' },
      schema: {
        tags,
        summary: 'Orders, newest first',
        querystring: Type.Object({ ...searchFields, cursor: Cursor }),
        response: {
          200: Type.Object({
            items: Type.Array(Type.Ref('AdminOrderRow')),
            next: Type.Union([Type.String(), Type.Null()]),
            tooMany: Type.Boolean({
              description: 'The words fit more people or courses than are looked through: there may be more orders',
            }),
          }),
          ...problems(401, 403, 422),
        },
      },
    },
    (request) => searchOrders(db, request.query),
  )

  admin.get(
    '/orders/:orderNo',
    {
      config: { right: 'orders.read' },
      schema: { tags, params: OrderNo, response: { 200: Type.Ref('AdminOrder'), ...problems(401, 403, 404) } },
    },
    (request) => readAdminOrder(db, request.params.orderNo, staffOf(request).user.role),
  )
}

function addCancelRoute(admin: Application, payments: Payments): void {
  const { db, clock } = payments

  admin.post(
    '/orders/:orderNo/cancel',
    {
      config: { right: 'orders.cancel' },
      schema: {
        tags,
        summary: 'Cancel while unpaid: closed at the gateway first',
        params: OrderNo,
        body: Type.Object({ reason: Type.String({ minLength: 1, maxLength: 200 }) }, { additionalProperties: false }),
        response: { 200: Type.Ref('AdminOrder'), ...problems(401, 403, 404, 409, 503) },
      },
    },
    async (request) => {
      const staff = staffOf(request)
      const { orderNo } = request.params
      const order = await orderNumbered(db, orderNo)
      if (!order) throw new ShopError('ORDER_NOT_FOUND')
      const by = { actor: 'staff', userId: staff.user.id } as const
      const { reason } = request.body
      const entry = { at: clock(), action: 'order.cancel', subject: `orders/${orderNo}`, note: reason }
      const also = (tx: Transaction) =>
        audit(tx, staff, { ...entry, before: { status: 'unpaid' }, after: { status: 'cancelled' } })
      const closing = await closeOrder(payments, order.id, { event: 'cancel', by, reason, also })
      if (closing !== 'closed') throw new ShopError('ORDER_NOT_CANCELLABLE')
      return readAdminOrder(db, orderNo, staff.user.role)
    },
  )
}

function addQueryRoute(admin: Application, payments: Payments): void {
  const { db, clock } = payments

  admin.post(
    '/orders/:orderNo/ask',
    {
      config: { right: 'orders.ask' },
      schema: {
        tags,
        summary: 'Ask the gateway about every attempt of the order now',
        params: OrderNo,
        response: { 200: Type.Ref('AdminOrder'), ...problems(401, 403, 404, 503) },
      },
    },
    async (request) => {
      const staff = staffOf(request)
      const { orderNo } = request.params
      const order = await orderNumbered(db, orderNo)
      if (!order) throw new ShopError('ORDER_NOT_FOUND')
      const attempts = await db
        .selectFrom('payment_attempts')
        .select(['provider', 'attempt_no', 'merchant'])
        .where('order_id', '=', order.id)
        .execute()
      let answered = 0
      for (const attempt of attempts) {
        const note = (tx: Transaction, answer: AskAnswer) => {
          const entry = { at: clock(), action: 'order.ask', subject: `orders/${orderNo}` }
          return audit(tx, staff, { ...entry, after: { [attempt.attempt_no]: answer } })
        }
        try {
          await queryAttempt(payments, attempt, note)
          answered += 1
        } catch (error) {
          if (!isGatewayUnavailable(error)) throw error
          await db.transaction().execute((tx) => note(tx, 'unanswered'))
        }
      }
      // If only some of the gateways answer, the page shows which.
      if (answered === 0 && attempts.length > 0) throw new ShopError('GATEWAY_UNAVAILABLE')
      return readAdminOrder(db, orderNo, staff.user.role)
    },
  )
}
