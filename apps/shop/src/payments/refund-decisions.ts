/** What people decide about refunds: staff approve, decline, send again; the buyer withdraws. Each with its order's row held. */
import { sql } from 'kysely'
import type { Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { enqueue } from '../jobs/enqueue.ts'
import { addHistory } from '../orders/history.ts'
import { newNumber } from '../orders/number.ts'
import { lockOrder } from '../orders/transition.ts'
import type { By } from '../states.ts'
import { lockRefund, moveRefund, type RefundRow } from './move-refund.ts'
import { release, reserve } from './refund-sums.ts'
import { linesOf } from './refunds.ts'
import { SEND_REFUND } from './tasks.ts'

interface Decision {
  readonly requestNo: string
  readonly by: By
  readonly now: Date
}

/** @throws ShopError REFUND_NOT_FOUND, REFUND_DECIDED */
export async function approveRefund(tx: Transaction, { requestNo, by, now }: Decision): Promise<RefundRow> {
  const { id } = await hold(tx, requestNo)
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
  const { id, order_id: orderId } = await hold(tx, requestNo)
  const set = { decided_by: by.userId ?? null, decided_at: now, answer }
  const before = await moveRefund(tx, 'decline', id, { at: now, by, reason: answer, set })
  if (!before) throw new ShopError('REFUND_DECIDED')
  await release(tx, orderId, before, await linesOf(tx, id))
  return before
}

/** Only the order's own buyer, who is looked for by the caller. @throws ShopError REFUND_NOT_FOUND, REFUND_DECIDED */
export async function withdrawRefund(tx: Transaction, { requestNo, by, now }: Decision): Promise<void> {
  const { id, order_id: orderId } = await hold(tx, requestNo)
  const before = await moveRefund(tx, 'withdraw', id, { at: now, by, reason: '' })
  if (!before) throw new ShopError('REFUND_DECIDED')
  await release(tx, orderId, before, await linesOf(tx, id))
}

/**
 * Sends what the gateway refused once more: with the same number, which never pays back twice, or with a new one where the
 * gateway has closed it for good. @returns the refund as it was, but for its number @throws ShopError REFUND_NOT_FOUND, REFUND_DECIDED, REFUND_TOO_MUCH
 */
export async function sendRefundAgain(tx: Transaction, { requestNo, by, now }: Decision): Promise<RefundRow> {
  const { id, order_id: orderId, number_spent: spent } = await hold(tx, requestNo)
  const set = { decided_by: by.userId ?? null, decided_at: now, refusal: null }
  const freshNo = newNumber(now)
  const reason = spent ? `as ${freshNo}, since its number was closed over there` : ''
  const before = await moveRefund(tx, 'sendAgain', id, { at: now, by, reason, set })
  if (!before) throw new ShopError('REFUND_DECIDED')
  if (spent) await renumber(tx, before, freshNo, now)
  await reserve(tx, orderId, before, await linesOf(tx, id))
  await enqueue(tx, SEND_REFUND, { refundId: id })
  return spent ? { ...before, request_no: freshNo } : before
}

async function renumber(tx: Transaction, refund: RefundRow, requestNo: string, now: Date): Promise<void> {
  const fresh = { request_no: requestNo, number_spent: false, tries: 0, accepted_at: null, billed_on: null }
  // A bill may name the old one for ever, though nothing went back by it.
  const spent_numbers = sql<string[]>`spent_numbers || ${refund.request_no}::text`
  await tx
    .updateTable('refunds')
    .set({ ...fresh, spent_numbers })
    .where('id', '=', refund.id)
    .execute()
  if (refund.order_id === null) return
  // The history of the new number begins where that of the old one ended.
  const about = { orderId: refund.order_id, subject: 'refund', number: requestNo, event: 'sendAgain' } as const
  const reason = `before: ${refund.request_no}`
  await addHistory(tx, { ...about, at: now, from: null, to: 'approved', reason, actor: 'shop' })
}

/** The order's row first, then the refund's: as everywhere. */
async function hold(tx: Transaction, requestNo: string): Promise<RefundRow> {
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
