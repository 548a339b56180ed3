/**
 * Buying: order and attempt come into being in one transaction, with the link where it is signed here; a link that its
 * gateway makes is ordered right after, and again by whoever asks again.
 */
import { faultPoint } from '#fault-point'
import { brief } from '../database/brief.ts'
import type { Reader, Transaction } from '../database/connect.ts'
import { ShopError } from '../errors.ts'
import {
  answeredBefore,
  answerRow,
  answersKept,
  isKeyTaken,
  keptAnswer,
  once,
  type Repeatable,
} from '../http/idempotency.ts'
import { writeMoment } from '../http/shapes.ts'
import { enqueue } from '../jobs/enqueue.ts'
import { type Fen, formatYuan, parseYuan } from '../money.ts'
import { historyLines } from '../orders/history.ts'
import { newNumber } from '../orders/number.ts'
import {
  judgePurchase,
  LEAST_TIME_TO_PAY_MS,
  orderLineRows,
  orderPlaced,
  orderRow,
  PLACED_ID,
  type Purchase,
  purchaseReads,
} from '../orders/place.ts'
import type { OrderStatus } from '../orders/states.ts'
import { changePayType, lockOrder } from '../orders/transition.ts'
import { type AttemptRef, attemptOpened, attemptRow, openAttempt, openAttempts, unsettledAttempts } from './attempts.ts'
import { closeAttempts } from './close-attempts.ts'
import { orderedLink, signedLink } from './links.ts'
import { isAway, type Payments, providerNamed } from './payments.ts'
import type { Payer, PayLink, PaymentProvider } from './providers/provider.ts'
import { CLOSE_ATTEMPTS } from './tasks.ts'

export interface Checkout {
  readonly orderNo: string
  readonly status: 'unpaid'
  readonly totalAmount: string
  readonly expiresAt: string
  readonly payType: string
  /** Of a link that ends before its order does: then there is another one. */
  readonly linkUntil?: string
  readonly payUrl?: string
  readonly codeUrl?: string
  readonly scanUrl?: string
}

/** What the transaction leaves behind: all but a link that is still to be ordered. Kept under its idempotency key. */
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
 * Places the order, or finds the same unpaid one, and makes its pay link.
 * @throws ShopError as `judgePurchase`; GATEWAY_UNAVAILABLE when the order stands and its link could not be had yet
 */
export async function checkout(
  payments: Payments,
  purchase: Purchase,
  payer: Payer,
  repeatable?: Repeatable,
): Promise<Checkout> {
  const provider = providerNamed(payments, purchase.payType)
  const now = payments.clock()
  // Whole seconds: the gateway's limit is no finer, and both sides must mean the same moment.
  const expiresAt = new Date(Math.floor(now.getTime() / 1000) * 1000 + payments.orderTtlMinutes * 60_000)
  const order = { payments, purchase, provider, channel: provider.channelFor(payer), now, expiresAt, repeatable }
  const placed = (await placeOrder(order)) ?? (await placeOrder(order))
  if (!placed) throw new ShopError('ORDER_NOT_PAYABLE')
  return withLink(payments, placed, payer)
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
 * A new order, its lines, its first attempt, their history and the answer for its key: one statement, in two round trips.
 * @returns undefined when all is to be judged anew: the key was used meanwhile, or the order that was found is not open any more
 */
async function placeOrder(wanted: OrderWanted): Promise<Placed | undefined> {
  try {
    return await tryToPlace(wanted)
  } catch (error) {
    // The same key for two things at once: what the other one kept is there now.
    if (!isKeyTaken(error)) throw error
    return undefined
  }
}

function tryToPlace(wanted: OrderWanted): Promise<Placed | undefined> {
  const { payments, purchase, provider, channel, now, expiresAt, repeatable } = wanted
  const { userId } = purchase
  return brief(payments.db, async ({ tx, begin, end }) => {
    const [buyer, courses, owned, unpaid, kept] = await begin(
      ...purchaseReads(tx, purchase),
      answersKept(tx, userId, repeatable),
    )
    const known = keptAnswer<Placed>(kept, repeatable)
    if (known) return known
    const judged = judgePurchase(purchase, [buyer, courses, owned, unpaid], now)
    const way = { provider: provider.name, channel, merchant: provider.merchant ?? null }
    if (judged.same) {
      const placed = await attemptFor(tx, payments, judged.same.id, way)
      if (placed && repeatable) await answerRow(tx, userId, repeatable, now, placed).execute()
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
            .with('kept', (order) => answerRow(order, userId, repeatable, now, placed))
            .selectFrom('placed')
            .select('id')
        : rows.selectFrom('placed').select('id'),
    )
    return placed
  })
}

/**
 * Pays again, by the same method or another: what was paid meanwhile is settled, what is open is closed at its gateway,
 * and a new attempt with a number of its own is made.
 * @throws ShopError ORDER_NOT_FOUND, ORDER_NOT_PAYABLE, PAYMENT_BEGUN_TOO_OFTEN, PAY_METHOD_UNAVAILABLE,
 * GATEWAY_UNAVAILABLE
 */
export async function payAgain(
  payments: Payments,
  again: { userId: number; orderNo: string; payType: string | undefined },
  payer: Payer,
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
  // Looked at before the key: what the same request has opened just now is among them only if its key is found.
  const before = await unsettledAttempts(payments.db, found.id)
  const known = await answeredBefore<Placed>(payments.db, again.userId, repeatable)
  if (known) return withLink(payments, known, payer)
  if (!isPayable(found, payments.clock())) throw new ShopError('ORDER_NOT_PAYABLE')
  // Before what is open is closed: once more, with the order's row held, where the new one is opened.
  await requireFewAttempts(payments.db, found.id)
  await closeQuietly(payments, found.id, before)

  const placed = await payments.db.transaction().execute((tx) =>
    once(tx, again.userId, repeatable, payments.clock(), async () => {
      const order = await lockOrder(tx, found.id)
      if (!order || !isPayable(order, payments.clock())) throw new ShopError('ORDER_NOT_PAYABLE')
      if (order.pay_type !== provider.name) await changePayType(tx, order.id, provider.name)
      return freshAttempt(tx, payments, payable(order), wayOf(provider, payer))
    }),
  )
  return withLink(payments, placed, payer)
}

/**
 * The open payment of an unpaid order, as it was left: for a page that is opened again. One that was opened at a merchant
 * of former settings is replaced: its number must not become known to a second merchant.
 * @throws ShopError ORDER_NOT_FOUND; ORDER_NOT_PAYABLE when nothing is open; GATEWAY_UNAVAILABLE
 */
export async function openCheckout(
  payments: Payments,
  { userId, orderNo }: { userId: number; orderNo: string },
  payer: Payer,
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
  const provider = providerNamed(payments, open.provider)
  // Without a merchant in use, what is open can still be paid to the one that it was opened with.
  const stays = provider.merchant === undefined || provider.merchant === open.merchant
  const placed = stays
    ? await placedWith(payments, payable(found), open, open.attempt_no)
    : await payments.db.transaction().execute((tx) => attemptFor(tx, payments, found.id, wayOf(provider, payer)))
  if (!placed) throw new ShopError('ORDER_NOT_PAYABLE')
  return withLink(payments, placed, payer)
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
  order.status === 'unpaid' && order.expires_at.getTime() - now.getTime() >= LEAST_TIME_TO_PAY_MS

/** What was paid is settled by it. A gateway that cannot be asked must not keep the buyer from another one. */
async function closeQuietly(payments: Payments, orderId: number, before: readonly AttemptRef[]): Promise<void> {
  try {
    await closeAttempts(payments, orderId, before)
  } catch (error) {
    if (!isAway(error)) throw error
  }
}

interface Way {
  readonly provider: string
  readonly channel: string
  /** An attempt never changes it: its number is made known to no other. */
  readonly merchant: string | null
}

const wayOf = (provider: PaymentProvider, payer: Payer): Way => ({
  ...{ provider: provider.name, channel: provider.channelFor(payer), merchant: provider.merchant ?? null },
})

/** The order's open attempt by this way; a new one where there is none. Undefined when the order is not to be paid any more. */
async function attemptFor(tx: Transaction, payments: Payments, orderId: number, way: Way): Promise<Placed | undefined> {
  const order = await lockOrder(tx, orderId)
  if (!order || !isPayable(order, payments.clock())) return undefined
  const open = (await openAttempts(tx, orderId)).find(
    (attempt) =>
      attempt.provider === way.provider && attempt.channel === way.channel && attempt.merchant === way.merchant,
  )
  if (open) return placedWith(payments, payable(order), way, open.attempt_no)
  return freshAttempt(tx, payments, payable(order), way)
}

/** So many times a payment is begun for one order: each may still be paid, and is asked about until the order's end. */
const MOST_ATTEMPTS = 30

async function requireFewAttempts(db: Reader, orderId: number): Promise<void> {
  const { made } = await db
    .selectFrom('payment_attempts')
    .select((row) => row.fn.countAll<string>().as('made'))
    .where('order_id', '=', orderId)
    .executeTakeFirstOrThrow()
  if (Number(made) >= MOST_ATTEMPTS) throw new ShopError('PAYMENT_BEGUN_TOO_OFTEN')
}

/** The caller holds the order's row. @throws ShopError PAYMENT_BEGUN_TOO_OFTEN */
async function freshAttempt(tx: Transaction, payments: Payments, order: PayableOrder, way: Way): Promise<Placed> {
  await requireFewAttempts(tx, order.id)
  const attemptNo = newNumber(payments.clock())
  await openAttempt(tx, { orderId: order.id, ...way, attemptNo, amount: order.total, now: payments.clock() })
  faultPoint('checkout: attempt opened')
  // Whatever is open by another way, or could not be closed just now since its gateway was away.
  if ((await openAttempts(tx, order.id)).length > 1) {
    await enqueue(tx, CLOSE_ATTEMPTS, { orderId: order.id })
  }
  return placedWith(payments, order, way, attemptNo)
}

async function placedWith(
  payments: Payments,
  order: Omit<PayableOrder, 'id'>,
  way: Way,
  attemptNo: string,
): Promise<Placed> {
  const { orderNo, subject, total: amount, expiresAt } = order
  const { provider, channel, merchant } = way
  const attempt = { attemptNo, orderNo, amount, subject, expiresAt, channel, merchant }
  const link = await signedLink(providerNamed(payments, provider).links, attempt)
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

async function withLink(payments: Payments, placed: Placed, payer: Payer): Promise<Checkout> {
  const { answer, attemptNo, channel, subject } = placed
  if (placed.link) return { ...answer, ...placed.link }
  const amount = parseYuan(answer.totalAmount)
  if (amount === undefined) throw new Error(`The order ${answer.orderNo} has no amount.`)
  const { orderNo, payType: provider } = answer
  const expiresAt = new Date(answer.expiresAt)
  const attempt = { attemptNo, orderNo, provider, amount, subject, expiresAt, channel }
  const { link, until } = await orderedLink(payments, attempt, payer)
  return { ...answer, ...link, linkUntil: writeMoment(until) }
}
