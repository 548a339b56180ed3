/** Buying: order, attempt and pay link come into being in one transaction, so that none exists without the others. */
import type { Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import { writeMoment } from '../http/shapes.ts'
import { type Fen, formatYuan } from '../money.ts'
import { newNumber } from '../orders/number.ts'
import { LEAST_TIME_TO_PAY_MS, type Purchase, placeOrder } from '../orders/place.ts'
import { changePayType, lockOrder } from '../orders/transition.ts'
import { askAbout } from './ask.ts'
import { findOpenAttempt, openAttempt } from './attempts.ts'
import { once, type Repeatable } from './idempotency.ts'
import { type Payments, providerNamed } from './payments.ts'
import type { PayLink } from './providers/provider.ts'

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
 * Pays again: the same attempt if the gateway still takes it, a new one if not or if the method changed.
 * @throws ShopError ORDER_NOT_FOUND, ORDER_NOT_PAYABLE, PAY_METHOD_UNAVAILABLE
 */
export async function payAgain(
  payments: Payments,
  again: { userId: number; orderNo: string; payType: string | undefined },
): Promise<Checkout> {
  const found = await payments.db
    .selectFrom('orders')
    .select(['id', 'pay_type', 'status'])
    .where('order_no', '=', again.orderNo)
    .where('user_id', '=', again.userId)
    .executeTakeFirst()
  if (!found) throw new ShopError('ORDER_NOT_FOUND')
  if (found.status !== 'unpaid') throw new ShopError('ORDER_NOT_PAYABLE')
  const provider = providerNamed(payments, again.payType ?? found.pay_type)
  await askAboutOpenAttempts(payments, found.id)

  return payments.db.transaction().execute(async (tx) => {
    const order = await lockOrder(tx, found.id)
    const left = (order?.expires_at.getTime() ?? 0) - payments.clock().getTime()
    if (order?.status !== 'unpaid' || left < LEAST_TIME_TO_PAY_MS) throw new ShopError('ORDER_NOT_PAYABLE')
    if (order.pay_type !== provider.name) await changePayType(tx, order.id, provider.name)
    const { id, order_no: orderNo, subject, total_fen: total, expires_at: expiresAt } = order
    return linkTo(tx, payments, { id, orderNo, subject, total, expiresAt }, provider.name)
  })
}

/** What was paid meanwhile is settled, and what was closed there is closed here. No answer changes nothing. */
async function askAboutOpenAttempts(payments: Payments, orderId: number): Promise<void> {
  const open = await payments.db
    .selectFrom('payment_attempts')
    .select(['provider', 'attempt_no'])
    .where('order_id', '=', orderId)
    .where('status', '=', 'open')
    .execute()
  for (const attempt of open) {
    try {
      await askAbout(payments, attempt)
    } catch (error) {
      if (!(error instanceof ShopError) || error.code !== 'GATEWAY_UNAVAILABLE') throw error
    }
  }
}

async function linkTo(
  tx: Transaction,
  payments: Payments,
  order: PayableOrder,
  provider: string,
  freshNo?: string,
): Promise<Checkout> {
  const open = freshNo ? undefined : await findOpenAttempt(tx, order.id, provider)
  const attemptNo = open ?? freshNo ?? newNumber(payments.clock())
  if (!open) {
    await openAttempt(tx, { orderId: order.id, provider, attemptNo, amount: order.total, now: payments.clock() })
  }
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
