/** A refund as staff see it. */
import { type Static, Type } from 'typebox'
import { mayDo } from '../../admin/permissions.ts'
import type { Role } from '../../auth/sessions/sessions.ts'
import type { Reader } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import { cursorPage, type Page } from '../../http/cursor.ts'
import { Moment, Money, writeMoment, writeMomentOrNull } from '../../http/shapes.ts'
import { formatYuan } from '../../money.ts'
import { leftOf } from '../../orders/lines.ts'
import { REFUND_REASONS } from '../../orders/reasons.ts'
import { staffActions } from '../../orders/state-table.ts'
import { isClearlyRefused } from './decisions.ts'
import { REFUND_STATUSES, REFUND_TRANSITIONS, type RefundStatus } from './states.ts'

const PAGE = 30

export const RefundShape = Type.Object(
  {
    requestNo: Type.String(),
    orderNo: Type.Union([Type.String(), Type.Null()]),
    buyer: Type.Union([
      Type.Object({ id: Type.Integer(), username: Type.String(), displayName: Type.String() }),
      Type.Null(),
    ]),
    amount: Money,
    status: Type.Enum([...REFUND_STATUSES]),
    reason: Type.String({ description: "As the gateway reads it: its words, or the code of one of the shop's own" }),
    reasonCode: Type.Union([Type.Enum([...REFUND_REASONS]), Type.Null()], {
      description: "Where the reason is one of the shop's own",
    }),
    stopped: Type.Boolean({ description: 'Whether it is refused because staff stopped it' }),
    answer: Type.String({ description: 'What staff said to the buyer' }),
    requestedBy: Type.Enum(['buyer', 'staff', 'shop']),
    requestedAt: Moment,
    finishedAt: Type.Union([Moment, Type.Null()]),
    refusal: Type.Union([Type.String(), Type.Null()], { description: 'What the gateway said when it refused' }),
    tries: Type.Integer(),
    payType: Type.String(),
    tradeNo: Type.Union([Type.String(), Type.Null()]),
    lines: Type.Array(
      Type.Object({
        courseId: Type.Integer(),
        title: Type.String(),
        amount: Money,
        takesAccess: Type.Boolean({
          description: 'Whether the line is paid back whole, so that access to its course ends',
        }),
      }),
    ),
    actions: Type.Array(Type.String(), { description: 'What the requesting user may do with it now' }),
  },
  { $id: 'Refund' },
)

export type RefundView = Static<typeof RefundShape>

const refunds = (db: Reader) =>
  db
    .selectFrom('refunds')
    .leftJoin('orders', 'orders.id', 'refunds.order_id')
    .leftJoin('users', 'users.id', 'orders.user_id')
    .leftJoin('payment_attempts', 'payment_attempts.id', 'refunds.attempt_id')
    .leftJoin('unmatched_payments', 'unmatched_payments.id', 'refunds.unmatched_id')
    .selectAll('refunds')
    .select(['orders.order_no', 'users.id as buyer_id', 'users.username', 'users.display_name'])
    .select(['payment_attempts.provider', 'payment_attempts.trade_no'])
    .select([
      'payment_attempts.amount_fen as came_fen',
      'payment_attempts.reserved_fen',
      'payment_attempts.refunded_fen',
    ])
    .select(['unmatched_payments.provider as unmatched_provider', 'unmatched_payments.trade_no as unmatched_trade_no'])

type Row = Awaited<ReturnType<ReturnType<typeof refunds>['executeTakeFirstOrThrow']>>

/** @throws ShopError REFUND_NOT_FOUND */
export async function readRefund(db: Reader, requestNo: string, role: Role): Promise<RefundView> {
  const row = await refunds(db).where('refunds.request_no', '=', requestNo).executeTakeFirst()
  const [view] = row ? await write(db, [row], role) : []
  if (!view) throw new ShopError('REFUND_NOT_FOUND')
  return view
}

export const refundsOfOrder = async (db: Reader, orderId: number, role: Role): Promise<RefundView[]> =>
  write(db, await refunds(db).where('refunds.order_id', '=', orderId).orderBy('refunds.id').execute(), role)

/** Newest first; requests that wait for a decision oldest first, like a queue. */
export async function listRefunds(
  db: Reader,
  {
    status,
    requestNo,
    cursor,
    role,
  }: { status: RefundStatus | undefined; requestNo: string | undefined; cursor: string | undefined; role: Role },
): Promise<Page<RefundView>> {
  let query = refunds(db)
  if (status) query = query.where('refunds.status', '=', status)
  if (requestNo !== undefined) query = query.where('refunds.request_no', '=', requestNo)
  const order = status === 'requested' ? 'asc' : 'desc'
  return cursorPage({ cursor, query, key: 'refunds.id', size: PAGE, order, view: (rows) => write(db, rows, role) })
}

async function write(db: Reader, rows: readonly Row[], role: Role): Promise<RefundView[]> {
  if (rows.length === 0) return []
  const lines = await db
    .selectFrom('refund_lines')
    .innerJoin('order_lines', (join) =>
      join
        .onRef('order_lines.order_id', '=', 'refund_lines.order_id')
        .onRef('order_lines.course_id', '=', 'refund_lines.course_id'),
    )
    .select(['refund_lines.refund_id', 'refund_lines.course_id', 'refund_lines.amount_fen'])
    .select([
      'order_lines.course_title',
      'order_lines.price_fen',
      'order_lines.reserved_fen',
      'order_lines.refunded_fen',
    ])
    .where(
      'refund_lines.refund_id',
      'in',
      rows.map((row) => row.id),
    )
    .orderBy('order_lines.position')
    .execute()
  const nothingLeft = ({ came_fen: came, reserved_fen, refunded_fen }: Row) =>
    came !== null &&
    reserved_fen !== null &&
    refunded_fen !== null &&
    leftOf(came, { reserved_fen, refunded_fen }) === 0
  return rows.map((row) => ({
    requestNo: row.request_no,
    orderNo: row.order_no,
    buyer:
      row.buyer_id === null
        ? null
        : { id: row.buyer_id, username: row.username ?? '', displayName: row.display_name ?? '' },
    amount: formatYuan(row.amount_fen),
    status: row.status,
    reason: row.reason,
    reasonCode: row.reason_code,
    stopped: row.status === 'refused' && row.stopped,
    answer: row.answer,
    requestedBy: row.requested_by,
    requestedAt: writeMoment(row.requested_at),
    finishedAt: writeMomentOrNull(row.finished_at),
    refusal: row.refusal,
    tries: row.tries,
    payType: row.provider ?? row.unmatched_provider ?? '',
    tradeNo: row.trade_no ?? row.unmatched_trade_no,
    lines: lines
      .filter((line) => line.refund_id === row.id)
      .map((line) => ({
        courseId: line.course_id,
        title: line.course_title,
        amount: formatYuan(line.amount_fen),
        // With the last fen of the payment all access ends, no matter which line it was refunded for.
        takesAccess: leftOf(line.price_fen, line) === 0 || nothingLeft(row),
      })),
    actions: staffActions(REFUND_TRANSITIONS, row.status, (right) => mayDo(role, right)).filter(
      (event) => event !== 'stop' || isClearlyRefused(row),
    ),
  }))
}
