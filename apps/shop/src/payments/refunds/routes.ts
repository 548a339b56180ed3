/** Refunds over HTTP: a buyer requests or withdraws one. */
import { Type } from 'typebox'
import type { Reader } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import type { Application } from '../../http/application.ts'
import { IdempotencyHeader, once, repeatable } from '../../http/idempotency.ts'
import { Money, problems } from '../../http/shapes.ts'
import { type Fen, parseYuan } from '../../money.ts'
import { publishOrder } from '../../orders/events.ts'
import { findOrderId, OrderNo, readOrder } from '../../orders/read.ts'
import type { Payments } from '../payments.ts'
import { refundLines } from './create.ts'
import { withdrawRefund } from './decisions.ts'

export const CourseId = Type.Integer({ minimum: 1, maximum: 2_147_483_647 })
export const RequestNo = Type.Object({ requestNo: Type.String({ minLength: 1, maxLength: 64 }) })

export function addRefundRoutes(app: Application, payments: Payments): void {
  addRequestRoute(app, payments)
  addWithdrawRoute(app, payments)
}

const tags = ['refunds']

function addRequestRoute(app: Application, { db, principals, clock }: Payments): void {
  app.post(
    '/api/orders/:orderNo/refunds',
    {
      config: { access: 'account' },
      schema: {
        tags,
        summary: 'Ask for courses of a paid order to be paid back; staff decide',
        params: OrderNo,
        headers: IdempotencyHeader,
        body: Type.Object(
          {
            courseIds: Type.Array(CourseId, { minItems: 1, maxItems: 50, uniqueItems: true }),
            amount: Type.Optional(
              Type.String({ ...Money, description: 'The sum that was shown: refused where it is no longer that' }),
            ),
            reason: Type.String({ minLength: 1, maxLength: 200 }),
          },
          { additionalProperties: false },
        ),
        response: { 201: Type.Ref('Order'), ...problems(401, 404, 409, 422) },
      },
    },
    async (request, reply) => {
      const { user } = await principals.require(request)
      const { orderNo } = request.params
      const { courseIds, amount, reason } = request.body
      const now = clock()
      const order = await db.transaction().execute((tx) =>
        once(tx, user.id, repeatable(request), now, async () => {
          const orderId = await findOrderId(tx, orderNo, user.id)
          const by = { actor: 'buyer', userId: user.id } as const
          const lines = courseIds.map((courseId) => ({ courseId }))
          await refundLines(tx, {
            orderId,
            lines,
            ...(amount !== undefined && { shown: sumShown(amount) }),
            reason,
            by,
            now,
          })
          await publishOrder(tx, orderNo)
          return readOrder(tx, user.id, orderNo)
        }),
      )
      return reply.code(201).send(order)
    },
  )
}

function addWithdrawRoute(app: Application, { db, principals, clock }: Payments): void {
  app.post(
    '/api/orders/:orderNo/refunds/:requestNo/withdraw',
    {
      config: { access: 'account' },
      schema: {
        tags,
        summary: 'Take a request back that nobody has decided yet',
        params: Type.Intersect([OrderNo, RequestNo]),
        response: { 200: Type.Ref('Order'), ...problems(401, 404, 409) },
      },
    },
    async (request) => {
      const { user } = await principals.require(request)
      const { orderNo, requestNo } = request.params
      await db.transaction().execute(async (tx) => {
        const orderId = await findOrderId(tx, orderNo, user.id)
        await ofOrder(tx, requestNo, orderId)
        await withdrawRefund(tx, { requestNo, by: { actor: 'buyer', userId: user.id }, now: clock() })
        await publishOrder(tx, orderNo)
      })
      return readOrder(db, user.id, orderNo)
    },
  )
}

/** @throws ShopError REFUND_CHANGED if it is not an amount */
export function sumShown(amount: string): Fen {
  const shown = parseYuan(amount)
  if (shown === undefined) throw new ShopError('REFUND_CHANGED')
  return shown
}

/** @throws ShopError REFUND_NOT_FOUND for a refund of another order */
async function ofOrder(db: Reader, requestNo: string, orderId: number): Promise<void> {
  const refund = await db
    .selectFrom('refunds')
    .select('id')
    .where('request_no', '=', requestNo)
    .where('order_id', '=', orderId)
    .executeTakeFirst()
  if (!refund) throw new ShopError('REFUND_NOT_FOUND')
}
