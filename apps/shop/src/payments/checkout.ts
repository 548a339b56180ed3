/** Buying: order, attempt and pay link come into being in one transaction, so that none exists without the others. */
import { faultPoint } from '#fault-point'
import type { Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { answeredBefore, once, type Repeatable } from '../http/idempotency.ts'
import { writeMoment } from '../http/shapes.ts'
import { enqueue } from '../jobs/enqueue.ts'
import { type Fen, formatYuan } from '../money.ts'
import { newNumber } from '../orders/number.ts'
import { LEAST_TIME_TO_PAY_MS, type Purchase, placeOrder } from '../orders/place.ts'
import type { OrderStatus } from '../orders/states.ts'
import { changePayType, lockOrder } from '../orders/transition.ts'
import { openAttempt, openAttempts } from './attempts.ts'
import { closeLeftAttempts } from './close-attempts.ts'
import { type Payments, providerNamed } from './payments.ts'
import type { PayLink } from './providers/provider.ts'
import { CLOSE_ATTEMPTS } from './tasks.ts'

export interface Checkout {
  readonly orderNo: string
  readonly status: 'unpaid'
  readonly totalAmount: string
  readonly expiresAt: string
  readonly payUrl?: string
  readonly codeUrl?: string
}

interface PayableOrder {
  readonly id: number
  readonly orderNo: string
  readonly subject: string
  readonly total: Fen
  readonly expiresAt: Date
}

/** Places the order, or finds the same unpaid one, and makes its pay link. @throws ShopError as `placeOrder` */
export async function checkout(payments: Payments, purchase: Purchase, repeatable?: Repeatable): Promise<Checkout> {
  const provider = providerNamed(payments, purchase.payType)
  const now = payments.clock()
  // Whole seconds: the gateway's limit is no finer, and both sides must mean the same moment.
  const expiresAt = new Date(Math.floor(now.getTime() / 1000) * 1000 + payments.orderTtlMinutes * 60_000)
  return payments.db.transaction().execute((tx) =>
    once(tx, purchase.userId, repeatable, now, async () => {
      const order = await placeOrder(tx, purchase, { orderNo: newNumber(now), now, expiresAt })
      return linkTo(tx, payments, order, provider.name, order.fresh ? order.orderNo : undefined)
    }),
  )
}

/**
 * Pays again, by the same method or another: what was paid meanwhile is settled, what is open is closed at its gateway,
 * and a new attempt with a number of its own is made.
 * @throws ShopError ORDER_NOT_FOUND, ORDER_NOT_PAYABLE, PAY_METHOD_UNAVAILABLE
 */
export async function payAgain(
  payments: Payments,
  again: { userId: number; orderNo: string; payType: string | undefined },
  repeatable?: Repeatable,
): Promise<Checkout> {
  const found = await payments.db
    .selectFrom('orders')
    .select(['id', 'pay_type', 'status', 'expires_at'])
    .where('order_no', '=', again.orderNo)
    .where('user_id', '=', again.userId)
    .executeTakeFirst()
  if (!found) throw new ShopError('ORDER_NOT_FOUND')
  const provider = providerNamed(payments, again.payType ?? found.pay_type)
  const known = await answeredBefore<Checkout>(payments.db, again.userId, repeatable)
  if (known) return known
  if (!isPayable(found, payments.clock())) throw new ShopError('ORDER_NOT_PAYABLE')
  await closeQuietly(payments, found.id)

  return payments.db.transaction().execute((tx) =>
    once(tx, again.userId, repeatable, payments.clock(), async () => {
      const order = await lockOrder(tx, found.id)
      if (!order || !isPayable(order, payments.clock())) throw new ShopError('ORDER_NOT_PAYABLE')
      if (order.pay_type !== provider.name) await changePayType(tx, order.id, provider.name)
      const { id, order_no: orderNo, subject, total_fen: total, expires_at: expiresAt } = order
      const attemptNo = newNumber(payments.clock())
      const link = await openLink(tx, payments, { id, orderNo, subject, total, expiresAt }, provider.name, attemptNo)
      // Whatever could not be closed just now, since its gateway was away.
      if ((await openAttempts(tx, id)).length > 1) await enqueue(tx, CLOSE_ATTEMPTS, { orderId: id, keep: attemptNo })
      return link
    }),
  )
}

const isPayable = (order: { status: OrderStatus; expires_at: Date }, now: Date): boolean =>
  order.status === 'unpaid' && order.expires_at.getTime() - now.getTime() >= LEAST_TIME_TO_PAY_MS

/** What was paid is settled by it. A gateway that is away must not keep the buyer from another one. */
async function closeQuietly(payments: Payments, orderId: number): Promise<void> {
  try {
    await closeLeftAttempts(payments, orderId)
  } catch (error) {
    if (!(error instanceof ShopError) || error.code !== 'GATEWAY_UNAVAILABLE') throw error
  }
}

/** The link of the order's open attempt with this provider; a new attempt where there is none. */
async function linkTo(
  tx: Transaction,
  payments: Payments,
  order: PayableOrder,
  provider: string,
  freshNo?: string,
): Promise<Checkout> {
  if (freshNo) return openLink(tx, payments, order, provider, freshNo)
  const open = (await openAttempts(tx, order.id)).find((attempt) => attempt.provider === provider)
  if (open) return signLink(payments, order, provider, open.attempt_no)
  return openLink(tx, payments, order, provider, newNumber(payments.clock()))
}

async function openLink(
  tx: Transaction,
  payments: Payments,
  order: PayableOrder,
  provider: string,
  attemptNo: string,
): Promise<Checkout> {
  const now = payments.clock()
  await openAttempt(tx, { orderId: order.id, provider, attemptNo, amount: order.total, now })
  faultPoint('checkout: attempt opened')
  return signLink(payments, order, provider, attemptNo)
}

async function signLink(
  payments: Payments,
  order: PayableOrder,
  provider: string,
  attemptNo: string,
): Promise<Checkout> {
  const { subject, total: amount, expiresAt } = order
  const link: PayLink = await providerNamed(payments, provider).payLink({ attemptNo, amount, subject, expiresAt })
  return {
    orderNo: order.orderNo,
    status: 'unpaid',
    totalAmount: formatYuan(order.total),
    expiresAt: writeMoment(order.expiresAt),
    ...link,
  }
}
