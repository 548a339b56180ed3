/**
 * Creates refunds: with their number and amount, limited by the database, in the caller's transaction and before any
 * gateway call. `send-refund.ts` sends the approved ones.
 */
import { sql } from 'kysely'
import { faultPoint } from '#fault-point'
import type { Reader, Transaction } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import { enqueue } from '../../jobs/enqueue.ts'
import { type Fen, sumFen, toFen } from '../../money.ts'
import { addHistory } from '../../orders/history.ts'
import { decidedFen, leftOf } from '../../orders/lines.ts'
import { newNumber, numberFromCause } from '../../orders/number.ts'
import type { RefundReason } from '../../orders/reasons.ts'
import type { By } from '../../orders/state-table.ts'
import { lockOrder } from '../../orders/transition.ts'
import { SEND_REFUND } from '../tasks.ts'
import { type RefundSource, reserve } from './balance.ts'

export interface CreatedRefund {
  readonly id: number
  readonly requestNo: string
}

/** Refunds the whole of a payment that its order does not need. */
export async function refundPayment(
  tx: Transaction,
  refund: {
    attemptId: number
    orderId: number
    paid: { attemptNo: string; amount: Fen; now: Date }
    reason: RefundReason
  },
): Promise<number> {
  const { attemptId, orderId, paid, reason } = refund
  const source = { attempt_id: attemptId, unmatched_id: null, amount_fen: paid.amount }
  const by = { actor: 'shop' } as const
  const cause = ['payment', paid.attemptNo] as const
  return (await createRefund(tx, { source, orderId, lines: [], reason: { code: reason }, cause, by, now: paid.now })).id
}

/**
 * Refunds all that is left of an unmatched payment. The caller writes the audit log.
 * @throws ShopError REFUND_TOO_MUCH, NOT_FOUND; MONEY_OF_AN_ORDER if an order was fulfilled for it
 */
export async function requestUnmatchedRefund(
  tx: Transaction,
  refund: { unmatchedId: number; reason: string; now: Date; userId: number },
): Promise<CreatedRefund & { amount: Fen }> {
  const { unmatchedId, reason, now, userId } = refund
  const listed = await tx
    .selectFrom('unmatched_payments')
    .select(['order_id', 'provider', 'trade_no'])
    .where('id', '=', unmatchedId)
    .executeTakeFirst()
  if (!listed) throw new ShopError('NOT_FOUND')
  const orderId = listed.order_id
  if (orderId !== null) await lockOrder(tx, orderId)
  const source = await remainingSource(tx, unmatchedId, listed)
  const by = { actor: 'staff', userId } as const
  // Requested once more by a database that was restored, it is the same refund.
  const cause = ['trade', listed.provider, listed.trade_no, await refundsSoFar(tx, listed)] as const
  const booked = await createRefund(tx, { source, orderId, lines: [], reason, cause, by, now })
  await tx.updateTable('unmatched_payments').set({ refund_id: booked.id }).where('id', '=', unmatchedId).execute()
  return { ...booked, amount: source.amount_fen }
}

/** From our attempt, if it was paid and its order did not need it; otherwise from the unmatched payment itself. */
async function remainingSource(
  tx: Transaction,
  unmatchedId: number,
  { provider, trade_no }: { provider: string; trade_no: string },
): Promise<RefundSource> {
  const attempt = await tx
    .selectFrom('payment_attempts')
    .leftJoin('order_payments', 'order_payments.attempt_id', 'payment_attempts.id')
    .select(['payment_attempts.id', 'amount_fen', 'reserved_fen', 'refunded_fen', 'order_payments.order_id as pays'])
    .where('provider', '=', provider)
    .where('trade_no', '=', trade_no)
    .executeTakeFirst()
  if (attempt && attempt.pays !== null) throw new ShopError('MONEY_OF_AN_ORDER')
  const rows = await rowsOfTrade(tx, provider, trade_no)
  const row = rows.find(({ id }) => id === unmatchedId)
  // A trade may be listed for several reasons; its money is refunded for one of them.
  const elsewhere = rows.some((each) => each.id !== unmatchedId && leftOf(each.amount_fen, each) < each.amount_fen)
  if (!row || row.resolved_at || elsewhere) throw new ShopError('REFUND_TOO_MUCH')
  const source = attempt ?? row
  const amount_fen = leftOf(source.amount_fen, source)
  if (amount_fen === 0) throw new ShopError('REFUND_TOO_MUCH')
  return attempt
    ? { attempt_id: attempt.id, unmatched_id: null, amount_fen }
    : { attempt_id: null, unmatched_id: unmatchedId, amount_fen }
}

/** All refunds of the trade, of any of its rows. */
async function refundsSoFar(
  tx: Transaction,
  { provider, trade_no }: { provider: string; trade_no: string },
): Promise<string> {
  const { rows } = await sql<{ made: string }>`
    select count(*)::text as made from refunds r
    left join payment_attempts a on a.id = r.attempt_id left join unmatched_payments u on u.id = r.unmatched_id
    where (a.provider = ${provider} and a.trade_no = ${trade_no}) or (u.provider = ${provider} and u.trade_no = ${trade_no})`.execute(
    tx,
  )
  return rows[0]?.made ?? '0'
}

/**
 * Everything that a trade is listed for among the unmatched payments, oldest first. Locks its orders, its refunds and the
 * rows, in the order in which settling and the senders of refunds lock them.
 */
export async function rowsOfTrade(tx: Transaction, provider: string, tradeNo: string) {
  const rows = tx.selectFrom('unmatched_payments').where('provider', '=', provider).where('trade_no', '=', tradeNo)
  for (const { order_id } of await rows.select('order_id').distinct().orderBy('order_id').execute())
    if (order_id !== null) await lockOrder(tx, order_id)
  await tx
    .selectFrom('refunds')
    .select('id')
    .where('unmatched_id', 'in', rows.select('id'))
    .orderBy('id')
    .modifyEnd(sql`for no key update`)
    .execute()
  return rows
    .select(['id', 'order_id', 'refund_id', 'amount_fen', 'reserved_fen', 'refunded_fen', 'resolved_at'])
    .orderBy('id')
    .modifyEnd(sql`for no key update`)
    .execute()
}

export interface LineToRefund {
  readonly courseId: number
  /** By default, all of the line that has not been refunded. */
  readonly amount?: Fen | undefined
}

/** What a refund of these lines would do; shown before it is sent. */
export interface RefundPlan {
  readonly attemptId: number
  readonly payType: string
  readonly amount: Fen
  readonly lines: readonly PlannedLine[]
  readonly orderAfter: 'partially_refunded' | 'refunded'
}

export interface PlannedLine {
  readonly courseId: number
  readonly title: string
  readonly amount: Fen
  /** How much of the line has not been refunded yet, not counting this refund. */
  readonly refundable: Fen
  /** Whether it refunds the line in full and nothing else gives access to its course, so that this ends. */
  readonly takesAccess: boolean
}

/**
 * Plans a refund without creating it. The plan stays valid within a transaction that holds the lock on the order's row.
 * @throws ShopError REFUND_NOT_POSSIBLE when the order was not paid; REFUND_TOO_MUCH for a line with nothing left, for
 * more than is left, or for a course that is not in the order
 */
export async function planRefund(db: Reader, orderId: number, wanted: readonly LineToRefund[]): Promise<RefundPlan> {
  const paid = await db
    .selectFrom('orders')
    .innerJoin('order_payments', 'order_payments.order_id', 'orders.id')
    .innerJoin('payment_attempts', 'payment_attempts.id', 'order_payments.attempt_id')
    .select(['payment_attempts.id', 'payment_attempts.provider', 'orders.status'])
    .select(['amount_fen', 'reserved_fen', 'refunded_fen', 'orders.user_id'])
    .select((row) =>
      row
        .selectFrom('refunds')
        .select((refund) => refund.fn.coalesce(refund.fn.sum<number>('refunds.amount_fen'), sql.lit(0)).as('fen'))
        .whereRef('refunds.attempt_id', '=', 'payment_attempts.id')
        .where('refunds.status', '=', 'requested')
        .as('undecided_fen'),
    )
    .where('orders.id', '=', orderId)
    .executeTakeFirst()
  if (!paid || (paid.status !== 'paid' && paid.status !== 'partially_refunded')) {
    throw new ShopError('REFUND_NOT_POSSIBLE')
  }
  const all = await db
    .selectFrom('order_lines')
    .select(['course_id', 'course_title', 'price_fen', 'reserved_fen', 'refunded_fen', decidedFen.as('decided_fen')])
    .select(({ exists, selectFrom }) =>
      exists(
        selectFrom('enrolments')
          .select('enrolments.id')
          .whereRef('enrolments.course_id', '=', 'order_lines.course_id')
          .where('user_id', '=', paid.user_id)
          .where('standby', '=', true),
      ).as('stays'),
    )
    .where('order_id', '=', orderId)
    .orderBy('position')
    .execute()
  if (new Set(wanted.map(({ courseId }) => courseId)).size !== wanted.length) throw new ShopError('REFUND_TOO_MUCH')
  // A refund made by hand for no known line reduces this too, so less may be left than all the lines add up to.
  let left: number = leftOf(paid.amount_fen, paid)
  const planned = wanted.map(({ courseId, amount: part }) => {
    const line = all.find((each) => each.course_id === courseId)
    const ofLine = line ? leftOf(line.price_fen, line) : 0
    const refundable = toFen(Math.min(ofLine, left))
    const amount = part ?? refundable
    // A line's amount may be zero when earlier lines take the rest of the payment, but not when the line itself has
    // nothing left.
    const nothing = line !== undefined && line.price_fen > 0 && (part === 0 || ofLine === 0)
    if (!line || nothing || amount > refundable) throw new ShopError('REFUND_TOO_MUCH')
    left -= amount
    const whole = line.decided_fen + amount === line.price_fen
    return { courseId, title: line.course_title, amount, refundable, whole, stays: line.stays }
  })
  const amount = sumFen(planned.map((line) => line.amount))
  if (amount === 0) throw new ShopError('REFUND_TOO_MUCH')
  // A request that nobody has decided reserves its sum, but may be declined.
  const isAll = left === 0 && Number(paid.undecided_fen) === 0
  const lines = planned.map(({ whole, stays, ...line }) => ({ ...line, takesAccess: (whole || isAll) && !stays }))
  const orderAfter = isAll ? 'refunded' : 'partially_refunded'
  return { attemptId: paid.id, payType: paid.provider, amount, lines, orderAfter }
}

/**
 * Creates the refund of an order's lines: a buyer's waits for approval, any other is sent after the commit. `shown` is
 * the amount that the person saw.
 * @throws ShopError as `planRefund`; REFUND_CHANGED when the amount is no longer the one shown; REFUND_ASKED_TOO_OFTEN
 * for a buyer
 */
export async function refundLines(
  tx: Transaction,
  refund: {
    orderId: number
    lines: readonly LineToRefund[]
    shown?: Fen
    reason: WhyRefunded
    cause?: Cause
    by: By
    now: Date
  },
): Promise<CreatedRefund> {
  const { orderId, reason, cause, by, now } = refund
  await lockOrder(tx, orderId)
  if (by.actor === 'buyer') await requireFewRequests(tx, orderId)
  const plan = await planRefund(tx, orderId, refund.lines)
  if (refund.shown !== undefined && refund.shown !== plan.amount) throw new ShopError('REFUND_CHANGED')
  const source = { attempt_id: plan.attemptId, unmatched_id: null, amount_fen: plan.amount }
  return createRefund(tx, { source, orderId, lines: plan.lines, reason, ...(cause && { cause }), by, now })
}

/**
 * Without a limit, requesting and withdrawing over and over would make one order grow without end, and slow to read.
 */
const MAX_REQUESTS = 20

async function requireFewRequests(tx: Transaction, orderId: number): Promise<void> {
  const { made } = await tx
    .selectFrom('refunds')
    .select((row) => row.fn.countAll<string>().as('made'))
    .where('order_id', '=', orderId)
    .where('requested_by', '=', 'buyer')
    .executeTakeFirstOrThrow()
  if (Number(made) >= MAX_REQUESTS) throw new ShopError('REFUND_ASKED_TOO_OFTEN')
}

/** The words of the person who requests it, or one of the shop's own reasons. */
type WhyRefunded = string | { readonly code: RefundReason }

type Cause = readonly [string, ...string[]]

export interface NewRefund {
  readonly source: RefundSource
  readonly orderId: number | null
  readonly lines: readonly { courseId: number; amount: Fen }[]
  readonly reason: WhyRefunded
  readonly by: By
  readonly now: Date
  /** For a refund that the shop makes by itself, what makes it the same one again in a restored database. */
  readonly cause?: Cause
  /** For a refund made by hand, its number at the gateway: it is not sent. */
  readonly madeAs?: string
  /** Whether the history has that number already, up to its approval. */
  readonly isContinued?: boolean
}

/**
 * Reserves the amount, stores the refund, and queues it for sending unless it waits for approval or was made already.
 */
export async function createRefund(
  tx: Transaction,
  { source, orderId, lines, reason, cause, by, now, madeAs, isContinued = false }: NewRefund,
): Promise<CreatedRefund> {
  const rows = lines.map(({ courseId, amount }) => ({ course_id: courseId, amount_fen: amount }))
  await reserve(tx, orderId, source, rows)
  faultPoint('book: sum reserved')
  const requestNo = madeAs ?? (cause ? numberFromCause('refund', ...cause) : newNumber(now))
  const waits = by.actor === 'buyer'
  const { id } = await tx
    .insertInto('refunds')
    .values({
      request_no: requestNo,
      order_id: orderId,
      ...source,
      status: waits ? 'requested' : 'approved',
      // The gateway receives this text, and refuses a repeated request with another one.
      reason: typeof reason === 'string' ? reason : reason.code,
      reason_code: typeof reason === 'string' ? null : reason.code,
      requested_by: by.actor === 'buyer' || by.actor === 'staff' ? by.actor : 'shop',
      user_id: by.userId ?? null,
      requested_at: now,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  if (orderId !== null) {
    const bound = rows.map((line) => ({ ...line, refund_id: id, order_id: orderId }))
    if (bound.length > 0) await tx.insertInto('refund_lines').values(bound).execute()
    const to = waits ? 'requested' : 'approved'
    const line = { orderId, at: now, subject: 'refund', number: requestNo, event: 'request', from: null, to } as const
    if (!isContinued) await addHistory(tx, { ...line, reason, ...by })
  }
  faultPoint('book: stored, not enqueued')
  if (!waits && madeAs === undefined) await enqueue(tx, SEND_REFUND, { refundId: id })
  return { id, requestNo }
}

/** The lines of a refund. */
export const linesOf = (db: Reader, refundId: number) =>
  db.selectFrom('refund_lines').select(['course_id', 'amount_fen']).where('refund_id', '=', refundId).execute()
