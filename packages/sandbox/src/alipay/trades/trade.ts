/** A trade: the merchant's order, its states, and its numbers. */

import { digits } from '../../core/keys.ts'
import type { Fen } from '../../core/money.ts'
import { beijingDigits } from '../../core/time.ts'
import type { SignType } from '../signature.ts'

/** Alipay, trade_status. */
export type TradeStatus = 'WAIT_BUYER_PAY' | 'TRADE_SUCCESS' | 'TRADE_FINISHED' | 'TRADE_CLOSED'

/** The page methods; each puts its own name on the return address. */
export type PageMethod = 'alipay.trade.page.pay' | 'alipay.trade.wap.pay'

/** The business fields of a payment page that are used later (Alipay, alipay.trade.page.pay, biz_content). */
export interface Order {
  readonly outTradeNo: string
  readonly total: Fen
  readonly subject: string
  readonly body: string | undefined
  readonly productCode: string
  readonly passbackParams: string | undefined
  readonly quitUrl: string | undefined
  /** `time_expire` as an instant. */
  readonly timeExpire: number | undefined
  /** `timeout_express` as given, e.g. `90m`. */
  readonly timeoutExpress: string | undefined
}

/** A payment page's request: verified, but without a trade until a buyer logs in. */
export interface PaymentRequest {
  readonly appId: string
  readonly sellerId: string
  readonly method: PageMethod
  /** `charset` as echoed by the notification and the return: the request's spelling, or GBK. */
  readonly charset: string
  readonly signType: SignType
  readonly returnUrl: string | undefined
  readonly notifyUrl: string | undefined
  readonly order: Order
}

export interface Trade {
  readonly tradeNo: string
  readonly appId: string
  readonly sellerId: string
  readonly outTradeNo: string
  readonly buyerId: string
  readonly status: TradeStatus
  readonly total: Fen
  /** The total of all refunds so far. */
  readonly refunded: Fen
  readonly subject: string
  readonly request: PaymentRequest
  readonly expiresAt: number
  readonly createdAt: number
  readonly paidAt: number | undefined
  readonly closedAt: number | undefined
  /** Alipay's fee. */
  readonly fee: Fen
  /** The buyer has confirmed, but the payment happens at this later time (fault: pay-late). */
  readonly paysAt: number | undefined
}

/** 28 digits: the day, 22001, fifteen digits. */
export function newTradeNo(at: number): string {
  return `${beijingDigits(at).day}22001${digits(1)}${digits(14)}`
}

/** 34 digits: the day, 01222 (the sandbox's), the time, fifteen digits. */
export function newNotifyId(at: number): string {
  const { day, time } = beijingDigits(at)
  return `${day}01222${time}${digits(1)}${digits(14)}`
}

/** Whether a second request with the same number is the same order; otherwise it is CONTEXT_INCONSISTENT. */
export function sameOrder(a: Order, b: Order): boolean {
  return a.total === b.total && a.subject === b.subject && a.body === b.body
}
