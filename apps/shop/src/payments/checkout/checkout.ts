/**
 * Checkout: the order and its attempt are created in one transaction, together with a link that is signed locally. A
 * link that the gateway creates is requested after the commit, and again by a repeated request.
 */
import { faultPoint } from '#fault-point'
import type { Reader, Transaction } from '../../db/connect.ts'
import { pipelinedTransaction } from '../../db/statements/pipelined-transaction.ts'
import { ShopError } from '../../errors.ts'
import {
  findStoredAnswer,
  insertAnswer,
  isKeyTaken,
  once,
  type Repeatable,
  storedAnswer,
  storedAnswers,
} from '../../http/idempotency.ts'
import { writeMoment } from '../../http/shapes.ts'
import { enqueue } from '../../jobs/enqueue.ts'
import { type Fen, formatYuan, parseYuan } from '../../money.ts'
import { historyLines } from '../../orders/history.ts'
import { newNumber } from '../../orders/number.ts'
import {
  MIN_TIME_TO_PAY_MS,
  orderLineRows,
  orderPlaced,
  orderRow,
  PLACED_ID,
  type Purchase,
  purchaseReads,
  validatePurchase,
} from '../../orders/place.ts'
import type { OrderStatus } from '../../orders/states.ts'
import { changePayType, lockOrder } from '../../orders/transition.ts'
import {
  type AttemptRef,
  attemptOpened,
  attemptRow,
  openAttempt,
  openAttempts,
  unsettledAttempts,
} from '../attempts/attempts.ts'
import type { Client, PayLink, PaymentProvider } from '../contract.ts'
import { closeAttempts } from '../gateway-sync/close-attempts.ts'
import { findProvider, isGatewayUnavailable, type Payments } from '../payments.ts'
import { CLOSE_ATTEMPTS } from '../tasks.ts'
import { requestedLink, requireTimeForLink, signedLink } from './pay-links.ts'

export interface Checkout {
  readonly orderNo: string
  readonly status: 'unpaid'
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
interface Placed {
  readonly answer: Omit<Checkout, 'payUrl' | 'codeUrl' | 'scanUrl' | 'linkUntil'>
  readonly attemptNo: string
  readonly channel: string
  readonly subject: string
  readonly link?: PayLink
}

interface PayableOrder {
  readonly id: number
  readonly orderNo: string
  readonly subject: string
  readonly total: Fen
  readonly expiresAt: Date
}

/**
 * Places the order, or finds the same unpaid one, and creates its pay link.
 * @throws ShopError as `validatePurchase`; GATEWAY_UNAVAILABLE when the order exists but its link could not be obtained
 * yet
 */
export async function checkout(
  payments: Payments,
  purchase: Purchase,
  client: Client,
  repeatable?: Repeatable,
): Promise<Checkout> {
  const provider = findProvider(payments, purchase.payType)
  const now = payments.clock()
  // Whole seconds: the gateway's limit is no finer, and both sides must mean the same moment.
  const expiresAt = new Date(Math.floor(now.getTime() / 1000) * 1000 + payments.orderTtlMinutes * 60_000)
  const order = { payments, purchase, provider, channel: provider.channelFor(client), now, expiresAt, repeatable }
  const placed = (await placeOrder(order)) ?? (await placeOrder(order))
  if (!placed) throw new ShopError('ORDER_NOT_PAYABLE')
  return withLink(payments, placed, client)
}

interface OrderWanted {
  readonly payments: Payments
  readonly purchase: Purchase
  readonly provider: PaymentProvider
  readonly channel: string
  readonly now: Date
  readonly expiresAt: Date
  readonly repeatable: Repeatable | undefined
}

/**
 * Writes a new order, its lines, its first attempt, their history and the answer for its key: one statement, in two
 * round trips.
 * @returns undefined when the purchase must be decided again: the key was used meanwhile, or the order that was found
 * is no longer open
 */
async function placeOrder(wanted: OrderWanted): Promise<Placed | undefined> {
  try {
    return await tryToPlace(wanted)
  } catch (error) {
    // A concurrent request used the same key; its answer is stored by now.
    if (!isKeyTaken(error)) throw error
    return undefined
  }
}

function tryToPlace(wanted: OrderWanted): Promise<Placed | undefined> {
  const { payments, purchase, provider, channel, now, expiresAt, repeatable } = wanted
  const { userId } = purchase
  return pipelinedTransaction(payments.db, async ({ tx, begin, end }) => {
    const [buyer, courses, owned, unpaid, kept] = await begin(
      ...purchaseReads(tx, purchase),
      storedAnswers(tx, userId, repeatable),
    )
    const known = storedAnswer<Placed>(kept, repeatable)
    if (known) return known
    const judged = validatePurchase(purchase, [buyer, courses, owned, unpaid], now)
    const way = { provider: provider.name, channel, merchant: provider.merchant ?? null }
    if (judged.same) {
      const placed = await openOrCreateAttempt(tx, payments, judged.same.id, way)
      if (placed && repeatable) await insertAnswer(tx, userId, repeatable, now, placed).execute()
      return placed
    }

    const { fresh } = judged
    const { subject } = fresh
    const orderNo = newNumber(now)
    const placed = await placedWith(payments, { orderNo, subject, total: purchase.total, expiresAt }, way, orderNo)
    faultPoint('checkout: attempt opened')
    const attempt = { orderId: PLACED_ID, ...way, attemptNo: orderNo, amount: purchase.total, now }
    const rows = tx
      .with('placed', (order) => orderRow(order, fresh, { orderNo, now, expiresAt }))
      .with('lines', (order) => orderLineRows(order, fresh))
      .with('attempt', (order) => attemptRow(order, attempt))
      .with('told', (order) => historyLines(order, orderPlaced(now), attemptOpened(attempt)))
    await end(
      repeatable
        ? rows
            .with('kept', (order) => insertAnswer(order, userId, repeatable, now, placed))
            .selectFrom('placed')
            .select('id')
        : rows.selectFrom('placed').select('id'),
    )
    return placed
  })
}

/**
 * Pays again, with the same method or another: settles what was paid meanwhile, closes open attempts at their gateways,
 * and opens a new attempt with its own number.
 * @throws ShopError ORDER_NOT_FOUND, ORDER_NOT_PAYABLE, PAYMENT_BEGUN_TOO_OFTEN, PAY_METHOD_UNAVAILABLE,
 * GATEWAY_UNAVAILABLE
 */
export async function payAgain(
  payments: Payments,
  again: { userId: number; orderNo: string; payType: string | undefined },
  client: Client,
  repeatable?: Repeatable,
): Promise<Checkout> {
  const found = await payments.db
    .selectFrom('orders')
    .select(['id', 'pay_type', 'status', 'expires_at'])
    .where('order_no', '=', again.orderNo)
    .where('user_id', '=', again.userId)
    .executeTakeFirst()
  if (!found) throw new ShopError('ORDER_NOT_FOUND')
  const provider = findProvider(payments, again.payType ?? found.pay_type)
  // Read before the key: if this list has an attempt that the same request has just opened, its key is found as well.
  const before = await unsettledAttempts(payments.db, found.id)
  const known = await findStoredAnswer<Placed>(payments.db, again.userId, repeatable)
  if (known) return withLink(payments, known, client)
  requirePayable(found, payments.clock())
  // Checked before open attempts are closed, and again where the new one is opened, with the order's row locked.
  await requireFewAttempts(payments.db, found.id)
  await closeQuietly(payments, found.id, before)

  const placed = await payments.db.transaction().execute((tx) =>
    once(tx, again.userId, repeatable, payments.clock(), async () => {
      const order = await lockOrder(tx, found.id)
      if (!order) throw new ShopError('ORDER_NOT_PAYABLE')
      requirePayable(order, payments.clock())
      if (order.pay_type !== provider.name) await changePayType(tx, order.id, provider.name)
      return createAttempt(tx, payments, payable(order), wayOf(provider, client))
    }),
  )
  return withLink(payments, placed, client)
}

/**
 * The open payment of an unpaid order, for a page that is opened again. An attempt opened at a retired merchant is
 * replaced: its number must not be sent to a second merchant.
 * @throws ShopError ORDER_NOT_FOUND; ORDER_NOT_PAYABLE when nothing is open; ORDER_ENDS_SOON; GATEWAY_UNAVAILABLE
 */
export async function openCheckout(
  payments: Payments,
  { userId, orderNo }: { userId: number; orderNo: string },
  client: Client,
): Promise<Checkout> {
  const found = await payments.db
    .selectFrom('orders')
    .select(['id', 'order_no', 'subject', 'total_fen', 'status', 'expires_at'])
    .where('order_no', '=', orderNo)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  if (!found) throw new ShopError('ORDER_NOT_FOUND')
  const [open] = await openAttempts(payments.db, found.id)
  if (!open || found.status !== 'unpaid' || found.expires_at <= payments.clock()) {
    throw new ShopError('ORDER_NOT_PAYABLE')
  }
  requireTimeForLink(found.expires_at, payments.clock())
  const provider = findProvider(payments, open.provider)
  // With no merchant in use, an open attempt can still be paid at the merchant it was opened at.
  const stays = provider.merchant === undefined || provider.merchant === open.merchant
  const placed = stays
    ? await placedWith(payments, payable(found), open, open.attempt_no)
    : await payments.db
        .transaction()
        .execute((tx) => openOrCreateAttempt(tx, payments, found.id, wayOf(provider, client)))
  if (!placed) throw new ShopError('ORDER_NOT_PAYABLE')
  return withLink(payments, placed, client)
}

const payable = (order: {
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
function requirePayable(order: { status: OrderStatus; expires_at: Date }, now: Date): void {
  if (isPayable(order, now)) return
  throw new ShopError(order.status === 'unpaid' && order.expires_at > now ? 'ORDER_ENDS_SOON' : 'ORDER_NOT_PAYABLE')
}

/**
 * Closes attempts and settles those that were paid. An unreachable gateway must not stop the buyer from using another.
 */
async function closeQuietly(payments: Payments, orderId: number, before: readonly AttemptRef[]): Promise<void> {
  try {
    await closeAttempts(payments, orderId, before)
  } catch (error) {
    if (!isGatewayUnavailable(error)) throw error
  }
}

interface Way {
  readonly provider: string
  readonly channel: string
  /** Fixed for the life of an attempt: its number is sent to no other merchant. */
  readonly merchant: string | null
}

const wayOf = (provider: PaymentProvider, client: Client): Way => ({
  ...{ provider: provider.name, channel: provider.channelFor(client), merchant: provider.merchant ?? null },
})

/**
 * The order's open attempt with this method, or a new one if there is none. Undefined when the order can no longer be
 * paid.
 */
async function openOrCreateAttempt(
  tx: Transaction,
  payments: Payments,
  orderId: number,
  way: Way,
): Promise<Placed | undefined> {
  const order = await lockOrder(tx, orderId)
  if (!order || !isPayable(order, payments.clock())) return undefined
  const open = (await openAttempts(tx, orderId)).find(
    (attempt) =>
      attempt.provider === way.provider && attempt.channel === way.channel && attempt.merchant === way.merchant,
  )
  if (open) return placedWith(payments, payable(order), way, open.attempt_no)
  return createAttempt(tx, payments, payable(order), way)
}

/** How many attempts one order may have: each may still be paid, and is polled until the order ends. */
const MAX_ATTEMPTS = 30

async function requireFewAttempts(db: Reader, orderId: number): Promise<void> {
  const { made } = await db
    .selectFrom('payment_attempts')
    .select((row) => row.fn.countAll<string>().as('made'))
    .where('order_id', '=', orderId)
    .executeTakeFirstOrThrow()
  if (Number(made) >= MAX_ATTEMPTS) throw new ShopError('PAYMENT_BEGUN_TOO_OFTEN')
}

/** The caller holds the lock on the order's row. @throws ShopError PAYMENT_BEGUN_TOO_OFTEN */
async function createAttempt(tx: Transaction, payments: Payments, order: PayableOrder, way: Way): Promise<Placed> {
  await requireFewAttempts(tx, order.id)
  const attemptNo = newNumber(payments.clock())
  await openAttempt(tx, { orderId: order.id, ...way, attemptNo, amount: order.total, now: payments.clock() })
  faultPoint('checkout: attempt opened')
  // Attempts that are open with another method, or could not be closed because their gateway was unreachable.
  if ((await openAttempts(tx, order.id)).length > 1) {
    await enqueue(tx, CLOSE_ATTEMPTS, { orderId: order.id })
  }
  return placedWith(payments, order, way, attemptNo)
}

const pageOf = (orderNo: string): string => `/orders/${orderNo}`

async function placedWith(
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

async function withLink(payments: Payments, placed: Placed, client: Client): Promise<Checkout> {
  const { answer, attemptNo, channel, subject } = placed
  if (placed.link) return { ...answer, ...placed.link }
  const amount = parseYuan(answer.totalAmount)
  if (amount === undefined) throw new Error(`The order ${answer.orderNo} has no amount.`)
  const { orderNo, payType: provider } = answer
  const expiresAt = new Date(answer.expiresAt)
  const attempt = { attemptNo, orderNo, page: pageOf(orderNo), provider, amount, subject, expiresAt, channel }
  const { link, until } = await requestedLink(payments, attempt, client)
  return { ...answer, ...link, linkUntil: writeMoment(until) }
}
