/** The gateway has made a refund of ours with another amount than our books have: what the gateway says has moved. */
import type { Transaction } from '../../db/connect.ts'
import { restoreForOrder } from '../../enrolments/access.ts'
import { ShopError } from '../../errors.ts'
import { type Fen, sumFen, toFen } from '../../money.ts'
import { lockOrder, transition } from '../../orders/transition.ts'
import { refundReserved, release, reserve, unrefund } from './balance.ts'
import { linesOf } from './create.ts'
import { findRefund, type RefundNumber } from './made.ts'
import {
  isOrderPayment,
  makeRoom,
  refunded,
  reopenUnrefunded,
  resolveRefunded,
  shrinkLine,
  updateOrderAndAccess,
} from './succeed.ts'
import { lockRefund, moveRefund, type RefundRow } from './transition.ts'

/**
 * Records the gateway's amount of a refund that was made. Idempotent. An excess belongs to no line; other refunds of the
 * same payment give way to it where too little is left. A lack first reduces what belongs to no line, then the lines from
 * the last; it can be refunded again, and access to lines that are no longer refunded in full comes back.
 * @returns when it was made, which is unchanged
 * @throws ShopError REFUND_NOT_FOUND; REPAIR_UNFIT unless it was made; REFUND_TOO_MUCH for more than came
 */
export async function correctMadeRefund(
  tx: Transaction,
  { amount, now, ...named }: RefundNumber & { amount: Fen; now: Date },
): Promise<Date | null> {
  const found = await findRefund(tx, named)
  if (!found || found.spent) throw new ShopError('REFUND_NOT_FOUND')
  if (found.order_id !== null) await lockOrder(tx, found.order_id)
  const refund = await lockRefund(tx, found.id)
  if (refund?.status !== 'succeeded' || amount === 0) throw new ShopError('REPAIR_UNFIT')
  const { amount_fen: before, finished_at, made_at } = refund
  if (amount === before) return made_at
  const set = { amount_fen: amount, finished_at }
  await moveRefund(tx, 'correct', refund.id, { at: now, by: { actor: 'gateway' }, reason: '', set })
  if (amount > before) await takeMore(tx, refund, toFen(amount - before), now)
  else await takeLess(tx, refund, toFen(before - amount), now)
  return made_at
}

async function takeMore(tx: Transaction, refund: RefundRow, excess: Fen, now: Date): Promise<void> {
  const { order_id: orderId, request_no: requestNo } = refund
  const source = { ...refund, amount_fen: excess }
  await makeRoom(tx, source, [], { requestNo, now })
  await reserve(tx, orderId, source, [])
  await refundReserved(tx, orderId, source, [])
  await resolveRefunded(tx, refund, now)
  if (orderId !== null && (await isOrderPayment(tx, orderId, refund.attempt_id)))
    await updateOrderAndAccess(tx, orderId, [], now, refunded(refund))
}

async function takeLess(tx: Transaction, refund: RefundRow, lack: Fen, now: Date): Promise<void> {
  const { id, order_id: orderId } = refund
  const lines = await linesOf(tx, id)
  const ofLines = sumFen(lines.map((line) => line.amount_fen))
  let left = Math.max(0, lack - (refund.amount_fen - ofLines))
  const cuts = lines.toReversed().map((line) => {
    const cut = toFen(Math.min(left, line.amount_fen))
    left -= cut
    return { ...line, amount_fen: cut, kept: toFen(line.amount_fen - cut) }
  })
  const kept = cuts.flatMap(({ course_id, kept: amount_fen }) => (amount_fen > 0 ? [{ course_id, amount_fen }] : []))
  for (const line of lines.filter((each) => each.amount_fen > 0)) await shrinkLine(tx, id, line, kept)
  const source = { ...refund, amount_fen: lack }
  await unrefund(tx, orderId, source, cuts)
  await release(tx, orderId, source, cuts)
  await reopenUnrefunded(tx, refund)
  if (orderId === null || !(await isOrderPayment(tx, orderId, refund.attempt_id))) return
  const reason = refunded(refund)
  await transition(tx, 'refundLess', { orderId, at: now, by: { actor: 'gateway' }, reason })
  await restoreForOrder(tx, { orderId, at: now, reason })
}
