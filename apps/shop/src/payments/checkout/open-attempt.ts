/** The attempt with which an order is paid: the newest open one if it is with the wanted method, or a new one. */
import { faultPoint } from '#fault-point'
import type { Reader, Transaction } from '../../db/connect.ts'
import { ShopError } from '../../errors.ts'
import { writeMoment } from '../../http/shapes.ts'
import { enqueue } from '../../jobs/enqueue.ts'
import { type Fen, formatYuan } from '../../money.ts'
import { newNumber } from '../../orders/number.ts'
import { MIN_TIME_TO_PAY_MS } from '../../orders/place.ts'
import type { OrderStatus } from '../../orders/states.ts'
import { changePayType, lockOrder } from '../../orders/transition.ts'
import { type OpenAttempt, openAttempt, openAttempts } from '../attempts/attempts.ts'
import type { Client, PayLink, PaymentProvider } from '../contract.ts'
import { findProvider, type Payments } from '../payments.ts'
import { CLOSE_ATTEMPTS } from '../tasks.ts'
import { signedLink } from './pay-links.ts'

export interface Checkout {
  readonly orderNo: string
  /** There is no link unless it is `unpaid`. */
  readonly status: OrderStatus
  readonly totalAmount: string
  readonly expiresAt: string
  readonly payType: string
  /** When the link expires, if that is before the order does: a new link can then be requested. */
  readonly linkUntil?: string
  readonly payUrl?: string
  readonly codeUrl?: string
  readonly scanUrl?: string
}

/** What the transaction stores under the idempotency key: the answer without a link that is still to be requested. */
export interface Placed {
  readonly answer: Omit<Checkout, 'payUrl' | 'codeUrl' | 'scanUrl' | 'linkUntil'>
  readonly attemptNo: string
  readonly channel: string
  readonly subject: string
  readonly link?: PayLink
  /** It was stored by an earlier request with the same key: what it says may be over. */
  readonly repeated?: true
}

interface PayableOrder {
  readonly id: number
  readonly orderNo: string
  readonly subject: string
  readonly total: Fen
  readonly expiresAt: Date
}

export const payableOrder = (order: {
  id: number
  order_no: string
  subject: string
  total_fen: Fen
  expires_at: Date
}): PayableOrder => ({
  ...{ id: order.id, orderNo: order.order_no, subject: order.subject },
  ...{ total: order.total_fen, expiresAt: order.expires_at },
})

const isPayable = (order: { status: OrderStatus; expires_at: Date }, now: Date): boolean =>
  order.status === 'unpaid' && order.expires_at.getTime() - now.getTime() >= MIN_TIME_TO_PAY_MS

/** @throws ShopError ORDER_NOT_PAYABLE; ORDER_ENDS_SOON if the order is unpaid but too little time is left */
export function requirePayable(order: { status: OrderStatus; expires_at: Date }, now: Date): void {
  if (isPayable(order, now)) return
  throw new ShopError(order.status === 'unpaid' && order.expires_at > now ? 'ORDER_ENDS_SOON' : 'ORDER_NOT_PAYABLE')
}

interface Way {
  readonly provider: string
  readonly channel: string
  /** Fixed for the life of an attempt: its number is sent to no other merchant. */
  readonly merchant: string | null
}

export const wayOf = (provider: PaymentProvider, client: Client): Way => ({
  ...{ provider: provider.name, channel: provider.channelFor(client), merchant: provider.merchant ?? null },
})

export const isSameWay = (attempt: OpenAttempt, { provider, channel, merchant }: Way): boolean =>
  attempt.provider === provider && attempt.channel === channel && attempt.merchant === merchant

/**
 * The order's newest open attempt, if it is with this method, or a new one. Undefined when the order can no longer be
 * paid.
 */
export async function openOrCreateAttempt(
  tx: Transaction,
  payments: Payments,
  orderId: number,
  way: Way,
): Promise<Placed | undefined> {
  const order = await lockOrder(tx, orderId)
  if (!order || !isPayable(order, payments.clock())) return undefined
  const [newest] = await openAttempts(tx, orderId)
  if (newest && isSameWay(newest, way)) return placedWith(payments, payableOrder(order), way, newest.attempt_no)
  return createAttempt(tx, payments, order, way)
}

/** How many attempts one order may have: each may still be paid, and is polled until the order ends. */
const MAX_ATTEMPTS = 30

export async function requireFewAttempts(db: Reader, orderId: number): Promise<void> {
  const { made } = await db
    .selectFrom('payment_attempts')
    .select((row) => row.fn.countAll<string>().as('made'))
    .where('order_id', '=', orderId)
    .executeTakeFirstOrThrow()
  if (Number(made) >= MAX_ATTEMPTS) throw new ShopError('PAYMENT_BEGUN_TOO_OFTEN')
}

/**
 * The caller holds the lock on the order's row. An attempt whose link is made here replaces those before it; any other one
 * only once it has its link.
 * @throws ShopError PAYMENT_BEGUN_TOO_OFTEN
 */
export async function createAttempt(
  tx: Transaction,
  payments: Payments,
  order: Parameters<typeof payableOrder>[0] & { pay_type: string },
  way: Way,
): Promise<Placed> {
  await requireFewAttempts(tx, order.id)
  const now = payments.clock()
  const attemptNo = newNumber(now)
  const placed = await placedWith(payments, payableOrder(order), way, attemptNo)
  const linkUntil = placed.link ? order.expires_at : null
  await openAttempt(tx, { orderId: order.id, ...way, attemptNo, amount: order.total_fen, linkUntil, now })
  faultPoint('checkout: attempt opened')
  if (!placed.link) return placed
  if (order.pay_type !== way.provider) await changePayType(tx, order.id, way.provider)
  if ((await openAttempts(tx, order.id)).length > 1) await enqueue(tx, CLOSE_ATTEMPTS, { orderId: order.id })
  return placed
}

export const pageOf = (orderNo: string): string => `/orders/${orderNo}`

export async function placedWith(
  payments: Payments,
  order: Omit<PayableOrder, 'id'>,
  way: Way,
  attemptNo: string,
): Promise<Placed> {
  const { orderNo, subject, total: amount, expiresAt } = order
  const { provider, channel, merchant } = way
  const attempt = { attemptNo, orderNo, page: pageOf(orderNo), amount, subject, expiresAt, channel, merchant }
  const link = await signedLink(findProvider(payments, provider).links, attempt)
  return {
    answer: {
      orderNo,
      status: 'unpaid',
      totalAmount: formatYuan(amount),
      expiresAt: writeMoment(expiresAt),
      payType: provider,
    },
    attemptNo,
    channel,
    subject,
    ...(link && { link }),
  }
}
