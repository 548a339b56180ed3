/**
 * Checkout: the order and its attempt are created in one transaction, together with a link that is signed locally. A
 * link that the gateway creates is requested after the commit, and again by a repeated request.
 */
import { faultPoint } from '#fault-point'
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
import { parseYuan } from '../../money.ts'
import { historyLines } from '../../orders/history.ts'
import { newNumber } from '../../orders/number.ts'
import {
  orderLineRows,
  orderPlaced,
  orderRow,
  PLACED_ID,
  type Purchase,
  purchaseReads,
  validatePurchase,
} from '../../orders/place.ts'
import { lockOrder } from '../../orders/transition.ts'
import {
  type AttemptRef,
  attemptOpened,
  attemptRow,
  openAttempts,
  payableAttempt,
  unsettledAttempts,
} from '../attempts/attempts.ts'
import type { Client, PaymentProvider } from '../contract.ts'
import { closeQuietly } from '../gateway-sync/close-attempts.ts'
import { queryQuietly } from '../gateway-sync/query.ts'
import { findProvider, type Payments } from '../payments.ts'
import {
  type Checkout,
  createAttempt,
  isSameWay,
  openOrCreateAttempt,
  type Placed,
  pageOf,
  payableOrder,
  placedWith,
  requireFewAttempts,
  requirePayable,
  wayOf,
} from './open-attempt.ts'
import { requestedLink, requireTimeForLink } from './pay-links.ts'

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
  return withLink(payments, purchase.userId, placed, client)
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
    if (known) return { ...known, repeated: true }
    const validated = validatePurchase(purchase, [buyer, courses, owned, unpaid], now)
    const way = { provider: provider.name, channel, merchant: provider.merchant ?? null }
    if (validated.same) {
      const placed = await openOrCreateAttempt(tx, payments, validated.same.id, way)
      if (placed && repeatable) await insertAnswer(tx, userId, repeatable, now, placed).execute()
      return placed
    }

    const { fresh } = validated
    const { subject } = fresh
    const orderNo = newNumber(now)
    const placed = await placedWith(payments, { orderNo, subject, total: purchase.total, expiresAt }, way, orderNo)
    faultPoint('checkout: attempt opened')
    const linkUntil = placed.link ? expiresAt : null
    const attempt = { orderId: PLACED_ID, ...way, attemptNo: orderNo, amount: purchase.total, linkUntil, now }
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
 * Pays again, with the same method or another: settles what was paid meanwhile, opens a new attempt with its own number,
 * and closes the older ones at their gateways once the new one has its link. If it gets none, they can still be paid.
 * @throws ShopError ORDER_NOT_FOUND, ORDER_NOT_PAYABLE, PAYMENT_BEGUN_TOO_OFTEN, PAY_METHOD_UNAVAILABLE,
 * GATEWAY_UNAVAILABLE, PAYMENT_REFUSED
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
  if (known) return withLink(payments, again.userId, { ...known, repeated: true }, client)
  requirePayable(found, payments.clock())
  await requireFewAttempts(payments.db, found.id)
  const way = wayOf(provider, client)
  const payable: AttemptRef[] = []
  for (const attempt of before) {
    const trade = await queryQuietly(payments, attempt)
    if (trade && (trade.state === 'waiting' || attempt.status === 'open')) payable.push(attempt)
  }

  let repeated = true
  const placed = await payments.db.transaction().execute((tx) =>
    once(tx, again.userId, repeatable, payments.clock(), async () => {
      repeated = false
      const order = await lockOrder(tx, found.id)
      if (!order) throw new ShopError('ORDER_NOT_PAYABLE')
      requirePayable(order, payments.clock())
      const [newest] = await openAttempts(tx, order.id)
      // Its link was never obtained, so that no buyer has one.
      const unused = newest?.link_until === null && isSameWay(newest, way) ? newest : undefined
      if (unused) return placedWith(payments, payableOrder(order), way, unused.attempt_no)
      return createAttempt(tx, payments, order, way)
    }),
  )
  const answer = await withLink(payments, again.userId, repeated ? { ...placed, repeated } : placed, client)
  faultPoint('checkout: linked, older attempts open')
  const older = payable.filter((attempt) => attempt.attempt_no !== placed.attemptNo)
  if (older.length === 0 || answer.status !== 'unpaid') return answer
  await closeQuietly(payments, found.id, older)
  // One of them may have been paid until it was closed.
  return withLink(payments, again.userId, { ...placed, repeated: true }, client)
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
  const attempts = await openAttempts(payments.db, found.id)
  // A newer one without a link has replaced nothing yet.
  const open = attempts.find((attempt) => attempt.link_until !== null) ?? attempts[0]
  if (!open || found.status !== 'unpaid' || found.expires_at <= payments.clock()) {
    throw new ShopError('ORDER_NOT_PAYABLE')
  }
  requireTimeForLink(found.expires_at, payments.clock())
  const provider = findProvider(payments, open.provider)
  // With no merchant in use, an open attempt can still be paid at the merchant it was opened at.
  const stays = provider.merchant === undefined || provider.merchant === open.merchant
  const placed = stays
    ? await placedWith(payments, payableOrder(found), open, open.attempt_no)
    : await payments.db
        .transaction()
        .execute((tx) => openOrCreateAttempt(tx, payments, found.id, wayOf(provider, client)))
  if (!placed) throw new ShopError('ORDER_NOT_PAYABLE')
  return withLink(payments, userId, placed, client)
}

/** The answer with its link; without one when the order was paid or closed meanwhile. */
async function withLink(payments: Payments, userId: number, placed: Placed, client: Client): Promise<Checkout> {
  const { answer, attemptNo, channel, subject } = placed
  // guard: repeated-link
  const isOver =
    placed.repeated &&
    (new Date(answer.expiresAt) <= payments.clock() ||
      !(await payableAttempt(payments.db, attemptNo).executeTakeFirst()))
  if (isOver) return withoutLink(payments, userId, answer, client)
  if (placed.link) return { ...answer, ...placed.link }
  const amount = parseYuan(answer.totalAmount)
  if (amount === undefined) throw new Error(`The order ${answer.orderNo} has no amount.`)
  const { orderNo, payType: provider } = answer
  const expiresAt = new Date(answer.expiresAt)
  const attempt = { attemptNo, orderNo, page: pageOf(orderNo), provider, amount, subject, expiresAt, channel }
  const ordered = await requestedLink(payments, attempt, client)
  if (!ordered) return withoutLink(payments, userId, answer, client)
  return { ...answer, ...ordered.link, linkUntil: writeMoment(ordered.until) }
}

/**
 * The attempt can no longer be paid: what is true of its order now. If that is unpaid, it is paid by another attempt.
 * @throws ShopError as `openCheckout`
 */
async function withoutLink(
  payments: Payments,
  userId: number,
  answer: Placed['answer'],
  client: Client,
): Promise<Checkout> {
  const { orderNo } = answer
  const { status, pay_type: payType } = await payments.db
    .selectFrom('orders')
    .select(['status', 'pay_type'])
    .where('order_no', '=', orderNo)
    .executeTakeFirstOrThrow()
  return status === 'unpaid' ? openCheckout(payments, { userId, orderNo }, client) : { ...answer, status, payType }
}
