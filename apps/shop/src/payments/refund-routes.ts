/** Refunds over HTTP: what a buyer asks for, and what staff decide and send. */
import { Type } from 'typebox'
import { audit } from '../accounts/audit.ts'
import { type Staff, staffOf } from '../accounts/desk.ts'
import type { Reader, Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import type { Application } from '../http/application.ts'
import { IdempotencyHeader, once, repeatable } from '../http/idempotency.ts'
import { Money, problems } from '../http/shapes.ts'
import { type Fen, formatYuan, parseYuan } from '../money.ts'
import { announceOrder } from '../orders/events.ts'
import { orderNumbered, readOrder } from '../orders/read.ts'
import { OrderNo } from '../orders/routes.ts'
import { lockOrder } from '../orders/transition.ts'
import type { By } from '../states.ts'
import type { RefundRow } from './move-refund.ts'
import type { Payments } from './payments.ts'
import { approveRefund, declineRefund, sendRefundAgain, withdrawRefund } from './refund-decisions.ts'
import { REFUND_STATUSES } from './refund-states.ts'
import { listRefunds, RefundShape, readRefund } from './refund-views.ts'
import { planRefund, refundLines } from './refunds.ts'

const CourseId = Type.Integer({ minimum: 1, maximum: 2_147_483_647 })
const Reason = Type.String({ maxLength: 200 })
const LinesShape = Type.Array(Type.Object({ courseId: CourseId, amount: Type.Optional(Money) }), {
  minItems: 1,
  maxItems: 50,
})
const RequestNo = Type.Object({ requestNo: Type.String({ minLength: 1, maxLength: 64 }) })

const PlanShape = Type.Object(
  {
    amount: Money,
    payType: Type.String(),
    orderAfter: Type.Enum(['partially_refunded', 'refunded']),
    lines: Type.Array(
      Type.Object({
        courseId: Type.Integer(),
        title: Type.String(),
        amount: Money,
        refundable: Money,
        takesAccess: Type.Boolean(),
      }),
    ),
  },
  { $id: 'RefundPreview' },
)

export function addRefundRoutes(app: Application, payments: Payments): void {
  const { db, viewers, clock } = payments
  const tags = ['refunds']

  app.post(
    '/api/orders/:orderNo/refunds',
    {
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
      const { user } = await viewers.require(request)
      const { orderNo } = request.params
      const { courseIds, amount, reason } = request.body
      const now = clock()
      const order = await db.transaction().execute((tx) =>
        once(tx, user.id, repeatable(request), now, async () => {
          const orderId = await orderNumbered(tx, orderNo, user.id)
          const by = { actor: 'buyer', userId: user.id } as const
          const lines = courseIds.map((courseId) => ({ courseId }))
          await refundLines(tx, { orderId, lines, ...shownAs(amount), reason, by, now })
          await announceOrder(tx, orderNo)
          return readOrder(tx, user.id, orderNo)
        }),
      )
      return reply.code(201).send(order)
    },
  )

  app.post(
    '/api/orders/:orderNo/refunds/:requestNo/withdraw',
    {
      schema: {
        tags,
        summary: 'Take a request back that nobody has decided yet',
        params: Type.Intersect([OrderNo, RequestNo]),
        response: { 200: Type.Ref('Order'), ...problems(401, 404, 409) },
      },
    },
    async (request) => {
      const { user } = await viewers.require(request)
      const { orderNo, requestNo } = request.params
      await db.transaction().execute(async (tx) => {
        const orderId = await orderNumbered(tx, orderNo, user.id)
        await ofOrder(tx, requestNo, orderId)
        await withdrawRefund(tx, { requestNo, by: { actor: 'buyer', userId: user.id }, now: clock() })
        await announceOrder(tx, orderNo)
      })
      return readOrder(db, user.id, orderNo)
    },
  )
}

/** The staff's part, under `/api/admin`. */
export function addRefundDesk(desk: Application, payments: Payments): void {
  desk.addSchema(RefundShape)
  desk.addSchema(PlanShape)
  const { db, clock } = payments
  const tags = ['desk: refunds']

  desk.post(
    '/orders/:orderNo/refunds/preview',
    {
      config: { right: 'refunds.send' },
      schema: {
        tags,
        summary: 'How much would go back, and which access would end',
        params: OrderNo,
        body: Type.Object({ lines: LinesShape }, { additionalProperties: false }),
        response: { 200: Type.Ref('RefundPreview'), ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request) => {
      const orderId = await orderNumbered(db, request.params.orderNo)
      const plan = await planRefund(db, orderId, wanted(request.body.lines))
      const { payType, orderAfter } = plan
      const lines = plan.lines.map((line) => ({
        ...line,
        amount: formatYuan(line.amount),
        refundable: formatYuan(line.refundable),
      }))
      return { amount: formatYuan(plan.amount), payType, orderAfter, lines }
    },
  )

  desk.post(
    '/orders/:orderNo/refunds',
    {
      config: { right: 'refunds.send' },
      schema: {
        tags,
        summary: 'Refund lines of a paid order: booked now, sent to the gateway by a job',
        params: OrderNo,
        headers: IdempotencyHeader,
        body: Type.Object(
          { lines: LinesShape, amount: Money, reason: Type.String({ minLength: 1, maxLength: 200 }) },
          { additionalProperties: false },
        ),
        response: { 201: Type.Ref('Refund'), ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request, reply) => {
      const staff = staffOf(request)
      const { orderNo } = request.params
      const { lines, amount, reason } = request.body
      const now = clock()
      const refund = await db.transaction().execute((tx) =>
        once(tx, staff.user.id, repeatable(request), now, async () => {
          const orderId = await orderNumbered(tx, orderNo)
          const before = await standingOf(tx, orderId)
          const { requestNo } = await refundLines(tx, {
            orderId,
            lines: wanted(lines),
            ...shownAs(amount),
            reason,
            by: by(staff),
            now,
          })
          const after = { requestNo, amount, lines }
          const deed = { at: now, action: 'refund.send', subject: `orders/${orderNo}`, note: reason }
          await audit(tx, staff, { ...deed, before, after })
          await announceOrder(tx, orderNo)
          return readRefund(tx, requestNo, staff.user.role)
        }),
      )
      return reply.code(201).send(refund)
    },
  )

  desk.get(
    '/refunds',
    {
      config: { right: 'refunds.read' },
      schema: {
        tags,
        summary: 'Refunds, newest first; with status=requested the queue, oldest first',
        querystring: Type.Object({
          status: Type.Optional(Type.Enum([...REFUND_STATUSES])),
          q: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: "A refund's number" })),
          cursor: Type.Optional(Type.String({ maxLength: 200 })),
        }),
        response: {
          200: Type.Object({ items: Type.Array(Type.Ref('Refund')), next: Type.Union([Type.String(), Type.Null()]) }),
          ...problems(401, 403, 422),
        },
      },
    },
    async (request) => {
      const { status, q, cursor } = request.query
      return listRefunds(db, { status, requestNo: q, cursor, role: staffOf(request).user.role })
    },
  )

  const decide = (
    action: 'approve' | 'decline' | 'send-again',
    summary: string,
    work: (tx: Transaction, decision: { requestNo: string; by: By; now: Date; answer: string }) => Promise<RefundRow>,
  ) =>
    desk.post(
      `/refunds/:requestNo/${action}`,
      {
        config: { right: 'refunds.send' },
        schema: {
          tags,
          summary,
          params: RequestNo,
          body: Type.Object({ answer: Type.Optional(Reason) }, { additionalProperties: false }),
          response: { 200: Type.Ref('Refund'), ...problems(401, 403, 404, 409, 422) },
        },
      },
      async (request) => {
        const staff = staffOf(request)
        const { requestNo } = request.params as { requestNo: string }
        const { answer = '' } = request.body as { answer?: string }
        const now = clock()
        return db.transaction().execute(async (tx) => {
          const before = await work(tx, { requestNo, by: by(staff), now, answer })
          const view = await readRefund(tx, before.request_no, staff.user.role)
          const deed = { at: now, action: `refund.${action}`, subject: `refunds/${requestNo}`, note: answer }
          const after = { status: view.status, amount: view.amount, orderNo: view.orderNo }
          await audit(tx, staff, { ...deed, before: { status: before.status }, after })
          if (view.orderNo) await announceOrder(tx, view.orderNo)
          return view
        })
      },
    )
  decide('approve', 'Approve what a buyer asked for: it is sent', approveRefund)
  decide('decline', 'Decline what a buyer asked for, with an answer', (tx, decision) => {
    if (decision.answer.trim() === '') {
      throw new ShopError('INVALID_INPUT', { errors: [{ field: 'answer', message: 'is required' }] })
    }
    return declineRefund(tx, decision)
  })
  decide('send-again', 'Send what the gateway refused once more', sendRefundAgain)
}

/** How the order stands before the refund, for the audit log; its row is held, so that it stays true. */
async function standingOf(tx: Transaction, orderId: number) {
  const order = await lockOrder(tx, orderId)
  const lines = await tx
    .selectFrom('order_lines')
    .select(['course_id', 'refunded_fen'])
    .where('order_id', '=', orderId)
    .orderBy('position')
    .execute()
  const refunded = lines.map((line) => ({ courseId: line.course_id, refunded: formatYuan(line.refunded_fen) }))
  return { status: order?.status, lines: refunded }
}

const by = (staff: Staff): By => ({ actor: 'staff', userId: staff.user.id })

const wanted = (lines: readonly { courseId: number; amount?: string }[]) =>
  lines.map(({ courseId, amount }) => ({ courseId, amount: amount === undefined ? undefined : parseYuan(amount) }))

/** @throws ShopError REFUND_CHANGED for what is no sum at all */
function shownAs(amount: string | undefined): { shown?: Fen } {
  if (amount === undefined) return {}
  const shown = parseYuan(amount)
  if (shown === undefined) throw new ShopError('REFUND_CHANGED')
  return { shown }
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
