/** Opens attempts. The first attempt of an order bears the order's own number; later ones get numbers of their own. */
import type { Transaction } from '../database/connect.ts'
import type { Fen } from '../money.ts'
import { FIRST_ASK_SECONDS } from './ask.ts'

export interface NewAttempt {
  readonly orderId: number
  readonly provider: string
  readonly attemptNo: string
  readonly amount: Fen
  readonly now: Date
}

export async function openAttempt(tx: Transaction, attempt: NewAttempt): Promise<void> {
  await tx
    .insertInto('payment_attempts')
    .values({
      order_id: attempt.orderId,
      provider: attempt.provider,
      attempt_no: attempt.attemptNo,
      amount_fen: attempt.amount,
      created_at: attempt.now,
      ask_at: new Date(attempt.now.getTime() + FIRST_ASK_SECONDS * 1000),
    })
    .execute()
}

/** The number of the order's open attempt with this provider, if there is one. */
export async function findOpenAttempt(tx: Transaction, orderId: number, provider: string): Promise<string | undefined> {
  const row = await tx
    .selectFrom('payment_attempts')
    .select('attempt_no')
    .where('order_id', '=', orderId)
    .where('provider', '=', provider)
    .where('status', '=', 'open')
    .orderBy('id', 'desc')
    .executeTakeFirst()
  return row?.attempt_no
}
