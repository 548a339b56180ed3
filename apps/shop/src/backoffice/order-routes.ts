/** The staff's orders: search, one order, cancel, and asking the gateway now. */
import { Type } from 'typebox'
import { audit } from '../accounts/audit.ts'
import { staffOf } from '../accounts/desk.ts'
import { rightsOf } from '../accounts/rights.ts'
import { writeUser } from '../accounts/routes.ts'
import type { Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { problems } from '../http/shapes.ts'
import { OrderNo } from '../orders/routes.ts'
import { askAbout } from '../payments/ask.ts'
import { closeOrder } from '../payments/close-order.ts'
import { isAway, type Payments } from '../payments/payments.ts'
import { AdminOrderShape, type AskAnswer, readAdminOrder } from './order.ts'
import { searchFields } from './order-search.ts'
import { OrderRowShape, orderNumbered, searchOrders } from './orders.ts'

export function addOrderDesk(desk: Application, payments: Payments): void {
  desk.addSchema(OrderRowShape)
  desk.addSchema(AdminOrderShape)
  const { db, clock } = payments
  const tags = ['desk: orders']

  desk.get(
    '/me',
    {
      config: { right: 'desk.see' },
      schema: {
        tags: ['desk'],
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

  desk.get(
    '/orders',
    {
      config: { right: 'orders.read' },
      schema: {
        tags,
        summary: 'Orders, newest first',
        querystring: Type.Object({ ...searchFields, cursor: Type.Optional(Type.String({ maxLength: 200 })) }),
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

  desk.get(
    '/orders/:orderNo',
    {
      config: { right: 'orders.read' },
      schema: { tags, params: OrderNo, response: { 200: Type.Ref('AdminOrder'), ...problems(401, 403, 404) } },
    },
    (request) => readAdminOrder(db, request.params.orderNo, staffOf(request).user.role),
  )

  desk.post(
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
      const deed = { at: clock(), action: 'order.cancel', subject: `orders/${orderNo}`, note: reason }
      const also = (tx: Transaction) =>
        audit(tx, staff, { ...deed, before: { status: 'unpaid' }, after: { status: 'cancelled' } })
      const closing = await closeOrder(payments, order.id, { event: 'cancel', by, reason, also })
      if (closing !== 'closed') throw new ShopError('ORDER_NOT_CANCELLABLE')
      return readAdminOrder(db, orderNo, staff.user.role)
    },
  )

  desk.post(
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
          const deed = { at: clock(), action: 'order.ask', subject: `orders/${orderNo}` }
          return audit(tx, staff, { ...deed, after: { [attempt.attempt_no]: answer } })
        }
        try {
          await askAbout(payments, attempt, note)
          answered += 1
        } catch (error) {
          if (!isAway(error)) throw error
          await db.transaction().execute((tx) => note(tx, 'unanswered'))
        }
      }
      // Where one gateway answers and another does not, the page says which.
      if (answered === 0 && attempts.length > 0) throw new ShopError('GATEWAY_UNAVAILABLE')
      return readAdminOrder(db, orderNo, staff.user.role)
    },
  )
}
