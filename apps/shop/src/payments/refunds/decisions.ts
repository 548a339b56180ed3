/** Decisions about refunds: staff approve, decline, stop or send again; the buyer withdraws. Each locks the order's row. */
import { sql } from 'kysely'
import type { Transaction } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import { enqueue } from '../../jobs/enqueue.ts'
import { addHistory } from '../../orders/history.ts'
import { numberFromCause } from '../../orders/number.ts'
import type { By } from '../../orders/state-table.ts'
import { lockOrder } from '../../orders/transition.ts'
import { SEND_REFUND } from '../tasks.ts'
import { release, reserve } from './balance.ts'
import { linesOf } from './create.ts'
import { lockRefund, moveRefund, type RefundRow } from './transition.ts'

interface Decision {
  readonly requestNo: string
  readonly by: By
  readonly now: Date
}

/** @throws ShopError REFUND_NOT_FOUND, REFUND_DECIDED */
export async function approveRefund(tx: Transaction, { requestNo, by, now }: Decision): Promise<RefundRow> {
  const { id } = await lockOrderAndRefund(tx, requestNo)
  const set = { decided_by: by.userId ?? null, decided_at: now }
  const before = await moveRefund(tx, 'approve', id, { at: now, by, reason: '', set })
  if (!before) throw new ShopError('REFUND_DECIDED')
  await enqueue(tx, SEND_REFUND, { refundId: id })
  return before
}

/** @throws ShopError REFUND_NOT_FOUND, REFUND_DECIDED */
export async function declineRefund(
  tx: Transaction,
  { requestNo, by, now, answer }: Decision & { answer: string },
): Promise<RefundRow> {
  const { id, order_id: orderId } = await lockOrderAndRefund(tx, requestNo)
  const set = { decided_by: by.userId ?? null, decided_at: now, answer }
  const before = await moveRefund(tx, 'decline', id, { at: now, by, reason: answer, set })
  if (!before) throw new ShopError('REFUND_DECIDED')
  // guard: refund-released
  await release(tx, orderId, before, await linesOf(tx, id))
  return before
}

/** For the order's own buyer only, which the caller checks. @throws ShopError REFUND_NOT_FOUND, REFUND_DECIDED */
export async function withdrawRefund(tx: Transaction, { requestNo, by, now }: Decision): Promise<void> {
  const { id, order_id: orderId } = await lockOrderAndRefund(tx, requestNo)
  const before = await moveRefund(tx, 'withdraw', id, { at: now, by, reason: '' })
  if (!before) throw new ShopError('REFUND_DECIDED')
  await release(tx, orderId, before, await linesOf(tx, id))
}

/** A refund that its gateway has denied, as it was when the gateway was asked. */
export type Unmade = Pick<RefundRow, 'request_no' | 'tries'>

/**
 * Whether no call about this number can have moved money: the gateway has never accepted it, and has clearly refused its
 * last try. Senders count a try before they call, so that a call under way, or one whose answer was lost, is no refusal.
 */
export const isClearlyRefused = (refund: Pick<RefundRow, 'tries' | 'refused_tries' | 'accepted_at'>): boolean =>
  refund.accepted_at === null && refund.tries === refund.refused_tries

/**
 * Stops a refund that was not made, unless it was sent since the gateway was asked.
 * @throws ShopError REFUND_NOT_FOUND, REFUND_DECIDED, REFUND_MAY_BE_MADE
 */
export async function stopRefund(
  tx: Transaction,
  { unmade, by, now, answer }: Omit<Decision, 'requestNo'> & { unmade: Unmade; answer: string },
): Promise<RefundRow> {
  const refund = await lockOrderAndRefund(tx, unmade.request_no)
  if (refund.tries !== unmade.tries || !isClearlyRefused(refund)) throw new ShopError('REFUND_MAY_BE_MADE')
  const set = { decided_by: by.userId ?? null, decided_at: now, answer, stopped: true }
  const reason = { code: 'STOPPED', note: answer } as const
  const before = await moveRefund(tx, 'stop', refund.id, { at: now, by, reason, set })
  if (!before) throw new ShopError('REFUND_DECIDED')
  await release(tx, refund.order_id, before, await linesOf(tx, refund.id))
  return before
}

/**
 * Sends a refused refund again: with the same number, which never pays back twice, or with a new one if the gateway has
 * closed it for good.
 * @returns the refund as it was, but for its number
 * @throws ShopError REFUND_NOT_FOUND, REFUND_DECIDED, REFUND_TOO_MUCH
 */
export async function sendRefundAgain(tx: Transaction, { requestNo, by, now }: Decision): Promise<RefundRow> {
  const { id, order_id: orderId, number_spent: spent } = await lockOrderAndRefund(tx, requestNo)
  const set = { decided_by: by.userId ?? null, decided_at: now, refusal: null, stopped: false }
  const freshNo = numberFromCause('refund', requestNo, 'number spent')
  const reason = spent ? ({ code: 'NUMBER_SPENT', requestNo: freshNo } as const) : ''
  const before = await moveRefund(tx, 'sendAgain', id, { at: now, by, reason, set })
  if (!before) throw new ShopError('REFUND_DECIDED')
  if (spent) await renumber(tx, before, freshNo, now)
  await reserve(tx, orderId, before, await linesOf(tx, id))
  await enqueue(tx, SEND_REFUND, { refundId: id })
  return spent ? { ...before, request_no: freshNo } : before
}

async function renumber(tx: Transaction, refund: RefundRow, requestNo: string, now: Date): Promise<void> {
  const fresh = {
    request_no: requestNo,
    number_spent: false,
    tries: 0,
    refused_tries: 0,
    accepted_at: null,
    billed_on: null,
  }
  // The old number is kept: a bill may list it at any time, though nothing was refunded with it.
  const spent_numbers = sql<string[]>`spent_numbers || ${refund.request_no}::text`
  await tx
    .updateTable('refunds')
    .set({ ...fresh, spent_numbers })
    .where('id', '=', refund.id)
    .execute()
  if (refund.order_id === null) return
  // The history of the new number begins where that of the old one ended.
  const about = { orderId: refund.order_id, subject: 'refund', number: requestNo, event: 'sendAgain' } as const
  const reason = { code: 'NUMBER_REPLACED', requestNo: refund.request_no } as const
  await addHistory(tx, { ...about, at: now, from: null, to: 'approved', reason, actor: 'shop' })
}

/** Locks the order's row first, then the refund's, as everywhere. */
async function lockOrderAndRefund(tx: Transaction, requestNo: string): Promise<RefundRow> {
  const found = await tx
    .selectFrom('refunds')
    .select(['id', 'order_id'])
    .where('request_no', '=', requestNo)
    .executeTakeFirst()
  if (!found) throw new ShopError('REFUND_NOT_FOUND')
  if (found.order_id !== null) await lockOrder(tx, found.order_id)
  const refund = await lockRefund(tx, found.id)
  if (!refund) throw new ShopError('REFUND_NOT_FOUND')
  return refund
}
