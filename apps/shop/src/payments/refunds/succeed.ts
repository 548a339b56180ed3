/** A refund of ours was made: its state, its order, and the access that ends. Possible from every state. */
import { sql } from 'kysely'
import { faultPoint } from '#fault-point'
import { dayOf, noonOf } from '../../beijing-day.ts'
import type { Transaction } from '../../db/connect.ts'
import { revokeForOrder } from '../../enrolments/access.ts'
import { toFen } from '../../money.ts'
import type { Reason } from '../../orders/reasons.ts'
import { transition } from '../../orders/transition.ts'
import { type RefundLine, type RefundSource, refundReserved, release, reserve } from './balance.ts'
import { linesOf } from './create.ts'
import type { RefundStatus } from './states.ts'
import { lockRefund, moveRefund, type RefundRow } from './transition.ts'

/** The states in which a refund's amount is reserved. */
const RESERVED: readonly RefundStatus[] = ['requested', 'approved', 'sent', 'succeeded']

/**
 * Records that the refund was made. Nothing overrides a success. Where its amount was given free meanwhile it is taken
 * again, from refunds that cannot be made any more; a line that another refund has taken is no longer this one's. The
 * caller holds the lock on the order's row. `at` is the gateway's own time, `day` that of the bill that lists it.
 */
export async function succeedRefund(
  tx: Transaction,
  refundId: number,
  { now, at, day }: { now: Date; at: Date; day: string | undefined },
): Promise<void> {
  const refund = await lockRefund(tx, refundId)
  if (!refund || refund.status === 'succeeded') return
  let lines = await linesOf(tx, refundId)
  if (!RESERVED.includes(refund.status)) {
    const fitting = await makeRoom(tx, refund, lines, { requestNo: refund.request_no, now })
    for (const line of lines) await shrinkLine(tx, refundId, line, fitting)
    lines = fitting
    await reserve(tx, refund.order_id, refund, lines)
  }
  const billedOn = refund.billed_on ?? day
  // A bill that has listed it already is right about the day.
  const madeAt = billedOn === undefined || dayOf(at) === billedOn ? at : noonOf(billedOn)
  const set = { refusal: null, made_at: madeAt, ...(billedOn !== undefined && { billed_on: billedOn }) }
  const move = { at: now, by: { actor: 'gateway' }, reason: '', set } as const
  if (!(await moveRefund(tx, 'succeed', refundId, move))) throw new Error(`A refund is ${refund.status}.`)
  await refundReserved(tx, refund.order_id, refund, lines)
  faultPoint('refund: succeeded, order not moved')
  await resolveRefunded(tx, refund, now)
  const { order_id: orderId } = refund
  if (orderId === null || !(await isOrderPayment(tx, orderId, refund.attempt_id))) return
  const courseIds = lines.map((line) => line.course_id)
  await updateOrderAndAccess(tx, orderId, courseIds, now, refunded(refund))
}

/** The payment that a refund takes its money from, where it is the trade of a row of unmatched payments. */
const paymentOf = (tx: Transaction, { attempt_id, unmatched_id }: Pick<RefundRow, 'attempt_id' | 'unmatched_id'>) =>
  (attempt_id === null
    ? tx.selectFrom('unmatched_payments as paid').select('paid.id').where('paid.id', '=', unmatched_id)
    : tx.selectFrom('payment_attempts as paid').select('paid.id').where('paid.id', '=', attempt_id)
  ).where(sql<boolean>`paid.provider = unmatched_payments.provider and paid.trade_no = unmatched_payments.trade_no`)

/**
 * Closes what this refund has settled among the unmatched payments: with the last fen of a trade, all that the trade is
 * listed for, since staff have nothing left to do about it.
 */
export const resolveRefunded = (
  tx: Transaction,
  { id, attempt_id, unmatched_id }: Pick<RefundRow, 'id' | 'attempt_id' | 'unmatched_id'>,
  now: Date,
) =>
  tx
    .updateTable('unmatched_payments')
    .set({ resolved_at: now, resolution: 'refunded', refund_id: id })
    .where('resolved_at', 'is', null)
    .where((row) =>
      row.or([
        row('refund_id', '=', id),
        row.exists(paymentOf(tx, { attempt_id, unmatched_id }).whereRef('paid.refunded_fen', '=', 'paid.amount_fen')),
      ]),
    )
    .execute()

/** What a refund had closed is open again where less went back than our books had: the reverse of `resolveRefunded`. */
export const reopenUnrefunded = (tx: Transaction, { id, attempt_id, unmatched_id }: RefundRow) =>
  tx
    .updateTable('unmatched_payments')
    .set({ resolved_at: null, resolution: null, resolved_by: null, refund_id: null })
    .where('resolution', '=', 'refunded')
    .where((row) =>
      row.or([
        row('refund_id', '=', id),
        // A line that was paid for twice is closed by its own refund.
        row.and([row('course_id', 'is', null), row.exists(paymentOf(tx, { attempt_id, unmatched_id }))]),
      ]),
    )
    .execute()

interface Room extends RefundSource {
  /** The refund that needs the room; none of ours yet if it is to be created. */
  readonly id?: number
  readonly order_id: number | null
}

/**
 * Makes room for a refund that was certainly made: the money is gone, so other refunds of the same payment cannot all be
 * made. Those not sent yet that refund the same lines give way, and `replacement`, the same refund under another number;
 * then as many others as it takes, first those that nobody has decided about.
 * @returns the lines that can still be refunded, with what is left of each; another refund has taken the rest
 */
export async function makeRoom(
  tx: Transaction,
  wanted: Room,
  lines: readonly RefundLine[],
  { requestNo, now, replacement }: { requestNo: string; now: Date; replacement?: number },
): Promise<RefundLine[]> {
  for (const other of await unfinished(tx, wanted)) {
    const theirs = await linesOf(tx, other.id)
    const same =
      other.id === replacement || theirs.some(({ course_id: id }) => lines.some((line) => line.course_id === id))
    const lacking = (await leftOf(tx, wanted)) < wanted.amount_fen
    if (!lacking && (other.status === 'sent' || !same)) continue
    const reason = { code: 'MADE_INSTEAD', requestNo } as const
    const set = { refusal: `the money went back as ${requestNo}` }
    await moveRefund(tx, 'giveWay', other.id, { at: now, by: { actor: 'shop' }, reason, set })
    await release(tx, other.order_id, other, theirs)
  }
  return wanted.order_id === null ? [] : fittingLines(tx, wanted.order_id, lines)
}

/** Of each line what no other refund has taken. */
async function fittingLines(tx: Transaction, orderId: number, lines: readonly RefundLine[]): Promise<RefundLine[]> {
  const left = await tx
    .selectFrom('order_lines')
    .select(['course_id', sql<number>`price_fen - reserved_fen - refunded_fen`.as('fen')])
    .where('order_id', '=', orderId)
    .execute()
  return lines.flatMap((line) => {
    const fen = left.find(({ course_id }) => course_id === line.course_id)?.fen ?? 0
    return fen > 0 || line.amount_fen === 0 ? [{ ...line, amount_fen: toFen(Math.min(fen, line.amount_fen)) }] : []
  })
}

/** The payment's other refunds whose outcome is not known, in the order in which they give way. */
export const unfinished = (
  tx: Transaction,
  { id, attempt_id, unmatched_id }: Pick<Room, 'id' | 'attempt_id' | 'unmatched_id'>,
) =>
  tx
    .selectFrom('refunds')
    .selectAll()
    .where((where) =>
      attempt_id === null ? where('unmatched_id', '=', unmatched_id) : where('attempt_id', '=', attempt_id),
    )
    .where('id', '<>', id ?? 0)
    .where('status', 'in', ['requested', 'approved', 'sent'])
    .orderBy(sql`array_position(array['requested', 'approved', 'sent'], status)`)
    .orderBy('id', 'desc')
    .modifyEnd(sql`for no key update`)
    .execute()

async function leftOf(tx: Transaction, { attempt_id, unmatched_id }: RefundSource): Promise<number> {
  const left = sql<number>`amount_fen - reserved_fen - refunded_fen`.as('fen')
  const row = await (attempt_id === null
    ? tx.selectFrom('unmatched_payments').select(left).where('id', '=', unmatched_id)
    : tx.selectFrom('payment_attempts').select(left).where('id', '=', attempt_id)
  ).executeTakeFirstOrThrow()
  return row.fen
}

/**
 * Gives lines that are free again to the refund that was made for them, if it has none: its money went back, so that the
 * access may end. The caller holds the lock on the order's row.
 */
export async function giveLines(
  tx: Transaction,
  { requestNo, attemptId, orderId }: { requestNo: string; attemptId: number | null; orderId: number | null },
  lines: readonly RefundLine[],
  now: Date,
): Promise<void> {
  if (orderId === null || attemptId === null) return
  const made = await tx
    .selectFrom('refunds')
    .selectAll()
    .where('request_no', '=', requestNo)
    .where('attempt_id', '=', attemptId)
    .where('status', '=', 'succeeded')
    .executeTakeFirst()
  if (!made || (await linesOf(tx, made.id)).length > 0) return
  const fitting = await fittingLines(tx, orderId, lines)
  if (fitting.length === 0) return
  const counted = { attempt_id: null, unmatched_id: null, amount_fen: toFen(0) }
  await reserve(tx, orderId, counted, fitting)
  await refundReserved(tx, orderId, counted, fitting)
  const rows = fitting.map((line) => ({ ...line, refund_id: made.id, order_id: orderId }))
  await tx.insertInto('refund_lines').values(rows).execute()
  if (!(await isOrderPayment(tx, orderId, attemptId))) return
  const courseIds = fitting.map((line) => line.course_id)
  await updateOrderAndAccess(tx, orderId, courseIds, now, refunded(made))
}

/** Keeps of the line what fits. */
export async function shrinkLine(
  tx: Transaction,
  refundId: number,
  line: RefundLine,
  fitting: readonly RefundLine[],
): Promise<void> {
  const left = fitting.find(({ course_id }) => course_id === line.course_id)
  if (left?.amount_fen === line.amount_fen) return
  const [id, courseId] = [refundId, line.course_id]
  if (!left) {
    await tx.deleteFrom('refund_lines').where('refund_id', '=', id).where('course_id', '=', courseId).execute()
    return
  }
  const { amount_fen } = left
  const lines = tx.updateTable('refund_lines').set({ amount_fen })
  await lines.where('refund_id', '=', id).where('course_id', '=', courseId).execute()
}

/** The reason for the order's transition. */
export const refunded = ({ request_no: requestNo, reason_code: why, reason: note }: RefundRow): Reason =>
  why === null ? { code: 'REFUNDED', requestNo, note } : { code: 'REFUNDED', requestNo, why }

/**
 * Whether this is the payment for which the order was fulfilled: refunding any other changes nothing about the order.
 */
export async function isOrderPayment(tx: Transaction, orderId: number, attemptId: number | null): Promise<boolean> {
  if (attemptId === null) return false
  const pays = tx.selectFrom('order_payments').select('order_id')
  return (
    (await pays.where('order_id', '=', orderId).where('attempt_id', '=', attemptId).executeTakeFirst()) !== undefined
  )
}

/**
 * Moves the order to its next state and ends access: to the courses of the lines that are refunded in full, or to all
 * of them with the last fen of the payment, no matter which lines it was refunded for.
 */
export async function updateOrderAndAccess(
  tx: Transaction,
  orderId: number,
  courseIds: readonly number[],
  now: Date,
  reason: Reason,
): Promise<void> {
  const lines = await tx
    .selectFrom('order_lines')
    .select(['course_id', 'price_fen', 'refunded_fen'])
    .where('order_id', '=', orderId)
    .execute()
  const whole = lines.every((line) => line.refunded_fen === line.price_fen) || (await isFullyRefunded(tx, orderId))
  const gone = lines
    // guard: refund-takes-its-lines-only
    .filter((line) => whole || (line.refunded_fen === line.price_fen && courseIds.includes(line.course_id)))
    .map((line) => line.course_id)
  const by = { actor: 'gateway' } as const
  await transition(tx, whole ? 'refundRest' : 'refundPart', { orderId, at: now, by, reason })
  faultPoint('refund: order updated, access not revoked')
  // guard: refund-takes-access
  await revokeForOrder(tx, { orderId, courseIds: gone, at: now, reason, byRefund: true })
}

/** Whether all of the order's payment has been refunded. */
async function isFullyRefunded(tx: Transaction, orderId: number): Promise<boolean> {
  const paying = await tx
    .selectFrom('order_payments')
    .innerJoin('payment_attempts', 'payment_attempts.id', 'order_payments.attempt_id')
    .select(['payment_attempts.amount_fen', 'payment_attempts.refunded_fen'])
    .where('order_payments.order_id', '=', orderId)
    .executeTakeFirst()
  return paying !== undefined && paying.amount_fen === paying.refunded_fen
}
