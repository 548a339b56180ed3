/**
 * All changes of a trade: a buyer enters, pays or leaves; the merchant closes it; it expires. No other module changes
 * one.
 */
import type { Agenda } from '../../core/agenda.ts'
import type { Buyer, Buyers } from '../../core/buyers.ts'
import type { Clock } from '../../core/clock.ts'
import type { Database } from '../../core/database.ts'
import type { Faults } from '../../core/faults/faults.ts'
import { type Fen, toFen, yuan } from '../../core/money.ts'
import { DAY, endOfBeijingDay, HOUR, MINUTE, SECOND } from '../../core/time.ts'
import type { MerchantRules, Merchants } from '../merchants.ts'
import type { Notifications, Written } from '../notifications/notifications.ts'
import { type Order, type PaymentRequest, sameOrder, type Trade } from './trade.ts'
import type { Trades } from './trades.ts'

/** Why a buyer cannot continue: Alipay's code without `ACQ.`, if there is one. */
export type Refusal =
  | 'TRADE_HAS_SUCCESS'
  | 'TRADE_HAS_CLOSE'
  | 'CONTEXT_INCONSISTENT'
  | 'NOW_TIME_AFTER_EXPIRE_TIME_ERROR'
  | 'TRADE_BUYER_NOT_MATCH'
  | 'BUYER_BALANCE_NOT_ENOUGH'
  | 'PAYMENT_PASSWORD_ERROR'

export interface Payments {
  /**
   * Whether this request can still be paid, before the buyer is known. `firstAt` is when its number was first
   * requested.
   */
  refusal(request: PaymentRequest, firstAt: number): Refusal | undefined
  /** A buyer has logged in: for page.pay this creates the trade, for wap.pay only the payment password does. */
  enter(request: PaymentRequest, buyer: Buyer, firstAt: number): Trade | Refusal | undefined
  /** Takes the money; durable when it returns, including the notification. */
  pay(trade: Trade, buyer: Buyer, paymentPassword: string): Trade | Refusal
  /** Completes a confirmed, delayed payment (fault: pay-late). */
  payLate(tradeNo: string): void
  /** Enters and pays in one step. */
  enterAndPay(request: PaymentRequest, buyer: Buyer, firstAt: number, paymentPassword: string): Trade | Refusal
  /** Closes an unpaid trade; undefined if it is not unpaid. */
  close(tradeNo: string, why: string): Trade | undefined
  /** Finishes every trade whose refund period is over. */
  finishDue(): void
  /** A trade's current state: applies an expiry or the end of its refund period first. */
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

/** Whether a closed or finished trade notifies its shop: for wap.pay always, for page.pay by the merchant's rule. */
export function notifiesClose(trade: Trade, rules: MerchantRules | undefined): boolean {
  return trade.request.method === 'alipay.trade.wap.pay' || rules?.notifyOnClose === true
}

/** A page.pay trade is created when the buyer logs in; a wap.pay trade "only after the correct payment password". */
const createsOnLogin = ({ method }: PaymentRequest): boolean => method === 'alipay.trade.page.pay'

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

  /** The latest payment time whose refund period is over by now. */
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

  function enter(request: PaymentRequest, buyer: Buyer, firstAt: number): Trade | Refusal | undefined {
    if (!createsOnLogin(request)) {
      const trade = existing(request)
      return refusalFor(request, buyer, firstAt, trade) ?? trade
    }
    const trade = begin(request, buyer, firstAt)
    if (typeof trade !== 'string') parts.agenda().add({ at: trade.expiresAt, kind: 'expire', id: trade.tradeNo })
    return trade
  }

  function refusalFor(request: PaymentRequest, buyer: Buyer, firstAt: number, trade: Trade | undefined) {
    const refusal = refusalOf(request, firstAt, trade)
    if (refusal || !trade) return refusal
    return trade.buyerId === buyer.id ? undefined : 'TRADE_BUYER_NOT_MATCH'
  }

  /** Like `enter`, for an immediate payment: no expiry is scheduled. */
  function begin(request: PaymentRequest, buyer: Buyer, firstAt: number): Trade | Refusal {
    const trade = existing(request)
    const refusal = refusalFor(request, buyer, firstAt, trade)
    if (refusal) return refusal
    if (trade) return trade
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
      if (!createsOnLogin(request) && paymentPassword !== buyer.paymentPassword) {
        const known = enter(request, buyer, firstAt)
        if (typeof known !== 'object') return known ?? 'PAYMENT_PASSWORD_ERROR'
      }
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

/** `rate` in ten-thousandths; half a fen is rounded up. */
const feeOf = (total: Fen, rate: number): Fen => toFen(Math.floor((total * rate + 5000) / 10_000))

/**
 * When an unpaid trade closes: `time_expire` wins, then `timeout_express` counted from the first request, then 15 days.
 */
function expiry(order: Order, firstAt: number): number {
  if (order.timeExpire !== undefined) return order.timeExpire
  return order.timeoutExpress === undefined
    ? firstAt + LONGEST_TIMEOUT
    : (timeoutEnd(order.timeoutExpress, firstAt) ?? firstAt + LONGEST_TIMEOUT)
}

/**
 * The time that `timeout_express` means (`90m`, `12h`, `15d`, `1c` until midnight); undefined if invalid or above 15
 * days.
 */
export function timeoutEnd(text: string, from: number): number | undefined {
  if (text === '1c') return endOfBeijingDay(from)
  const match = /^([1-9]\d{0,5})([mhd])$/.exec(text)
  if (!match) return undefined
  const unit = match[2] === 'm' ? MINUTE : match[2] === 'h' ? HOUR : DAY
  const length = Number(match[1]) * unit
  return length > LONGEST_TIMEOUT ? undefined : from + length
}
