/** What happens to a trade: a buyer comes, pays, walks away; a merchant closes it; time runs out. The only place that changes one. */
import type { Agenda } from '../agenda.ts'
import type { Buyer, Buyers } from '../buyers.ts'
import type { Clock } from '../clock.ts'
import type { Database } from '../database.ts'
import type { Faults } from '../faults/faults.ts'
import type { MerchantRules, Merchants } from '../merchants.ts'
import { type Fen, toFen, yuan } from '../money.ts'
import type { Notifications, Written } from '../notifications/notifications.ts'
import { DAY, endOfBeijingDay, HOUR, MINUTE, SECOND } from '../time.ts'
import { type Order, type PaymentRequest, sameOrder, type Trade } from './trade.ts'
import type { Trades } from './trades.ts'

/** Why a buyer cannot go on, by Alipay's code without its `ACQ.` where there is one. */
export type Refusal =
  | 'TRADE_HAS_SUCCESS'
  | 'TRADE_HAS_CLOSE'
  | 'CONTEXT_INCONSISTENT'
  | 'NOW_TIME_AFTER_EXPIRE_TIME_ERROR'
  | 'TRADE_BUYER_NOT_MATCH'
  | 'BUYER_BALANCE_NOT_ENOUGH'
  | 'PAYMENT_PASSWORD_ERROR'

export interface Payments {
  /** Whether anyone may still pay this request, before it is known who comes. `firstAt` is when it was first asked for. */
  refusal(request: PaymentRequest, firstAt: number): Refusal | undefined
  /** A buyer has logged in: the trade exists from here on. */
  enter(request: PaymentRequest, buyer: Buyer, firstAt: number): Trade | Refusal
  /** Takes the money; durable when it returns, the notification with it. */
  pay(trade: Trade, buyer: Buyer, paymentPassword: string): Trade | Refusal
  /** A confirmed payment whose time has come (fault: pay-late). */
  payLate(tradeNo: string): void
  /** Both in one go, for programs. */
  enterAndPay(request: PaymentRequest, buyer: Buyer, firstAt: number, paymentPassword: string): Trade | Refusal
  /** Closes an unpaid trade; undefined where it is not unpaid. */
  close(tradeNo: string, why: string): Trade | undefined
  /** Ends every trade whose refund period is over. */
  finishDue(): void
  /** A trade as it is now: one whose time to pay or to refund has run out is moved on first. */
  current(trade: Trade | undefined): Trade | undefined
}

export interface PaymentParts {
  readonly database: Database
  readonly clock: Clock
  readonly merchants: Merchants
  readonly buyers: Buyers
  readonly trades: Trades
  readonly notifications: Notifications
  readonly faults: Faults
  readonly agenda: () => Agenda
  readonly changed: () => void
}

/** Whether a trade that closes or finishes tells its shop: for wap.pay always, for page.pay where the merchant's rule says so. */
export function notifiesClose(trade: Trade, rules: MerchantRules | undefined): boolean {
  return trade.request.method === 'alipay.trade.wap.pay' || rules?.notifyOnClose === true
}

export const LONGEST_TIMEOUT = 15 * DAY

export function createPayments(parts: PaymentParts): Payments {
  const { database, clock, merchants, buyers, trades, notifications } = parts

  function closeUnpaid(tradeNo: string, why: string): Trade | undefined {
    let notice: Written | undefined
    const closed = database.transaction(() => {
      const waiting = trades.find(tradeNo)
      const trade = waiting?.status === 'WAIT_BUYER_PAY' ? trades.move(waiting, 'TRADE_CLOSED') : undefined
      if (!trade) return undefined
      trades.record(tradeNo, 'closed', why)
      if (notifiesClose(trade, merchants.find(trade.appId)?.rules)) notice = notifications.write(trade, 'TRADE_CLOSED')
      return trade
    })
    notifications.schedule(notice)
    if (!closed) return undefined
    parts.agenda().forget('expire', tradeNo)
    parts.changed()
    return closed
  }

  function finish(paid: Trade): Trade | undefined {
    const { tradeNo } = paid
    let notice: Written | undefined
    const finished = database.transaction(() => {
      const trade = trades.move(paid, 'TRADE_FINISHED')
      if (!trade) return undefined
      trades.record(tradeNo, 'finished', 'refund period over')
      if (notifiesClose(trade, merchants.find(trade.appId)?.rules))
        notice = notifications.write(trade, 'TRADE_FINISHED')
      return trade
    })
    notifications.schedule(notice)
    return finished
  }

  /** The last instant of payment whose refund period is over by now. */
  const refundableSince = (rules: MerchantRules) => clock.now() - rules.refundDays * DAY

  function current(trade: Trade | undefined): Trade | undefined {
    if (trade?.status === 'TRADE_SUCCESS' && trade.paidAt !== undefined) {
      const rules = merchants.find(trade.appId)?.rules
      const over = rules !== undefined && trade.paidAt <= refundableSince(rules)
      return over ? (finish(trade) ?? trades.find(trade.tradeNo)) : trade
    }
    if (trade?.status !== 'WAIT_BUYER_PAY' || trade.paysAt !== undefined || trade.expiresAt > clock.now()) return trade
    return closeUnpaid(trade.tradeNo, 'timed out') ?? trades.find(trade.tradeNo)
  }

  function existing(request: PaymentRequest): Trade | undefined {
    return current(trades.findByNumber(request.sellerId, request.order.outTradeNo))
  }

  function refusalOf(request: PaymentRequest, firstAt: number, trade: Trade | undefined): Refusal | undefined {
    if (!trade) return expiry(request.order, firstAt) <= clock.now() ? 'NOW_TIME_AFTER_EXPIRE_TIME_ERROR' : undefined
    if (trade.paidAt !== undefined && trade.status !== 'TRADE_CLOSED') return 'TRADE_HAS_SUCCESS'
    if (trade.status === 'TRADE_CLOSED') return 'TRADE_HAS_CLOSE'
    return sameOrder(trade.request.order, request.order) ? undefined : 'CONTEXT_INCONSISTENT'
  }

  function enter(request: PaymentRequest, buyer: Buyer, firstAt: number): Trade | Refusal {
    const trade = begin(request, buyer, firstAt)
    if (typeof trade !== 'string') parts.agenda().add({ at: trade.expiresAt, kind: 'expire', id: trade.tradeNo })
    return trade
  }

  /** As `enter`, for what is paid at once: nothing is to expire. */
  function begin(request: PaymentRequest, buyer: Buyer, firstAt: number): Trade | Refusal {
    const trade = existing(request)
    const refusal = refusalOf(request, firstAt, trade)
    if (refusal) return refusal
    if (trade) return trade.buyerId === buyer.id ? trade : 'TRADE_BUYER_NOT_MATCH'
    const gbk = parts.faults.strike(['gbk'], { appId: request.appId, outTradeNo: request.order.outTradeNo })
    const made = database.transaction(() => {
      const created = trades.create(
        gbk ? { ...request, charset: 'GBK' } : request,
        buyer.id,
        expiry(request.order, firstAt),
      )
      trades.record(created.tradeNo, 'created', buyer.login)
      return created
    })
    parts.changed()
    return made
  }

  function pay(trade: Trade, buyer: Buyer, paymentPassword: string): Trade | Refusal {
    return payNow(current(trades.find(trade.tradeNo)), buyer, paymentPassword)
  }

  function payNow(now: Trade | undefined, buyer: Buyer, paymentPassword: string): Trade | Refusal {
    if (!now || now.buyerId !== buyer.id) return 'TRADE_BUYER_NOT_MATCH'
    if (now.status === 'TRADE_CLOSED') return 'TRADE_HAS_CLOSE'
    if (now.status !== 'WAIT_BUYER_PAY') return 'TRADE_HAS_SUCCESS'
    if (paymentPassword !== buyer.paymentPassword) return 'PAYMENT_PASSWORD_ERROR'
    if (buyer.balance < now.total) return 'BUYER_BALANCE_NOT_ENOUGH'
    if (now.paysAt !== undefined) return now
    const late = parts.faults.strike(['pay-late'], now)
    return late ? postpone(now, late.options.seconds ?? 60) : settle(now)
  }

  function postpone(trade: Trade, seconds: number): Trade {
    const paysAt = clock.now() + seconds * SECOND
    database.transaction(() => {
      trades.payLater(trade.tradeNo, paysAt)
      trades.record(trade.tradeNo, 'confirmed', `pays in ${seconds} s (fault: pay-late)`)
    })
    parts.agenda().forget('expire', trade.tradeNo)
    parts.agenda().add({ at: paysAt, kind: 'pay', id: trade.tradeNo })
    parts.changed()
    return { ...trade, paysAt }
  }

  function settle(trade: Trade): Trade | Refusal {
    let notice: Written | undefined
    const finished = parts.faults.strike(['finished'], trade) !== undefined
    const result = database.transaction((): Trade | Refusal => {
      if (!buyers.move(trade.buyerId, toFen(-trade.total))) return 'BUYER_BALANCE_NOT_ENOUGH'
      const refundable = !finished && (merchants.find(trade.appId)?.rules.refundable ?? true)
      const paid = trades.move(trade, refundable ? 'TRADE_SUCCESS' : 'TRADE_FINISHED')
      if (!paid) throw new Error(`trade ${trade.tradeNo} changed while it was paid`)
      trades.charge(trade.tradeNo, feeOf(trade.total, merchants.find(trade.appId)?.rules.feeRate ?? 0))
      trades.record(trade.tradeNo, 'paid', yuan(trade.total))
      notice = notifications.write(paid, paid.status)
      return paid
    })
    notifications.schedule(notice)
    if (typeof result === 'string') return result
    parts.agenda().forget('expire', trade.tradeNo)
    parts.changed()
    return result
  }

  return {
    refusal: (request, firstAt) => refusalOf(request, firstAt, existing(request)),
    enter,
    pay,
    enterAndPay: (request, buyer, firstAt, paymentPassword) => {
      const trade = begin(request, buyer, firstAt)
      if (typeof trade === 'string') return trade
      const paid = payNow(trade, buyer, paymentPassword)
      if (typeof paid === 'string') parts.agenda().add({ at: trade.expiresAt, kind: 'expire', id: trade.tradeNo })
      return paid
    },
    payLate(tradeNo) {
      const trade = trades.find(tradeNo)
      if (trade?.status === 'WAIT_BUYER_PAY' && trade.paysAt !== undefined) settle(trade)
    },
    close: closeUnpaid,
    finishDue() {
      for (const { appId, rules } of merchants.list()) {
        for (const trade of trades.paidUntil(appId, refundableSince(rules))) finish(trade)
      }
    },
    current,
  }
}

/** `rate` in ten-thousandths; half a fen counts as one. */
const feeOf = (total: Fen, rate: number): Fen => toFen(Math.floor((total * rate + 5000) / 10_000))

/** When an unpaid trade closes: `time_expire` wins, then `timeout_express` counted from the first request, then 15 days. */
function expiry(order: Order, firstAt: number): number {
  if (order.timeExpire !== undefined) return order.timeExpire
  return order.timeoutExpress === undefined
    ? firstAt + LONGEST_TIMEOUT
    : (timeoutEnd(order.timeoutExpress, firstAt) ?? firstAt + LONGEST_TIMEOUT)
}

/** The instant `timeout_express` means (`90m`, `12h`, `15d`, `1c` until midnight); undefined where it is none or above 15 days. */
export function timeoutEnd(text: string, from: number): number | undefined {
  if (text === '1c') return endOfBeijingDay(from)
  const match = /^([1-9]\d{0,5})([mhd])$/.exec(text)
  if (!match) return undefined
  const unit = match[2] === 'm' ? MINUTE : match[2] === 'h' ? HOUR : DAY
  const length = Number(match[1]) * unit
  return length > LONGEST_TIMEOUT ? undefined : from + length
}
