/** How a trade begins and is paid: a buyer enters the cashier and gives the payment password. */
import type { Buyer } from '../../core/buyers.ts'
import { type Fen, toFen, yuan } from '../../core/money.ts'
import { schedule, type Written } from '../../core/notifications/notifications.ts'
import { SECOND } from '../../core/time.ts'
import type { Alipay } from '../alipay.ts'
import { writeNotice } from '../notifications/notice.ts'
import { current } from './close.ts'
import { expiry } from './time-outs.ts'
import { type PaymentRequest, sameOrder, type Trade } from './trade.ts'

/** Why a buyer cannot continue: Alipay's code without `ACQ.`, if there is one. */
export type Refusal =
  | 'TRADE_HAS_SUCCESS'
  | 'TRADE_HAS_CLOSE'
  | 'CONTEXT_INCONSISTENT'
  | 'NOW_TIME_AFTER_EXPIRE_TIME_ERROR'
  | 'TRADE_BUYER_NOT_MATCH'
  | 'BUYER_BALANCE_NOT_ENOUGH'
  | 'PAYMENT_PASSWORD_ERROR'

/** A page.pay trade is created when the buyer logs in; a wap.pay trade "only after the correct payment password". */
const createsOnLogin = ({ method }: PaymentRequest): boolean => method === 'alipay.trade.page.pay'

/**
 * Whether this request can still be paid, before the buyer is known. `firstAt` is when its number was first requested.
 */
export function refusalOf(alipay: Alipay, request: PaymentRequest, firstAt: number): Refusal | undefined {
  return refusalFor(alipay, request, firstAt, existing(alipay, request))
}

/** A buyer has logged in: for page.pay this creates the trade, for wap.pay only the payment password does. */
export function enter(
  alipay: Alipay,
  request: PaymentRequest,
  buyer: Buyer,
  firstAt: number,
): Trade | Refusal | undefined {
  if (!createsOnLogin(request)) {
    const trade = existing(alipay, request)
    return refusalFor(alipay, request, firstAt, trade, buyer) ?? trade
  }
  const trade = begin(alipay, request, buyer, firstAt)
  if (typeof trade !== 'string') expireLater(alipay, trade)
  return trade
}

/** Takes the money; durable when it returns, including the notification. */
export function pay(alipay: Alipay, trade: Trade, buyer: Buyer, paymentPassword: string): Trade | Refusal {
  return payNow(alipay, current(alipay, alipay.trades.find(trade.tradeNo)), buyer, paymentPassword)
}

/** Enters and pays in one step. */
export function enterAndPay(
  alipay: Alipay,
  request: PaymentRequest,
  buyer: Buyer,
  firstAt: number,
  paymentPassword: string,
): Trade | Refusal {
  if (!createsOnLogin(request) && paymentPassword !== buyer.paymentPassword) {
    const known = enter(alipay, request, buyer, firstAt)
    if (typeof known !== 'object') return known ?? 'PAYMENT_PASSWORD_ERROR'
  }
  const trade = begin(alipay, request, buyer, firstAt)
  if (typeof trade === 'string') return trade
  const paid = payNow(alipay, trade, buyer, paymentPassword)
  if (typeof paid === 'string') expireLater(alipay, trade)
  return paid
}

/** Completes a confirmed, delayed payment (fault: pay-late). */
export function payLate(alipay: Alipay, tradeNo: string): void {
  const trade = alipay.trades.find(tradeNo)
  if (trade?.status === 'WAIT_BUYER_PAY' && trade.paysAt !== undefined) settle(alipay, trade)
}

function existing(alipay: Alipay, { sellerId, order }: PaymentRequest): Trade | undefined {
  return current(alipay, alipay.trades.findByNumber(sellerId, order.outTradeNo))
}

/** `buyer` is undefined before anybody has logged in. */
function refusalFor(
  { clock }: Alipay,
  { order }: PaymentRequest,
  firstAt: number,
  trade: Trade | undefined,
  buyer?: Buyer,
): Refusal | undefined {
  if (!trade) return expiry(order, firstAt) <= clock.now() ? 'NOW_TIME_AFTER_EXPIRE_TIME_ERROR' : undefined
  if (trade.paidAt !== undefined && trade.status !== 'TRADE_CLOSED') return 'TRADE_HAS_SUCCESS'
  if (trade.status === 'TRADE_CLOSED') return 'TRADE_HAS_CLOSE'
  if (!sameOrder(trade.request.order, order)) return 'CONTEXT_INCONSISTENT'
  return buyer && trade.buyerId !== buyer.id ? 'TRADE_BUYER_NOT_MATCH' : undefined
}

/** Creates the trade, or finds the buyer's own; schedules no expiry, since the payment may follow at once. */
function begin(alipay: Alipay, request: PaymentRequest, buyer: Buyer, firstAt: number): Trade | Refusal {
  const { database, trades, faults } = alipay
  const trade = existing(alipay, request)
  const refusal = refusalFor(alipay, request, firstAt, trade, buyer)
  if (refusal) return refusal
  if (trade) return trade
  const gbk = faults.strike(['gbk'], { appId: request.appId, outTradeNo: request.order.outTradeNo })
  const asked = gbk ? { ...request, charset: 'GBK' } : request
  const made = database.transaction(() => {
    const created = trades.create(asked, buyer.id, expiry(request.order, firstAt))
    trades.record(created.tradeNo, 'created', buyer.login)
    return created
  })
  alipay.changed()
  return made
}

function expireLater({ agenda }: Alipay, { expiresAt, tradeNo }: Trade): void {
  agenda.add({ at: expiresAt, kind: 'expire', id: tradeNo })
}

function payNow(alipay: Alipay, now: Trade | undefined, buyer: Buyer, paymentPassword: string): Trade | Refusal {
  if (!now || now.buyerId !== buyer.id) return 'TRADE_BUYER_NOT_MATCH'
  if (now.status === 'TRADE_CLOSED') return 'TRADE_HAS_CLOSE'
  if (now.status !== 'WAIT_BUYER_PAY') return 'TRADE_HAS_SUCCESS'
  if (paymentPassword !== buyer.paymentPassword) return 'PAYMENT_PASSWORD_ERROR'
  if (buyer.balance < now.total) return 'BUYER_BALANCE_NOT_ENOUGH'
  if (now.paysAt !== undefined) return now
  const late = alipay.faults.strike(['pay-late'], now)
  return late ? postpone(alipay, now, late.options.seconds ?? 60) : settle(alipay, now)
}

function postpone(alipay: Alipay, trade: Trade, seconds: number): Trade {
  const { database, trades, clock, agenda } = alipay
  const paysAt = clock.now() + seconds * SECOND
  database.transaction(() => {
    trades.payLater(trade.tradeNo, paysAt)
    trades.record(trade.tradeNo, 'confirmed', `pays in ${seconds} s (fault: pay-late)`)
  })
  agenda.forget('expire', trade.tradeNo)
  agenda.add({ at: paysAt, kind: 'pay', id: trade.tradeNo })
  alipay.changed()
  return { ...trade, paysAt }
}

function settle(alipay: Alipay, trade: Trade): Trade | Refusal {
  const { database, trades, merchants, buyers, faults, agenda, notifications } = alipay
  let notice: Written | undefined
  const finished = faults.strike(['finished'], trade) !== undefined
  const result = database.transaction((): Trade | Refusal => {
    if (!buyers.move(trade.buyerId, toFen(-trade.total))) return 'BUYER_BALANCE_NOT_ENOUGH'
    const rules = merchants.find(trade.appId)?.rules
    const paid = trades.move(trade, !finished && (rules?.refundable ?? true) ? 'TRADE_SUCCESS' : 'TRADE_FINISHED')
    if (!paid) throw new Error(`trade ${trade.tradeNo} changed while it was paid`)
    trades.charge(trade.tradeNo, feeOf(trade.total, rules?.feeRate ?? 0))
    trades.record(trade.tradeNo, 'paid', yuan(trade.total))
    notice = writeNotice(alipay, paid, paid.status)
    return paid
  })
  schedule(notifications, notice)
  if (typeof result === 'string') return result
  agenda.forget('expire', trade.tradeNo)
  alipay.changed()
  return result
}

/** `rate` in ten-thousandths; half a fen is rounded up. */
const feeOf = (total: Fen, rate: number): Fen => toFen(Math.floor((total * rate + 5000) / 10_000))
