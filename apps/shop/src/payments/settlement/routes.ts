/** Unmatched payments in the back office: the list, refunding one, or marking it as seen. */
import { type Static, Type } from 'typebox'
import { adminAction } from '../../admin/action.ts'
import { staffOf } from '../../admin/admin-routes.ts'
import { mayDo } from '../../admin/permissions.ts'
import type { Role } from '../../auth/sessions/sessions.ts'
import type { Reader } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import type { Application } from '../../http/application.ts'
import { Cursor, cursorPage, PageShape } from '../../http/cursor.ts'
import { findStoredAnswer, IdempotencyHeader, repeatable } from '../../http/idempotency.ts'
import { Moment, Money, problems, writeMoment, writeMomentOrNull } from '../../http/shapes.ts'
import { formatYuan } from '../../money.ts'
import { leftOf } from '../../orders/lines.ts'
import { queryBeforeRefund } from '../gateway-sync/query.ts'
import type { Payments } from '../payments.ts'
import { REFUND_STATUSES } from '../refunds/states.ts'
import { markUnmatchedSeen, refundUnmatched, reopenUnmatched } from './unmatched.ts'

const PAGE = 50
const Id = Type.Object({ id: Type.Integer({ minimum: 1 }) })
const TextOrNull = Type.Union([Type.String(), Type.Null()])

const UnmatchedShape = Type.Object(
  {
    id: Type.Integer(),
    provider: Type.String(),
    tradeNo: Type.String(),
    attemptNo: Type.String(),
    amount: Money,
    reason: Type.String(),
    orderNo: TextOrNull,
    foundAt: Moment,
    resolvedAt: Type.Union([Moment, Type.Null()]),
    resolution: Type.Union([Type.Enum(['refunded', 'seen', 'settled']), Type.Null()]),
    note: Type.String(),
    refund: Type.Union([
      Type.Object({ requestNo: Type.String(), status: Type.Enum([...REFUND_STATUSES]) }),
      Type.Null(),
    ]),
    actions: Type.Array(Type.String(), { description: 'What the requesting user may do now: refund, seen, reopen' }),
  },
  { $id: 'UnmatchedPayment' },
)

const tags = ['back office: inbox']

export function addUnmatchedAdminRoutes(admin: Application, payments: Payments): void {
  admin.addSchema(UnmatchedShape)
  addListRoute(admin, payments)
  addActionRoute(admin, payments, {
    verb: 'refund',
    summary: 'Pay back all that is left of it',
    work: refundUnmatched,
    before: (id) => queryOpen(payments, id),
  })
  addActionRoute(admin, payments, {
    verb: 'seen',
    summary: 'Take note of it: nothing more is to be done',
    work: markUnmatchedSeen,
  })
  addActionRoute(admin, payments, {
    verb: 'reopen',
    summary: 'Open one again that was noted as seen by mistake',
    work: reopenUnmatched,
  })
}

function addListRoute(admin: Application, { db }: Payments): void {
  admin.get(
    '/unmatched-payments',
    {
      config: { right: 'money.read' },
      schema: {
        tags,
        summary: 'Money that belongs to no unpaid order as it stands, newest first',
        querystring: Type.Object({
          state: Type.Optional(Type.Enum(['open', 'resolved'])),
          id: Type.Optional(Type.Integer({ minimum: 1, description: 'Only this one' })),
          cursor: Cursor,
        }),
        response: {
          200: PageShape('UnmatchedPayment'),
          ...problems(401, 403, 422),
        },
      },
    },
    async (request) => {
      const { state, id, cursor } = request.query
      let query = unmatched(db)
      if (id !== undefined) query = query.where('unmatched_payments.id', '=', id)
      if (state) query = query.where('unmatched_payments.resolved_at', state === 'open' ? 'is' : 'is not', null)
      const { role } = staffOf(request).user
      return cursorPage({
        cursor,
        query,
        key: 'unmatched_payments.id',
        size: PAGE,
        view: (rows) => rows.map((row) => writeUnmatched(row, role)),
      })
    },
  )
}

function addActionRoute(
  admin: Application,
  payments: Payments,
  { verb, summary, work, before }: UnmatchedAction,
): void {
  const { db } = payments
  admin.post(
    `/unmatched-payments/:id/${verb}`,
    {
      config: { right: 'money.repair', ...(verb === 'refund' && { proof: 'sometimes' as const }) },
      schema: {
        tags,
        summary,
        params: Id,
        headers: IdempotencyHeader,
        body: Type.Object({ note: Type.String({ minLength: 1, maxLength: 200 }) }, { additionalProperties: false }),
        response: { 200: Type.Ref('UnmatchedPayment'), ...problems(401, 403, 404, 409, 422, 503) },
      },
    },
    async (request) => {
      const { id } = request.params
      const { note } = request.body
      const { user } = staffOf(request)
      const answered = await findStoredAnswer<Static<typeof UnmatchedShape>>(db, user.id, repeatable(request))
      if (answered) return answered
      await before?.(id)
      return adminAction(payments, {
        request,
        work: (acting) => work(acting, { id, note }),
        audit: (entry) => ({ subject: `unmatched/${id}`, note, ...entry }),
        view: (_, { tx, staff }) => readUnmatched(tx, id, staff.user.role),
      })
    },
  )
}

interface UnmatchedAction {
  readonly verb: 'refund' | 'seen' | 'reopen'
  readonly summary: string
  readonly work: typeof refundUnmatched | typeof markUnmatchedSeen | typeof reopenUnmatched
  /** Work to be done before the transaction, since it waits for a gateway. */
  readonly before?: (id: number) => Promise<void>
}

async function queryOpen(payments: Payments, id: number): Promise<void> {
  const row = await unmatched(payments.db).where('unmatched_payments.id', '=', id).executeTakeFirst()
  if (row?.resolved_at !== null) return
  await queryBeforeRefund(payments, { provider: row.provider, attemptNo: row.attempt_no, reason: row.reason })
}

/** @throws ShopError NOT_FOUND */
async function readUnmatched(db: Reader, id: number, role: Role): Promise<Static<typeof UnmatchedShape>> {
  const row = await unmatched(db).where('unmatched_payments.id', '=', id).executeTakeFirst()
  if (!row) throw new ShopError('NOT_FOUND')
  return writeUnmatched(row, role)
}

const unmatched = (db: Reader) =>
  db
    .selectFrom('unmatched_payments')
    .leftJoin('orders', 'orders.id', 'unmatched_payments.order_id')
    .leftJoin('refunds', 'refunds.id', 'unmatched_payments.refund_id')
    .leftJoin('payment_attempts as attempt', (join) =>
      join
        .onRef('attempt.provider', '=', 'unmatched_payments.provider')
        .onRef('attempt.trade_no', '=', 'unmatched_payments.trade_no'),
    )
    .leftJoin('order_payments', 'order_payments.attempt_id', 'attempt.id')
    .selectAll('unmatched_payments')
    .select(({ fn, ref }) => [
      fn.coalesce('attempt.amount_fen', 'unmatched_payments.amount_fen').as('came_fen'),
      fn.coalesce('attempt.reserved_fen', ref('unmatched_payments.reserved_fen')).as('held_fen'),
      fn.coalesce('attempt.refunded_fen', ref('unmatched_payments.refunded_fen')).as('gone_fen'),
    ])
    .select('order_payments.order_id as pays')
    .select(['orders.order_no', 'refunds.request_no', 'refunds.status as refund_status'])

type UnmatchedRow = Awaited<ReturnType<ReturnType<typeof unmatched>['executeTakeFirstOrThrow']>>

function writeUnmatched(row: UnmatchedRow, role: Role): Static<typeof UnmatchedShape> {
  const may = mayDo(role, 'money.repair')
  // A payment for which an order was fulfilled is refunded from that order.
  const left = leftOf(row.came_fen, { reserved_fen: row.held_fen, refunded_fen: row.gone_fen })
  const refundable = row.pays === null && left > 0
  return {
    id: row.id,
    provider: row.provider,
    tradeNo: row.trade_no,
    attemptNo: row.attempt_no,
    amount: formatYuan(row.amount_fen),
    reason: row.reason,
    orderNo: row.order_no,
    foundAt: writeMoment(row.found_at),
    resolvedAt: writeMomentOrNull(row.resolved_at),
    resolution: row.resolution,
    note: row.note,
    refund: row.request_no && row.refund_status ? { requestNo: row.request_no, status: row.refund_status } : null,
    actions: may ? actionsOn(row, refundable) : [],
  }
}

function actionsOn({ resolved_at, resolution }: UnmatchedRow, refundable: boolean): string[] {
  if (resolved_at === null) return refundable ? ['refund', 'seen'] : ['seen']
  return resolution === 'seen' ? ['reopen'] : []
}
