/** The eight invariants of money and access, checked between the shop's records and the gateway's. */

import type { StateTable } from '../apps/shop/src/orders/state-table.ts'
import { ORDER_TRANSITIONS } from '../apps/shop/src/orders/states.ts'
import { ATTEMPT_TRANSITIONS } from '../apps/shop/src/payments/attempts/states.ts'
import { REFUND_TRANSITIONS } from '../apps/shop/src/payments/refunds/states.ts'
import type { Gateway, GatewayTrade, ShopBooks } from './books.ts'
import { closedFirst, expiredInTime, refusedTooEarly } from './check-times.ts'

export interface Verdict {
  readonly invariant: string
  readonly broken: readonly string[]
}

export interface Merchant {
  readonly appId: string
  readonly sellerId: string
}

/** Builds the lookup tables that the checks share. */
function index(shop: ShopBooks, gateway: Gateway) {
  const orders = new Map(shop.orders.map((order) => [order.id, order]))
  const attempts = new Map(shop.attempts.map((attempt) => [attempt.id, attempt]))
  const byNumber = new Map(shop.attempts.map((attempt) => [attempt.attempt_no, attempt]))
  const trades = new Map(gateway.trades.map((trade) => [trade.trade_no, trade]))
  const tradeOf = new Map(gateway.trades.map((trade) => [trade.out_trade_no, trade]))
  const linesOf = Map.groupBy(shop.lines, (line) => line.order_id)
  const paying = new Set(shop.orders.flatMap((order) => (order.paying === null ? [] : [order.paying])))
  const succeeded = new Set(shop.refunds.filter(({ status }) => status === 'succeeded').map(({ id }) => id))
  const paidBack = new Map<string, number>()
  for (const line of shop.refundLines) {
    if (!succeeded.has(line.refund_id)) continue
    const key = `${line.order_id} ${line.course_id}`
    paidBack.set(key, (paidBack.get(key) ?? 0) + line.amount)
  }
  return { shop, gateway, orders, attempts, byNumber, trades, tradeOf, linesOf, paying, paidBack }
}

type Books = ReturnType<typeof index>

const PAID = ['paid', 'partially_refunded', 'refunded']
const OPEN_SUMS = ['requested', 'approved', 'sent', 'succeeded']

/** `movedAt`: when the gateway's clock was moved ahead; from then on its times and the shop's differ. */
export function checkBooks(
  shop: ShopBooks,
  gateway: Gateway,
  merchants: readonly Merchant[],
  movedAt: number,
): Verdict[] {
  const books = index(shop, gateway)
  return [
    { invariant: '1 paid at most once, access exactly once', broken: paidOnce(books) },
    {
      invariant: '2 no access without a verified payment of exactly the amount',
      broken: accessIsPaid(books, merchants),
    },
    { invariant: '2 no false notification is trusted', broken: liesBelieved(books) },
    { invariant: '3 every fen is on a paid order, refunded, or listed', broken: everyFen(books) },
    { invariant: '4 acknowledged only after stored; every notification kept', broken: notificationsKept(books) },
    {
      invariant: '5 duplicates, delays and losses change nothing: what is paid at the gateway is settled in the shop',
      broken: settled(books),
    },
    {
      invariant: '6 closed in the shop was closed at the gateway first; paid at the gateway is paid',
      broken: [...closedThere(books), ...closedFirst(shop, gateway, movedAt), ...expiredInTime(shop)],
    },
    {
      invariant: '7 refunds: never too much, never twice, a full refund revokes the access',
      broken: [...refunds(books), ...lineSums(books), ...refusedTooEarly(shop, gateway, movedAt)],
    },
    { invariant: '8 a second payment was refunded automatically', broken: secondPayments(books) },
    { invariant: 'history explains every state', broken: histories(books) },
    { invariant: 'nothing is left unfinished', broken: unfinished(books) },
  ]
}

function paidOnce({ shop, linesOf }: Books): string[] {
  // Paid for twice, and the gateway permanently refuses the refund: it is on the staff's list.
  const listed = new Set(
    shop.unmatched.filter((row) => row.open && row.course_id !== null).map((row) => `${row.order_id} ${row.course_id}`),
  )
  const wrong: string[] = []
  const active = new Set<string>()
  const grants = new Map<string, number>()
  for (const { user_id, course_id, order_id, active: isActive } of shop.enrolments) {
    const key = `${order_id} ${course_id}`
    grants.set(key, (grants.get(key) ?? 0) + 1)
    if (!isActive) continue
    const access = `${user_id} ${course_id}`
    if (active.has(access)) wrong.push(`buyer ${user_id} has course ${course_id} twice`)
    active.add(access)
  }
  for (const order of shop.orders) {
    if (PAID.includes(order.status) !== (order.paying !== null))
      wrong.push(`${order.order_no} is ${order.status}, paid by ${order.paying}`)
    for (const line of linesOf.get(order.id) ?? []) {
      const given = grants.get(`${order.id} ${line.course_id}`) ?? 0
      if (given > 1) wrong.push(`${order.order_no}: course ${line.course_id} granted ${given} times`)
      if (!['paid', 'partially_refunded'].includes(order.status) || line.refunded === line.price) continue
      if (given === 0 && !listed.has(`${order.id} ${line.course_id}`))
        wrong.push(`${order.order_no}: paid for ${line.course_id}, but got no access`)
      if (!active.has(`${order.user_id} ${line.course_id}`))
        wrong.push(`${order.order_no}: no access to ${line.course_id}`)
    }
  }
  return wrong
}

function accessIsPaid(
  { shop, orders, attempts, trades, paidBack, linesOf }: Books,
  merchants: readonly Merchant[],
): string[] {
  return shop.enrolments.flatMap(({ course_id, order_id, active }) => {
    if (!active) return []
    const order = orders.get(order_id ?? 0)
    const attempt = attempts.get(order?.paying ?? 0)
    const trade = trades.get(attempt?.trade_no ?? '')
    const what = `course ${course_id} by ${order?.order_no}`
    if (!order || !trade?.paid_at) return [`${what}: nothing was paid`]
    if (trade.total !== order.total || trade.out_trade_no !== attempt?.attempt_no) return [`${what}: another payment`]
    if (trade.refunded === trade.total) return [`${what}: all of it was refunded`]
    const ours = merchants.some(({ appId, sellerId }) => trade.app_id === appId && trade.seller_id === sellerId)
    if (!ours) return [`${what}: paid to another merchant`]
    if (!isOpenedAt(attempt, trade)) return [`${what}: opened at ${attempt.merchant}, paid at ${trade.seller_id}`]
    if (!['paid', 'partially_refunded'].includes(order.status)) return [`${what}: the order is ${order.status}`]
    const line = linesOf.get(order.id)?.find((each) => each.course_id === course_id)
    const whole = line && line.price > 0 && paidBack.get(`${order.id} ${course_id}`) === line.price
    return whole ? [`${what}: refunded, access kept`] : []
  })
}

/** Every trade is with the merchant that its attempt was opened at, even if another has come into use since. */
const isOpenedAt = ({ merchant }: { merchant: string | null }, trade: GatewayTrade): boolean =>
  [trade.app_id, `${trade.seller_id} ${trade.app_id}`].includes(merchant?.split(' ').slice(1).join(' ') ?? '')

/** Another amount, application or seller than the trade's, or an invalid signature: the sandbox's faults send such. */
function liesBelieved({ gateway, trades }: Books): string[] {
  return gateway.acknowledged.flatMap(({ trade_no, appId, sellerId, total, aboutRefund, brokenSign }) => {
    const trade = trades.get(trade_no)
    const lies = [
      // A refund notification has no effect, whatever its content: the shop trusts its own records.
      !aboutRefund && appId !== trade?.app_id && 'application',
      !aboutRefund && sellerId !== trade?.seller_id && 'seller',
      !aboutRefund && total !== trade?.total && 'amount',
      brokenSign && 'sign',
    ].filter(Boolean)
    return lies.length > 0 ? [`${trade_no}: acknowledged with another ${lies.join(' and ')}`] : []
  })
}

function everyFen({ shop, gateway, byNumber, paying }: Books): string[] {
  const listed = new Set(shop.unmatched.filter((row) => row.open).map((row) => row.trade_no))
  // A single course that was already owned has an entry of its own on the list.
  const whole = shop.unmatched.filter((row) => row.open && row.course_id === null)
  const twice = new Set(whole.map((row) => row.trade_no))
  return gateway.trades.flatMap((trade) => {
    if (trade.paid_at === null || trade.refunded === trade.total) return []
    const attempt = byNumber.get(trade.out_trade_no)
    if (attempt && paying.has(attempt.id) && attempt.trade_no === trade.trade_no) {
      return twice.has(trade.trade_no) ? [`${trade.trade_no} is on a paid order, but also listed as unmatched`] : []
    }
    return listed.has(trade.trade_no)
      ? []
      : [`${trade.trade_no}: ${trade.total - trade.refunded} fen are unaccounted for`]
  })
}

function notificationsKept({ shop, gateway }: Books): string[] {
  const kept = new Map(shop.notifications.map((row) => [row.notify_id, row]))
  return gateway.deliveries.flatMap(({ notify_id, acknowledged, answered }) => {
    const row = kept.get(notify_id)
    const wrong: string[] = []
    if (acknowledged > (row?.accepted ?? 0))
      wrong.push(`${notify_id}: acknowledged ${acknowledged}, stored ${row?.accepted ?? 0}`)
    if (answered > (row?.rows ?? 0)) wrong.push(`${notify_id}: answered ${answered} times, kept ${row?.rows ?? 0}`)
    return wrong
  })
}

function settled({ gateway, byNumber }: Books): string[] {
  return gateway.trades.flatMap((trade) => {
    const attempt = byNumber.get(trade.out_trade_no)
    if (!attempt) return [`${trade.out_trade_no} is known only at the gateway`]
    const paid = trade.paid_at !== null
    if (paid === (attempt.status === 'paid')) return []
    return [`${attempt.attempt_no} is ${attempt.status} in the shop, ${trade.status} at the gateway`]
  })
}

function closedThere({ shop, orders, tradeOf }: Books): string[] {
  return shop.attempts.flatMap((attempt) => {
    const status = orders.get(attempt.order_id)?.status ?? ''
    const waits = tradeOf.get(attempt.attempt_no)?.status === 'WAIT_BUYER_PAY'
    return waits && ['cancelled', 'expired', ...PAID].includes(status)
      ? [`${attempt.attempt_no} is still unpaid at the gateway`]
      : []
  })
}

function refunds({ shop, gateway, attempts, trades, orders }: Books): string[] {
  const wrong: string[] = []
  const there = new Map(gateway.refunds.map((refund) => [refund.out_request_no, refund]))
  const here = new Set(shop.refunds.map((refund) => refund.request_no))
  for (const refund of gateway.refunds)
    if (!here.has(refund.out_request_no)) wrong.push(`${refund.out_request_no} is known only at the gateway`)
  for (const refund of shop.refunds) {
    const made = there.get(refund.request_no)
    if ((refund.status === 'succeeded') !== (made !== undefined))
      wrong.push(
        `refund ${refund.request_no} is ${refund.status} in the shop, ${made ? 'made' : 'not made'} at the gateway`,
      )
    if (made && made.amount !== refund.amount)
      wrong.push(`refund ${refund.request_no}: ${refund.amount} in the shop, ${made.amount} at the gateway`)
    if (made && attempts.get(refund.attempt_id ?? 0)?.trade_no !== made.trade_no)
      wrong.push(`refund ${refund.request_no} of another trade`)
  }
  const byTrade = Map.groupBy(gateway.refunds, (refund) => refund.trade_no)
  for (const [tradeNo, made] of byTrade) {
    const total = made.reduce((sum, each) => sum + each.amount, 0)
    const trade = trades.get(tradeNo)
    if (!trade || total > trade.total || total !== trade.refunded)
      wrong.push(`${tradeNo}: refunds of ${total}, paid ${trade?.total}`)
  }
  const counted = new Map<number, number>()
  for (const refund of shop.refunds) {
    if (refund.attempt_id === null || !OPEN_SUMS.includes(refund.status)) continue
    counted.set(refund.attempt_id, (counted.get(refund.attempt_id) ?? 0) + refund.amount)
  }
  for (const attempt of shop.attempts) {
    if (attempt.refunded !== (counted.get(attempt.id) ?? 0))
      wrong.push(`${attempt.attempt_no}: its counter says ${attempt.refunded}`)
    if (attempt.refunded > attempt.amount) wrong.push(`${attempt.attempt_no}: more refunded than paid`)
  }
  for (const { order_id, course_id, active } of shop.enrolments) {
    if (active && orders.get(order_id ?? 0)?.status === 'refunded')
      wrong.push(`order ${order_id} is refunded, course ${course_id} kept`)
  }
  return wrong
}

/** The refunds of an order's payment equal the refunds of its lines, and the counters of the lines. */
function lineSums({ shop, attempts, trades, linesOf, paidBack }: Books): string[] {
  const wrong: string[] = []
  const open = new Map(shop.refunds.map(({ id, status }) => [id, OPEN_SUMS.includes(status)]))
  const counted = new Map<string, number>()
  for (const line of shop.refundLines) {
    const key = `${line.order_id} ${line.course_id}`
    if (open.get(line.refund_id)) counted.set(key, (counted.get(key) ?? 0) + line.amount)
  }
  for (const order of shop.orders) {
    const lines = linesOf.get(order.id) ?? []
    for (const line of lines) {
      const sum = counted.get(`${order.id} ${line.course_id}`) ?? 0
      if (line.refunded !== sum || sum > line.price)
        wrong.push(`${order.order_no}: course ${line.course_id} counts ${line.refunded}, refunds say ${sum}`)
    }
    const trade = trades.get(attempts.get(order.paying ?? 0)?.trade_no ?? '')
    const back = lines.reduce((sum, line) => sum + (paidBack.get(`${order.id} ${line.course_id}`) ?? 0), 0)
    if (trade && trade.refunded !== back)
      wrong.push(`${order.order_no}: ${trade.refunded} was refunded, of which ${back} for its lines`)
  }
  return wrong
}

function secondPayments({ shop, gateway, byNumber, paying }: Books): string[] {
  const listed = new Set(shop.unmatched.filter((row) => row.open).map((row) => row.trade_no))
  return gateway.trades.flatMap((trade) => {
    const attempt = byNumber.get(trade.out_trade_no)
    if (trade.paid_at === null || !attempt || paying.has(attempt.id)) return []
    // What the gateway permanently refuses to refund (TRADE_FINISHED) is listed for staff.
    const impossible = trade.status === 'TRADE_FINISHED' && listed.has(trade.trade_no)
    return trade.refunded === trade.total || impossible ? [] : [`${trade.trade_no} was not needed, but is not refunded`]
  })
}

const TABLES: Record<string, [table: StateTable<string>, beginnings: string[]]> = {
  order: [ORDER_TRANSITIONS as StateTable<string>, ['unpaid']],
  attempt: [ATTEMPT_TRANSITIONS as StateTable<string>, ['open']],
  refund: [REFUND_TRANSITIONS as StateTable<string>, ['requested', 'approved']],
}

function histories({ shop }: Books): string[] {
  const wrong: string[] = []
  const now = new Map<string, string>([
    ...shop.orders.map((order) => [`order ${order.id}`, order.status] as const),
    ...shop.attempts.map((attempt) => [`attempt ${attempt.attempt_no}`, attempt.status] as const),
    ...shop.refunds.flatMap((refund) =>
      refund.order_id === null ? [] : [[`refund ${refund.request_no}`, refund.status] as const],
    ),
  ])
  const chains = Map.groupBy(
    shop.history.filter((line) => line.subject in TABLES),
    (line) => `${line.subject} ${line.number ?? line.order_id}`,
  )
  for (const [name, status] of now) {
    const chain = chains.get(name) ?? []
    let state: string | null = null
    for (const { subject, event, from_status: from, to_status: to, actor } of chain) {
      const [table = {}, beginnings = []] = TABLES[subject] ?? []
      const transition = table[event]
      const begins: boolean = state === null && from === null && beginnings.includes(to)
      const follows: boolean =
        from !== null &&
        from === state &&
        transition?.to === to &&
        transition.from.includes(from) &&
        transition.by.some((by) => by === actor)
      if (!begins && !follows) wrong.push(`${name}: ${from} → ${to} by ${event} of ${actor}, after ${state}`)
      state = to
    }
    if (state !== status) wrong.push(`${name} is ${status}, its history ends with ${state}`)
  }
  return wrong
}

/**
 * Whether the gateway and the books could still make it. Staff may have refunded the same money once more after a refusal;
 * the refused one then stays refused.
 */
function stillPossible(
  { shop, trades, attempts, linesOf }: Books,
  { id, attempt_id, order_id, amount }: ShopBooks['refunds'][number],
): boolean {
  const trade = trades.get(attempts.get(attempt_id ?? 0)?.trade_no ?? '')
  if (trade?.status !== 'TRADE_SUCCESS' || trade.total - trade.refunded < amount) return false
  const lines = linesOf.get(order_id ?? 0) ?? []
  return shop.refundLines.every((wanted) => {
    const line = lines.find(({ course_id }) => course_id === wanted.course_id)
    return wanted.refund_id !== id || (line !== undefined && line.price - line.refunded >= wanted.amount)
  })
}

function unfinished(books: Books): string[] {
  const { shop, orders } = books
  const wrong: string[] = []
  for (const order of shop.orders) if (order.status === 'unpaid') wrong.push(`${order.order_no} is still unpaid`)
  for (const attempt of shop.attempts) {
    if (attempt.status === 'open')
      wrong.push(`${attempt.attempt_no} is open, its order ${orders.get(attempt.order_id)?.status}`)
    if (attempt.ask_at) wrong.push(`${attempt.attempt_no} still has a scheduled query`)
  }
  for (const refund of shop.refunds) {
    if (['approved', 'sent'].includes(refund.status)) wrong.push(`refund ${refund.request_no} is ${refund.status}`)
    if (refund.status === 'refused' && stillPossible(books, refund))
      wrong.push(`refund ${refund.request_no} was refused unnecessarily: ${refund.refusal}`)
  }
  if (shop.deadJobs > 0) wrong.push(`${shop.deadJobs} dead jobs`)
  return wrong
}
