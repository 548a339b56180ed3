/**
 * Checkout, paying again, returning to an order and cancelling it. The routes that gateways call are in the providers'
 * folders.
 */
import { Type } from 'typebox'
import { ShopError } from '../../errors.ts'
import type { Application } from '../../http/application.ts'
import { IdempotencyHeader, repeatable } from '../../http/idempotency.ts'
import { Moment, Money, problems } from '../../http/shapes.ts'
import { AMOUNT_PATTERN, parseYuan } from '../../money.ts'
import { OrderNo, readOrder } from '../../orders/read.ts'
import { ORDER_STATUSES } from '../../orders/states.ts'
import { createOrderCanceller } from '../gateway-sync/close-order.ts'
import { createOrderQuery } from '../gateway-sync/query.ts'
import type { Payments } from '../payments.ts'
import { PayType } from '../providers/methods.ts'
import { checkout, openCheckout, payAgain } from './checkout.ts'
import { checkoutFor, clientOf } from './client.ts'

const PurchaseShape = Type.Object(
  {
    subject: Type.Optional(Type.String({ maxLength: 200 })),
    totalAmount: Type.String({
      maxLength: 12,
      pattern: AMOUNT_PATTERN,
      description: 'What the buyer was shown, in yuan',
      examples: ['138.00'],
    }),
    payType: PayType,
    courseIds: Type.Array(Type.Integer({ minimum: 1, maximum: 2_147_483_647 }), {
      minItems: 1,
      maxItems: 50,
      uniqueItems: true,
    }),
  },
  { additionalProperties: false },
)

const CheckoutShape = Type.Object(
  {
    orderNo: Type.String(),
    status: Type.Enum([...ORDER_STATUSES], { description: 'There is no link unless it is unpaid' }),
    totalAmount: Money,
    expiresAt: Moment,
    payType: PayType,
    linkUntil: Type.Optional({ ...Moment, description: 'When this link ends; asked for again, there is another one' }),
    payUrl: Type.Optional(Type.String({ description: 'Where the browser goes to pay' })),
    codeUrl: Type.Optional(Type.String({ description: 'What the QR code says' })),
    scanUrl: Type.Optional(Type.String({ description: 'Where the sandbox has a phone to scan it with' })),
    elsewhere: Type.Optional(
      Type.Literal(true, { description: 'This browser opens no cashier: the order is to be opened in another one' }),
    ),
  },
  { $id: 'Checkout' },
)

export function addPaymentRoutes(app: Application, payments: Payments): void {
  app.addSchema(CheckoutShape)
  addPurchaseRoute(app, payments)
  addPayAgainRoutes(app, payments)
  addWaitingRoutes(app, payments)
}

const tags = ['orders']
const config = { access: 'account', priority: 'payment' } as const

function addPurchaseRoute(app: Application, payments: Payments): void {
  app.post(
    '/api/orders',
    {
      config,
      schema: {
        tags,
        summary: 'Buy: checks the price, makes the order and its pay link',
        headers: IdempotencyHeader,
        body: PurchaseShape,
        response: { 201: Type.Ref('Checkout'), ...problems(401, 404, 409, 422, 503) },
      },
    },
    async (request, reply) => {
      const { user } = await payments.principals.require(request)
      const { subject, totalAmount, payType, courseIds } = request.body
      const total = parseYuan(totalAmount)
      if (total === undefined) throw new ShopError('PRICE_MISMATCH')
      const answer = await checkout(
        payments,
        { userId: user.id, courseIds, total, payType, subject },
        clientOf(request),
        repeatable(request),
      )
      return reply.code(201).send(checkoutFor(request, answer))
    },
  )
}

/** A new link, or the current one. */
function addPayAgainRoutes(app: Application, payments: Payments): void {
  app.post(
    '/api/orders/:orderNo/payment',
    {
      config,
      schema: {
        tags,
        summary: 'Pay again, or by another method',
        params: OrderNo,
        headers: IdempotencyHeader,
        body: Type.Optional(
          Type.Union([Type.Object({ payType: Type.Optional(PayType) }, { additionalProperties: false }), Type.Null()]),
        ),
        response: { 200: Type.Ref('Checkout'), ...problems(401, 404, 409, 422, 503) },
      },
    },
    async (request) => {
      const { user } = await payments.principals.require(request)
      const { orderNo } = request.params
      const again = { userId: user.id, orderNo, payType: request.body?.payType }
      return checkoutFor(request, await payAgain(payments, again, clientOf(request), repeatable(request)))
    },
  )

  app.get(
    '/api/orders/:orderNo/payment',
    {
      config,
      schema: {
        tags,
        summary: 'The open payment of an unpaid order, with the link it has; makes no new one while that lives',
        params: OrderNo,
        response: { 200: Type.Ref('Checkout'), ...problems(401, 404, 409, 503) },
      },
    },
    async (request) => {
      const { user } = await payments.principals.require(request)
      const wanted = { userId: user.id, orderNo: request.params.orderNo }
      return checkoutFor(request, await openCheckout(payments, wanted, clientOf(request)))
    },
  )
}

/** What a buyer can do with an order that is waiting for payment. */
function addWaitingRoutes(app: Application, payments: Payments): void {
  const { db, principals } = payments
  const askAboutOrder = createOrderQuery(payments)
  const cancelOrder = createOrderCanceller(payments)

  app.post(
    '/api/orders/:orderNo/ask',
    {
      config,
      schema: {
        tags,
        summary: 'The buyer is back: the gateways of whatever may still be paid are asked at once',
        params: OrderNo,
        response: { 200: Type.Ref('Order'), ...problems(401, 404) },
      },
    },
    async (request) => {
      const { user } = await principals.require(request)
      const { orderNo } = request.params
      await askAboutOrder({ userId: user.id, orderNo })
      return readOrder(db, user.id, orderNo)
    },
  )

  app.post(
    '/api/orders/:orderNo/cancel',
    {
      config,
      schema: {
        tags,
        summary: 'Cancel while unpaid',
        params: OrderNo,
        response: { 200: Type.Ref('Order'), ...problems(401, 404, 409, 503) },
      },
    },
    async (request) => {
      const { user } = await principals.require(request)
      const { orderNo } = request.params
      await cancelOrder({ userId: user.id, orderNo })
      return readOrder(db, user.id, orderNo)
    },
  )
}
