/**
 * Payment attempts: opened, and moved from state to state as their table says. The first attempt of an order bears the
 * order's own number; later ones get numbers of their own.
 */
import { type Expression, sql } from 'kysely'
import type { Reader, Transaction } from '../database/connect.ts'
import { together } from '../database/together.ts'
import type { Fen } from '../money.ts'
import { type HistoryLine, historyLines } from '../orders/history.ts'
import { allows, type By } from '../states.ts'
import { FIRST_ASK_SECONDS } from './ask-times.ts'
import { ATTEMPT_TRANSITIONS, type AttemptEvent, type AttemptStatus } from './attempt-states.ts'

/** An attempt, by what its gateway knows it by. */
export interface AttemptRef {
  readonly provider: string
  readonly attempt_no: string
  /** Where it was opened; null where that was not noted yet. */
  readonly merchant: string | null
}

export interface NewAttempt {
  /** The order's id, or what stands for it in a statement that makes the order. */
  readonly orderId: number | Expression<number>
  readonly provider: string
  readonly attemptNo: string
  readonly amount: Fen
  readonly channel: string
  readonly merchant: string | null
  readonly now: Date
}

export async function openAttempt(tx: Transaction, attempt: NewAttempt): Promise<void> {
  await together(tx, attemptRow(tx, attempt), historyLines(tx, attemptOpened(attempt)))
}

/** The statement that adds the attempt, for whoever sends it together with others. */
export const attemptRow = (tx: Pick<Transaction, 'insertInto'>, attempt: NewAttempt) =>
  tx.insertInto('payment_attempts').values({
    order_id: attempt.orderId,
    provider: attempt.provider,
    attempt_no: attempt.attemptNo,
    amount_fen: attempt.amount,
    channel: attempt.channel,
    merchant: attempt.merchant,
    created_at: attempt.now,
    ask_at: new Date(attempt.now.getTime() + FIRST_ASK_SECONDS * 1000),
  })

/** Its line of history. */
export const attemptOpened = ({ orderId, attemptNo, provider, now }: NewAttempt): HistoryLine => ({
  ...{ orderId, at: now, subject: 'attempt', number: attemptNo, reason: provider },
  ...{ event: 'open', from: null, to: 'open', actor: 'buyer' },
})

/** The order's attempts that may still be paid, as far as we know. */
export const openAttempts = (db: Reader, orderId: number): Promise<(AttemptRef & { channel: string })[]> =>
  openAttemptsOf(db, orderId).execute()

/** The statement that finds them, for whoever sends it together with others. */
export const openAttemptsOf = (db: Reader, orderId: number) =>
  db
    .selectFrom('payment_attempts')
    .select(['provider', 'attempt_no', 'channel', 'merchant'])
    .where('order_id', '=', orderId)
    .where('status', '=', 'open')
    .orderBy('id', 'desc')

/** Those, and the closed ones whose link has not ended yet, so that a payment may still come to light. */
export const unsettledAttempts = (db: Reader, orderId: number): Promise<AttemptRef[]> =>
  db
    .selectFrom('payment_attempts')
    .select(['provider', 'attempt_no', 'merchant'])
    .where('order_id', '=', orderId)
    .where((where) => where.or([where('status', '=', 'open'), where('ask_at', 'is not', null)]))
    .orderBy('id', 'desc')
    .execute()

/** An attempt whose row is held, as far as a transition needs to know it. */
export interface HeldAttempt {
  readonly id: number
  readonly order_id: number
  readonly status: AttemptStatus
}

export interface AttemptMove {
  readonly attemptNo: string
  readonly at: Date
  readonly by: By
  readonly reason: string
  /** Set along with the status. */
  readonly set: { trade_no?: string; paid_at?: Date; ask_at: Date | null; order_id?: number; merchant?: string | null }
}

/**
 * Makes the transition if the attempt is where it starts, with a line of history.
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
  await together(tx, attemptMove(tx, event, held, move), historyLines(tx, attemptMoved(event, held, move)))
  return true
}

/** The statement of a transition that the table allows, for whoever holds the attempt's row and sends it together with others. */
export const attemptMove = (
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

/** Its line of history. */
export const attemptMoved = (event: AttemptEvent, held: HeldAttempt, move: AttemptMove): HistoryLine => ({
  ...{ orderId: move.set.order_id ?? held.order_id, at: move.at, subject: 'attempt', number: move.attemptNo, event },
  ...{ from: held.status, to: ATTEMPT_TRANSITIONS[event].to, reason: move.reason, ...move.by },
})
