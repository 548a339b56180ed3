/** Refunds in the back office: preview, create, the queue of requests, and the decisions about them. */
import { Type } from 'typebox'
import { adminAction } from '../../admin/action.ts'
import { type Staff, staffOf } from '../../admin/admin-routes.ts'
import type { Transaction } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import type { Application } from '../../http/application.ts'
import { Cursor, PageShape } from '../../http/cursor.ts'
import { IdempotencyHeader } from '../../http/idempotency.ts'
import { Money, problems } from '../../http/shapes.ts'
import { formatYuan, parseYuan } from '../../money.ts'
import { publishOrder } from '../../orders/events.ts'
import { findOrderId, OrderNo } from '../../orders/read.ts'
import type { By } from '../../orders/state-table.ts'
import { lockOrder } from '../../orders/transition.ts'
import type { Payments } from '../payments.ts'
import { planRefund, refundLines } from './create.ts'
import { requireRefundProof } from './credential-proof.ts'
import { approveRefund, declineRefund, sendRefundAgain, stopRefund, type Unmade } from './decisions.ts'
import { CourseId, RequestNo, sumShown } from './routes.ts'
import { REFUND_STATUSES } from './states.ts'
import type { RefundRow } from './transition.ts'
import { listRefunds, RefundShape, readRefund } from './views.ts'

const Reason = Type.String({ maxLength: 200 })
const LinesShape = Type.Array(Type.Object({ courseId: CourseId, amount: Type.Optional(Money) }), {
  minItems: 1,
  maxItems: 50,
})

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

/**
 * The routes for staff, under `/api/admin`.
 * @param confirmUnmade asks the gateway whether it has made the refund; throws unless it denies that
 */
export function addRefundAdminRoutes(
  admin: Application,
  payments: Payments,
  confirmUnmade: (requestNo: string) => Promise<Unmade>,
): void {
  admin.addSchema(RefundShape)
  admin.addSchema(PlanShape)
  addPreviewRoute(admin, payments)
  addSendRoute(admin, payments)
  addListRoute(admin, payments)
  addDecisionRoute(admin, payments, 'approve', 'Approve what a buyer asked for: it is sent', async () => approveRefund)
  addDecisionRoute(
    admin,
    payments,
    'decline',
    'Decline what a buyer asked for, with an answer',
    async () => declineRefund,
  )
  addDecisionRoute(
    admin,
    payments,
    'stop',
    'Stop a refund that the gateway keeps refusing, with an answer: the gateway is asked whether it was made',
    async (requestNo) => {
      const unmade = await confirmUnmade(requestNo)
      return (tx, decision) => stopRefund(tx, { ...decision, unmade })
    },
  )
  addDecisionRoute(
    admin,
    payments,
    'send-again',
    'Send what the gateway refused once more',
    async () => sendRefundAgain,
  )
}

const tags = ['back office: refunds']

function addPreviewRoute(admin: Application, { db }: Payments): void {
  admin.post(
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
      const orderId = await findOrderId(db, request.params.orderNo)
      const plan = await planRefund(db, orderId, wantedLines(request.body.lines))
      const { payType, orderAfter } = plan
      const lines = plan.lines.map((line) => ({
        ...line,
        amount: formatYuan(line.amount),
        refundable: formatYuan(line.refundable),
      }))
      return { amount: formatYuan(plan.amount), payType, orderAfter, lines }
    },
  )
}

function addSendRoute(admin: Application, payments: Payments): void {
  admin.post(
    '/orders/:orderNo/refunds',
    {
      config: { right: 'refunds.send', proof: 'sometimes' },
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
      const { orderNo } = request.params
      const { lines, amount, reason } = request.body
      const shown = sumShown(amount)
      const refund = await adminAction(payments, {
        request,
        work: async ({ tx, staff, now }) => {
          const orderId = await findOrderId(tx, orderNo)
          const before = await orderBefore(tx, orderId)
          const wanted = { orderId, lines: wantedLines(lines), shown, reason, by: by(staff), now }
          const { requestNo } = await refundLines(tx, wanted)
          const sensitive = await requireRefundProof(tx, staff, shown, now)
          await publishOrder(tx, orderNo)
          return { requestNo, before, sensitive }
        },
        audit: ({ requestNo, before, sensitive }) => {
          const after = { requestNo, amount, lines }
          return { action: 'refund.send', subject: `orders/${orderNo}`, note: reason, before, after, sensitive }
        },
        view: ({ requestNo }, { tx, staff }) => readRefund(tx, requestNo, staff.user.role),
      })
      return reply.code(201).send(refund)
    },
  )
}

function addListRoute(admin: Application, { db }: Payments): void {
  admin.get(
    '/refunds',
    {
      config: { right: 'refunds.read' },
      schema: {
        tags,
        summary: 'Refunds, newest first; with status=requested the queue, oldest first',
        querystring: Type.Object({
          status: Type.Optional(Type.Enum([...REFUND_STATUSES])),
          q: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: "A refund's number" })),
          cursor: Cursor,
        }),
        response: {
          200: PageShape('Refund'),
          ...problems(401, 403, 422),
        },
      },
    },
    async (request) => {
      const { status, q, cursor } = request.query
      return listRefunds(db, { status, requestNo: q, cursor, role: staffOf(request).user.role })
    },
  )
}

interface Decision {
  readonly requestNo: string
  readonly by: By
  readonly now: Date
  readonly answer: string
}

function addDecisionRoute(
  admin: Application,
  payments: Payments,
  verb: 'approve' | 'decline' | 'stop' | 'send-again',
  summary: string,
  prepare: (requestNo: string) => Promise<(tx: Transaction, decision: Decision) => Promise<RefundRow>>,
): void {
  const sends = verb === 'approve' || verb === 'send-again'
  admin.post(
    `/refunds/:requestNo/${verb}`,
    {
      config: { right: 'refunds.send', ...(sends && { proof: 'sometimes' as const }) },
      schema: {
        tags,
        summary,
        params: RequestNo,
        body: Type.Object({ answer: Type.Optional(Reason) }, { additionalProperties: false }),
        response: { 200: Type.Ref('Refund'), ...problems(401, 403, 404, 409, 422, 503) },
      },
    },
    async (request) => {
      const { requestNo } = request.params
      const { answer = '' } = request.body
      if (!sends && answer.trim() === '') {
        throw new ShopError('INVALID_INPUT', { errors: [{ field: 'answer', message: 'is required' }] })
      }
      const decide = await prepare(requestNo)
      return adminAction(payments, {
        request,
        work: async ({ tx, staff, now }) => {
          const before = await decide(tx, { requestNo, by: by(staff), now, answer })
          const after = await readRefund(tx, before.request_no, staff.user.role)
          const sensitive = sends && (await requireRefundProof(tx, staff, before.amount_fen, now))
          if (after.orderNo) await publishOrder(tx, after.orderNo)
          return { before, after, sensitive }
        },
        audit: ({ before, after: { status, amount, orderNo }, sensitive }) => ({
          action: `refund.${verb}`,
          subject: `refunds/${requestNo}`,
          before: { status: before.status },
          after: { status, amount, orderNo },
          note: answer,
          sensitive,
        }),
        view: ({ after }) => after,
      })
    },
  )
}

/** The order's state before the refund, for the audit log; its row is locked, so that it stays true. */
async function orderBefore(tx: Transaction, orderId: number) {
  const order = await lockOrder(tx, orderId)
  const lines = await tx
    .selectFrom('order_lines')
    .select(['course_id', 'reserved_fen', 'refunded_fen'])
    .where('order_id', '=', orderId)
    .orderBy('position')
    .execute()
  const sums = lines.map((line) => ({
    courseId: line.course_id,
    reserved: formatYuan(line.reserved_fen),
    refunded: formatYuan(line.refunded_fen),
  }))
  return { status: order?.status, lines: sums }
}

const by = (staff: Staff): By => ({ actor: 'staff', userId: staff.user.id })

const wantedLines = (lines: readonly { courseId: number; amount?: string }[]) =>
  lines.map(({ courseId, amount }) => ({ courseId, amount: amount === undefined ? undefined : parseYuan(amount) }))
