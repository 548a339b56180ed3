/**
 * Payment attempts: created, and moved between states as the state table allows. An order's first attempt has the
 * order's own number; later ones get their own.
 */
import { type Expression, sql } from 'kysely'
import type { Reader, Transaction } from '../../db/connect.ts'
import { pipeline } from '../../db/statements/pipeline.ts'
import type { Fen } from '../../money.ts'
import { type HistoryLine, historyLines } from '../../orders/history.ts'
import type { ReasonOrWords } from '../../orders/reasons.ts'
import { allows, type By } from '../../orders/state-table.ts'
import { FIRST_QUERY_SECONDS } from './query-times.ts'
import { ATTEMPT_TRANSITIONS, type AttemptEvent, type AttemptStatus } from './states.ts'

/** Identifies an attempt at its gateway. */
export interface AttemptRef {
  readonly provider: string
  readonly attempt_no: string
  /** The merchant it was opened at; null for attempts made before merchants were recorded. */
  readonly merchant: string | null
}

export interface NewAttempt {
  /** The order's id, or an expression for it in a statement that also inserts the order. */
  readonly orderId: number | Expression<number>
  readonly provider: string
  readonly attemptNo: string
  readonly amount: Fen
  readonly channel: string
  readonly merchant: string | null
  /** The end of a link that is made together with the attempt; null if it is requested from the gateway later. */
  readonly linkUntil: Date | null
  readonly now: Date
}

export async function openAttempt(tx: Transaction, attempt: NewAttempt): Promise<void> {
  await pipeline(tx, attemptRow(tx, attempt), historyLines(tx, attemptOpened(attempt)))
}

/** Builds the insert of the attempt. */
export const attemptRow = (tx: Pick<Transaction, 'insertInto'>, attempt: NewAttempt) =>
  tx.insertInto('payment_attempts').values({
    order_id: attempt.orderId,
    provider: attempt.provider,
    attempt_no: attempt.attemptNo,
    amount_fen: attempt.amount,
    channel: attempt.channel,
    merchant: attempt.merchant,
    link_until: attempt.linkUntil,
    created_at: attempt.now,
    ask_at: new Date(attempt.now.getTime() + FIRST_QUERY_SECONDS * 1000),
  })

/** The attempt's first history entry. */
export const attemptOpened = ({ orderId, attemptNo, provider, now }: NewAttempt): HistoryLine => ({
  ...{ orderId, at: now, subject: 'attempt', number: attemptNo, reason: { code: 'METHOD_CHOSEN', provider } },
  ...{ event: 'open', from: null, to: 'open', actor: 'buyer' },
})

/** An open attempt, and until when its latest link is valid; null while none has been made. */
export type OpenAttempt = AttemptRef & { readonly channel: string; readonly link_until: Date | null }

/** The order's attempts that can still be paid, as far as our books know; the newest first. */
export const openAttempts = (db: Reader, orderId: number): Promise<OpenAttempt[]> =>
  openAttemptsOf(db, orderId).execute()

/** Builds the query for the open attempts. */
export const openAttemptsOf = (db: Reader, orderId: number) =>
  db
    .selectFrom('payment_attempts')
    .select(['provider', 'attempt_no', 'channel', 'merchant', 'link_until'])
    .where('order_id', '=', orderId)
    .where('status', '=', 'open')
    .orderBy('id', 'desc')

/** Builds the query for an attempt that its buyer may still pay: it is open, and its order is unpaid. */
export const payableAttempt = (db: Reader, attemptNo: string) =>
  db
    .selectFrom('payment_attempts')
    .innerJoin('orders', 'orders.id', 'payment_attempts.order_id')
    .select(['order_id', 'payment_attempts.merchant', 'link', 'link_until'])
    .where('attempt_no', '=', attemptNo)
    .where('payment_attempts.status', '=', 'open')
    .where('orders.status', '=', 'unpaid')

/** The open attempts, and the closed ones whose link has not expired yet: a payment by such a link may still arrive. */
export const unsettledAttempts = (db: Reader, orderId: number) =>
  db
    .selectFrom('payment_attempts')
    .select(['provider', 'attempt_no', 'merchant', 'status'])
    .where('order_id', '=', orderId)
    .where((where) => where.or([where('status', '=', 'open'), where('ask_at', 'is not', null)]))
    .orderBy('id', 'desc')
    .execute()

/** The columns of a locked attempt that a transition needs. */
export interface HeldAttempt {
  readonly id: number
  readonly order_id: number
  readonly status: AttemptStatus
}

export interface AttemptMove {
  readonly attemptNo: string
  readonly at: Date
  readonly by: By
  readonly reason: ReasonOrWords
  /** Columns written together with the status. */
  readonly set: { trade_no?: string; paid_at?: Date; ask_at: Date | null; order_id?: number; merchant?: string | null }
}

/**
 * Applies the transition, with a history entry, if the attempt is in a state that the transition starts from.
 * @returns whether it was
 */
export async function moveAttempt(tx: Transaction, event: AttemptEvent, move: AttemptMove): Promise<boolean> {
  const held = await tx
    .selectFrom('payment_attempts')
    .select(['id', 'order_id', 'status'])
    .where('attempt_no', '=', move.attemptNo)
    .modifyEnd(sql`for no key update`)
    .executeTakeFirst()
  if (!held || !allows(ATTEMPT_TRANSITIONS, event, held.status, move.by)) return false
  await pipeline(tx, attemptUpdate(tx, event, held, move), historyLines(tx, attemptHistoryEntry(event, held, move)))
  return true
}

/** Builds the update for a transition that the table allows. The caller holds the lock on the attempt's row. */
export const attemptUpdate = (
  tx: Pick<Transaction, 'updateTable'>,
  event: AttemptEvent,
  held: HeldAttempt,
  { set }: AttemptMove,
) =>
  tx
    .updateTable('payment_attempts')
    .set({ status: ATTEMPT_TRANSITIONS[event].to, ...set })
    .where('id', '=', held.id)
    .where('status', '=', held.status)

/** The history entry of a transition. */
export const attemptHistoryEntry = (event: AttemptEvent, held: HeldAttempt, move: AttemptMove): HistoryLine => ({
  ...{ orderId: move.set.order_id ?? held.order_id, at: move.at, subject: 'attempt', number: move.attemptNo, event },
  ...{ from: held.status, to: ATTEMPT_TRANSITIONS[event].to, reason: move.reason, ...move.by },
})
