/** One order for the back office: lines and access, attempts, refunds, notifications, and its whole history. */
import { type Static, Type } from 'typebox'
import { mayDo } from '../../admin/permissions.ts'
import type { Role } from '../../auth/sessions/sessions.ts'
import type { Reader } from '../../db/connect.ts'
import { ownedAmong } from '../../enrolments/access.ts'
import { isLinePaid } from '../../enrolments/by-staff.ts'
import { ShopError } from '../../errors.ts'
import { Moment, Money, viewOf, writeMoment, writeMomentOrNull } from '../../http/shapes.ts'
import { formatYuan, toFen } from '../../money.ts'
import { decidedFen, leftOf } from '../../orders/lines.ts'
import { DetailsShape, REASON_CODES } from '../../orders/reasons.ts'
import { staffActions } from '../../orders/state-table.ts'
import { ORDER_TRANSITIONS } from '../../orders/states.ts'
import { refundsOfOrder } from '../../payments/refunds/views.ts'
import { type OrderRow, orderNumbered, orderRowFields, writeRow } from './list.ts'

const OrNull = <Shape extends ReturnType<typeof Type.String>>(shape: Shape) => Type.Union([shape, Type.Null()])

/**
 * What a gateway may answer about an attempt; `none` if it does not know the number, because payment was never begun.
 */
const ASK_ANSWERS = ['none', 'waiting', 'closed', 'paid', 'unanswered'] as const
export type AskAnswer = (typeof ASK_ANSWERS)[number]

export const AdminOrderShape = Type.Object(
  {
    ...orderRowFields,
    expiresAt: Moment,
    closedAt: OrNull(Moment),
    lines: Type.Array(
      Type.Object({
        courseId: Type.Integer(),
        title: Type.String(),
        price: Money,
        originalPrice: OrNull(Money),
        reserved: { ...Money, description: 'For refunds that are requested or on their way' },
        refunded: { ...Money, description: 'Has gone back' },
        refundable: Money,
        access: Type.Object({
          state: Type.Enum(['active', 'revoked', 'none']),
          grantedAt: OrNull(Moment),
          revokedAt: OrNull(Moment),
          grantedBy: OrNull(Type.String()),
        }),
        actions: Type.Array(Type.Enum(['grant', 'revoke']), {
          description: 'What the requesting user may do with its access now',
        }),
      }),
    ),
    attempts: Type.Array(
      Type.Object({
        attemptNo: Type.String(),
        provider: Type.String(),
        amount: Money,
        status: Type.Enum(['open', 'paid', 'closed']),
        tradeNo: OrNull(Type.String()),
        createdAt: Moment,
        paidAt: OrNull(Moment),
        unansweredSince: Type.Union([Moment, Type.Null()], {
          description: 'Since when its gateway has not answered whether it was paid; null once it has',
        }),
        refunded: Money,
        paysOrder: Type.Boolean(),
      }),
    ),
    refunds: Type.Array(Type.Ref('Refund')),
    unmatched: Type.Array(
      Type.Object({
        id: Type.Integer(),
        tradeNo: Type.String(),
        provider: Type.String(),
        amount: Money,
        reason: Type.String(),
        foundAt: Moment,
        resolution: Type.Union([Type.Enum(['refunded', 'seen', 'settled']), Type.Null()]),
      }),
      { description: 'Money that came for it and that it does not need; open while there is no resolution' },
    ),
    notifications: Type.Array(
      Type.Object({
        id: Type.Integer(),
        receivedAt: Moment,
        accepted: Type.Boolean(),
        effect: Type.String({ description: 'What it did' }),
        reason: Type.Union([Type.String(), Type.Null()], { description: 'Why its payment is listed as unmatched' }),
        attemptNo: OrNull(Type.String()),
      }),
    ),
    asked: Type.Array(
      Type.Object({
        at: Moment,
        user: Type.String(),
        attemptNo: Type.String(),
        answer: Type.Enum([...ASK_ANSWERS]),
      }),
      { description: 'When staff asked the gateway, and what it said of each attempt' },
    ),
    history: Type.Array(
      Type.Object({
        at: Moment,
        subject: Type.Enum(['order', 'attempt', 'refund', 'access', 'reconciliation']),
        event: Type.String(),
        number: OrNull(Type.String()),
        from: OrNull(Type.String()),
        to: Type.String(),
        actor: Type.String(),
        user: OrNull(Type.String()),
        reason: Type.String({ description: 'What a person or a gateway wrote, as it is' }),
        reasonCode: Type.Union([Type.Enum([...REASON_CODES]), Type.Null()], {
          description: "A reason of the shop's own",
        }),
        details: Type.Union([DetailsShape, Type.Null()], { description: 'The facts that it names' }),
      }),
    ),
    actions: Type.Array(Type.String(), {
      description: 'What the requesting user may do with it now: cancel, ask, refund',
    }),
  },
  { $id: 'AdminOrder' },
)

export type AdminOrder = Static<typeof AdminOrderShape>

/** @throws ShopError ORDER_NOT_FOUND */
export async function readAdminOrder(db: Reader, orderNo: string, role: Role): Promise<AdminOrder> {
  const found = await orderNumbered(db, orderNo)
  // Refunds are read first: a client that sees a completed refund then also sees its effects, and need not reload.
  const refunds = found ? await refundsOfOrder(db, found.id, role) : []
  const order = found && (await orderNumbered(db, orderNo))
  if (!order) throw new ShopError('ORDER_NOT_FOUND')
  const lines = await readLines(db, order, role)
  const attempts = await readAttempts(db, order.id)
  // Partitions before this time contain nothing of the order. An attempt that was moved to this order, because its
  // payment came late, is older than the order. One day is added for clock differences.
  const began = Math.min(order.created_at.getTime(), ...attempts.map(({ createdAt }) => Date.parse(createdAt)))
  const since = new Date(began - 86_400_000)
  return {
    ...writeRow(order),
    expiresAt: writeMoment(order.expires_at),
    closedAt: writeMomentOrNull(order.closed_at),
    lines,
    attempts,
    refunds: refunds as AdminOrder['refunds'],
    unmatched: await readUnmatched(db, order.id),
    notifications: await readNotifications(db, order.id, since),
    asked: await readAsked(db, orderNo),
    history: await readHistory(db, order.id, since),
    actions: actionsOn(order, lines, role),
  }
}

function actionsOn(order: OrderRow, lines: AdminOrder['lines'], role: Role): string[] {
  const actions = staffActions(ORDER_TRANSITIONS, order.status, (right) => mayDo(role, right))
  if (mayDo(role, 'orders.ask')) actions.push('ask')
  const left = lines.some((line) => line.refundable !== formatYuan(toFen(0)))
  if (left && mayDo(role, 'refunds.send')) actions.push('refund')
  return actions
}

async function readLines(db: Reader, order: OrderRow, role: Role): Promise<AdminOrder['lines']> {
  const rows = await db
    .selectFrom('order_lines')
    .leftJoin('enrolments', (join) =>
      join
        .onRef('enrolments.order_id', '=', 'order_lines.order_id')
        .onRef('enrolments.course_id', '=', 'order_lines.course_id'),
    )
    .selectAll('order_lines')
    .select(decidedFen.as('decided_fen'))
    .select(['enrolments.granted_at', 'enrolments.revoked_at', 'enrolments.granted_by'])
    .where('order_lines.order_id', '=', order.id)
    .orderBy('position')
    .execute()
  const courseIds = rows.map((line) => line.course_id)
  const owned = await ownedAmong(db, order.user_id, courseIds)
  const actionsOn = (line: (typeof rows)[number]): ('grant' | 'revoke')[] => {
    if (!mayDo(role, 'access.grant')) return []
    if (line.granted_at !== null && line.revoked_at === null) return ['revoke']
    return isLinePaid(order.status, line) && !owned.includes(line.course_id) ? ['grant'] : []
  }
  const paid = await db
    .selectFrom('order_payments')
    .innerJoin('payment_attempts', 'payment_attempts.id', 'order_payments.attempt_id')
    .select(['amount_fen', 'reserved_fen', 'refunded_fen'])
    .where('order_payments.order_id', '=', order.id)
    .executeTakeFirst()
  // Refunds that belong to no known line reduce the refundable amount as well.
  const refundable = order.status === 'paid' || order.status === 'partially_refunded'
  const left = paid && refundable ? leftOf(paid.amount_fen, paid) : 0
  return rows.map((line) => ({
    courseId: line.course_id,
    title: line.course_title,
    price: formatYuan(line.price_fen),
    originalPrice: line.original_price_fen === null ? null : formatYuan(line.original_price_fen),
    reserved: formatYuan(line.reserved_fen),
    refunded: formatYuan(line.refunded_fen),
    refundable: formatYuan(toFen(Math.min(leftOf(line.price_fen, line), left))),
    access: {
      state: line.granted_at === null ? 'none' : line.revoked_at === null ? 'active' : 'revoked',
      grantedAt: writeMomentOrNull(line.granted_at),
      revokedAt: writeMomentOrNull(line.revoked_at),
      grantedBy: line.granted_by,
    },
    actions: actionsOn(line),
  }))
}

async function readAttempts(db: Reader, orderId: number): Promise<AdminOrder['attempts']> {
  const rows = await db
    .selectFrom('payment_attempts')
    .leftJoin('order_payments', 'order_payments.attempt_id', 'payment_attempts.id')
    .selectAll('payment_attempts')
    .select('order_payments.order_id as pays')
    .where('payment_attempts.order_id', '=', orderId)
    .orderBy('payment_attempts.id')
    .execute()
  return rows.map((attempt) => ({
    attemptNo: attempt.attempt_no,
    provider: attempt.provider,
    amount: formatYuan(attempt.amount_fen),
    status: attempt.status,
    tradeNo: attempt.trade_no,
    createdAt: writeMoment(attempt.created_at),
    paidAt: writeMomentOrNull(attempt.paid_at),
    unansweredSince:
      attempt.status === 'open' || attempt.ask_at !== null ? writeMomentOrNull(attempt.unanswered_since) : null,
    refunded: formatYuan(attempt.refunded_fen),
    paysOrder: attempt.pays !== null,
  }))
}

async function readUnmatched(db: Reader, orderId: number): Promise<AdminOrder['unmatched']> {
  const rows = await db
    .selectFrom('unmatched_payments')
    .select(['id', 'trade_no', 'provider', 'amount_fen', 'reason', 'found_at', 'resolution'])
    .where('order_id', '=', orderId)
    .orderBy('id')
    .execute()
  return rows.map(({ amount_fen, ...row }) => ({ ...viewOf(row), amount: formatYuan(amount_fen) }))
}

/** The newest hundred: a gateway that sends duplicates must not make the page endless. */
async function readNotifications(db: Reader, orderId: number, since: Date): Promise<AdminOrder['notifications']> {
  const rows = await db
    .selectFrom('notifications')
    .select(['id', 'received_at', 'accepted', 'effect', 'reason_code as reason', 'attempt_no'])
    .where('attempt_no', 'in', db.selectFrom('payment_attempts').select('attempt_no').where('order_id', '=', orderId))
    .where('received_at', '>=', since)
    .orderBy('id', 'desc')
    .limit(100)
    .execute()
  return rows.map(viewOf)
}

async function readHistory(db: Reader, orderId: number, since: Date): Promise<AdminOrder['history']> {
  const rows = await db
    .selectFrom('order_history')
    .leftJoin('users', 'users.id', 'order_history.user_id')
    .select(['at', 'subject', 'event', 'number', 'from_status as from', 'to_status as to', 'actor'])
    .select(['users.username as user', 'reason', 'reason_code', 'details'])
    .where('order_id', '=', orderId)
    .where('at', '>=', since)
    .orderBy('order_history.id')
    .execute()
  return rows.map(viewOf)
}

/** From the audit log; the newest hundred. */
async function readAsked(db: Reader, orderNo: string): Promise<AdminOrder['asked']> {
  const rows = await db
    .selectFrom('audit_log')
    .select(['at', 'username', 'after'])
    .where('subject', '=', `orders/${orderNo}`)
    .where('action', '=', 'order.ask')
    .orderBy('id', 'desc')
    .limit(100)
    .execute()
  return rows.reverse().flatMap(({ at, username, after }) =>
    Object.entries(after ?? {}).flatMap(([attemptNo, said]) => {
      const answer = ASK_ANSWERS.find((each) => each === said)
      return answer ? [{ at: writeMoment(at), user: username, attemptNo, answer }] : []
    }),
  )
}
