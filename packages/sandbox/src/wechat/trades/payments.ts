/** All changes of a WeChat Pay trade: ordered, paid, closed, refunded. No other module changes one. */
import { randomBytes } from 'node:crypto'
import type { Written } from '../../alipay/notifications/notifications.ts'
import type { Agenda } from '../../core/agenda.ts'
import type { Buyer, Buyers } from '../../core/buyers.ts'
import type { Clock } from '../../core/clock.ts'
import type { Database } from '../../core/database.ts'
import type { Faults } from '../../core/faults/faults.ts'
import { digits } from '../../core/keys.ts'
import { add, type Fen, toFen, yuan } from '../../core/money.ts'
import { beijingDigits, DAY, HOUR, MINUTE, SECOND } from '../../core/time.ts'
import { type WechatError, wechatError } from '../errors.ts'
import { DEFAULT_WECHAT_RULES, type WechatMerchants } from '../merchants.ts'
import type { WechatNotifications } from '../notifications/notifications.ts'
import type { WechatOrder, WechatRefund, WechatRefundStatus, WechatTrade, WechatTrades } from './trades.ts'

const CODE_LIVES = 2 * HOUR
const H5_LIVES = 5 * MINUTE
const REFUND_DAYS = 365
const MAX_REFUNDS = 50
const PAY_LATE = 5
/** WeChat closes an order by itself when it stays unpaid for this long, whatever its time_expire. */
export const CLOSES_AFTER = 7 * DAY

/** Why a buyer cannot pay. */
export type WechatRefusal =
  | 'PAID'
  | 'CLOSED'
  | 'EXPIRED'
  | 'LINK_ENDED'
  | 'OTHER_BUYER'
  | 'BALANCE_NOT_ENOUGH'
  | 'PAYMENT_PASSWORD_ERROR'

export interface RefundWanted {
  readonly outRefundNo: string
  readonly amount: Fen
  readonly total: Fen
  readonly reason: string
  readonly notifyUrl: string | undefined
  /** The minimum time after another refund of the order; none by default. */
  readonly gapSeconds?: number
}

export type WechatPayments = ReturnType<typeof createWechatPayments>

export interface WechatPaymentParts {
  readonly database: Database
  readonly clock: Clock
  readonly merchants: WechatMerchants
  readonly buyers: Buyers
  readonly trades: WechatTrades
  readonly notifications: WechatNotifications
  readonly faults: Faults
  readonly agenda: () => Agenda
  readonly changed: () => void
}

export function createWechatPayments(parts: WechatPaymentParts) {
  const { database, clock, merchants, buyers, trades, notifications, faults } = parts

  /** Creates the order, or gives the same one a fresh link; the old link stops working. */
  function order(wanted: WechatOrder, expiresAt: number): WechatTrade | WechatError {
    const before = trades.findByNumber(wanted.mchId, wanted.outTradeNo)
    if (before?.state === 'CLOSED') return wechatError('ORDER_CLOSED')
    if (before && before.state !== 'NOTPAY') return wechatError('ORDERPAID')
    if (before && !sameOrder(before, wanted)) return wechatError('OUT_TRADE_NO_USED')
    const made = database.transaction(() => {
      const trade = before ?? trades.create(wanted, expiresAt)
      const prepayId = `wx${beijingDigits(clock.now()).day}${randomBytes(13).toString('hex')}`
      const code =
        wanted.tradeType === 'NATIVE'
          ? `weixin://wxpay/bizpayurl?pr=${randomBytes(9).toString('base64url')}`
          : undefined
      const until = clock.now() + (wanted.tradeType === 'MWEB' ? H5_LIVES : CODE_LIVES)
      trades.link(trade.id, prepayId, code, until)
      return trades.find(trade.id) ?? trade
    })
    if (!before) parts.agenda().add({ at: made.createdAt + CLOSES_AFTER, kind: 'wechat-expire', id: String(made.id) })
    parts.changed()
    return made
  }

  /** Closes an unpaid order; false if it is not unpaid. */
  function closeUnpaid(id: number, why: string): boolean {
    const closed = database.transaction(() => {
      const done = trades.close(id)
      if (done) trades.record(id, 'closed', why)
      return done
    })
    if (!closed) return false
    parts.agenda().forget('wechat-expire', String(id))
    parts.changed()
    return true
  }

  function refusalOf(trade: WechatTrade, buyer: Buyer | undefined): WechatRefusal | undefined {
    if (trade.state === 'SUCCESS' || trade.state === 'REFUND') return 'PAID'
    if (trade.state === 'CLOSED') return 'CLOSED'
    // "The last moment at which the payer can pay."
    if (trade.expiresAt < clock.now()) return 'EXPIRED'
    if (trade.linkUntil !== undefined && trade.linkUntil < clock.now()) return 'LINK_ENDED'
    if (trade.paysAt !== undefined && trade.buyerId !== buyer?.id) return 'OTHER_BUYER'
    return undefined
  }

  function settle(trade: WechatTrade, buyer: Buyer): WechatTrade | WechatRefusal {
    let written: Written | undefined
    const rate = merchants.find(trade.mchId)?.rules.feeRate ?? 0
    const paid = database.transaction(() => {
      const { day } = beijingDigits(clock.now())
      const transactionId = `4200002300${day}${digits(10)}`
      const fee = toFen(Math.floor((trade.total * rate + 5000) / 10_000))
      if (!buyers.move(buyer.id, toFen(-trade.total))) return 'BALANCE_NOT_ENOUGH' as const
      if (!trades.pay(trade.id, transactionId, buyer.id, fee))
        throw new Error(`trade ${trade.id} changed while it was paid`)
      trades.record(trade.id, 'paid', `${yuan(trade.total)} ${buyer.login}`)
      const now = trades.find(trade.id)
      if (!now) throw new Error(`trade ${trade.id} is gone`)
      written = notifications.writePayment(now)
      return now
    })
    if (typeof paid === 'string') return paid
    parts.agenda().forget('wechat-expire', String(trade.id))
    notifications.schedule(written)
    parts.changed()
    return paid
  }

  /** Gives a pending refund its final state. */
  function endRefund(id: number, status: Exclude<WechatRefundStatus, 'PROCESSING'>): void {
    const refund = trades.findRefund(id)
    const trade = refund && trades.find(refund.tradeId)
    if (!refund || !trade?.buyerId) return
    const { buyerId } = trade
    let written: Written | undefined
    database.transaction(() => {
      if (!trades.endRefund(id, status)) return
      if (status === 'SUCCESS') buyers.move(buyerId, refund.amount)
      // A closed refund returned no money; the amount can be refunded under another number.
      if (status === 'CLOSED') trades.takeBackRefund(trade.id, refund.amount)
      trades.record(trade.id, `refund ${status.toLowerCase()}`, `${yuan(refund.amount)} ${refund.outRefundNo}`)
      const ended = trades.findRefund(id)
      if (ended) written = notifications.writeRefund(trade, ended)
    })
    notifications.schedule(written)
    parts.changed()
  }

  return {
    order,
    refusalOf,
    pay(trade: WechatTrade, buyer: Buyer, paymentPassword: string): WechatTrade | WechatRefusal {
      const refusal = refusalOf(trade, buyer)
      if (refusal) return refusal
      if (paymentPassword !== buyer.paymentPassword) return 'PAYMENT_PASSWORD_ERROR'
      if (buyer.balance < trade.total) return 'BALANCE_NOT_ENOUGH'
      const target = { appId: trade.mchId, outTradeNo: trade.outTradeNo }
      const late = faults.strike(['pay-late'], target)
      if (!late) return settle(trade, buyer)
      const at = clock.now() + (late.options.seconds ?? PAY_LATE) * SECOND
      trades.payLater(trade.id, at, buyer.id)
      parts.agenda().add({ at, kind: 'wechat-pay', id: String(trade.id) })
      parts.changed()
      return trades.find(trade.id) ?? trade
    },
    payLate(id: number): void {
      const trade = trades.find(id)
      const buyer = trade?.buyerId === undefined ? undefined : buyers.find(trade.buyerId)
      if (trade?.state === 'NOTPAY' && trade.paysAt !== undefined && buyer) settle(trade, buyer)
    },
    abandon: (trade: WechatTrade): boolean => closeUnpaid(trade.id, 'abandoned'),
    /** A failed attempt: the trade stays unpaid (WeChat Pay, "trade_state": NOTPAY). */
    fail(trade: WechatTrade, why: string): void {
      trades.record(trade.id, 'attempt failed', why)
      parts.changed()
    },
    /** Its time is over: WeChat closes it by itself. */
    expire(id: number): void {
      closeUnpaid(id, 'unpaid for seven days')
    },
    /** Closes an unpaid order; closing twice is allowed. A number that was never ordered can no longer be used. */
    close(mchId: string, appId: string, outTradeNo: string): WechatError | undefined {
      const trade = trades.findByNumber(mchId, outTradeNo)
      if (!trade) {
        const never: WechatOrder = {
          mchId,
          appId,
          outTradeNo,
          tradeType: 'NATIVE',
          total: toFen(1),
          description: '',
          notifyUrl: '',
          attach: undefined,
          timeExpire: undefined,
          openid: undefined,
        }
        database.transaction(() => trades.create(never, clock.now(), 'CLOSED'))
        return undefined
      }
      if (trade.state === 'CLOSED') return undefined
      if (trade.state !== 'NOTPAY') return wechatError('ORDERPAID')
      closeUnpaid(trade.id, 'by the merchant')
      return undefined
    },
    /** Accepts a refund, or finds an identical earlier one; it stays pending for a while. */
    refund(trade: WechatTrade, wanted: RefundWanted): WechatRefund | WechatError {
      const before = trades.findRefundByNumber(trade.mchId, wanted.outRefundNo)
      if (before) {
        const same =
          before.tradeId === trade.id &&
          (['amount', 'reason', 'notifyUrl'] as const).every((name) => before[name] === wanted[name])
        return same ? before : wechatError('INVALID_REQUEST', '退款单号已被使用，且参数不一致')
      }
      if (trade.paidAt === undefined) return wechatError('RESOURCE_NOT_EXISTS', '订单未支付')
      if (wanted.total !== trade.total) return wechatError('INVALID_REQUEST', '订单金额不一致')
      if (add(trade.refunded, wanted.amount) > trade.total)
        return wechatError('INVALID_REQUEST', '退款金额大于可退金额')
      if (trade.paidAt + REFUND_DAYS * DAY < clock.now())
        return wechatError('INVALID_REQUEST', '订单已超过可退款的期限')
      if (trades.refundsOf(trade.id).length >= MAX_REFUNDS) return wechatError('INVALID_REQUEST', '退款次数超过限制')
      const now = clock.now()
      const { refundSeconds: seconds } = merchants.find(trade.mchId)?.rules ?? DEFAULT_WECHAT_RULES
      const last = trades.refundsOf(trade.id).at(-1)
      if (last && last.createdAt + (wanted.gapSeconds ?? 0) * SECOND > now)
        return wechatError('FREQUENCY_LIMITED', '同一订单的退款间隔需大于1分钟')
      const made = database.transaction(() => {
        if (!trades.addRefund(trade.id, wanted.amount))
          throw new Error(`trade ${trade.id} changed while it was refunded`)
        trades.record(trade.id, 'refund accepted', `${yuan(wanted.amount)} ${wanted.outRefundNo}`)
        return trades.createRefund({
          refundId: `503${digits(26)}`,
          tradeId: trade.id,
          mchId: trade.mchId,
          outRefundNo: wanted.outRefundNo,
          amount: wanted.amount,
          reason: wanted.reason,
          notifyUrl: wanted.notifyUrl,
          dueAt: now + seconds * SECOND,
          createdAt: now,
        })
      })
      parts.agenda().add({ at: made.dueAt, kind: 'wechat-refund', id: String(made.id) })
      parts.changed()
      return made
    },
    endRefund,
    /** Completes a due refund: it succeeds, unless a fault says otherwise. */
    refundDue(id: number): void {
      const refund = trades.findRefund(id)
      const trade = refund && trades.find(refund.tradeId)
      if (refund?.status !== 'PROCESSING' || !trade) return
      const target = { appId: trade.mchId, outTradeNo: trade.outTradeNo }
      const fault = faults.strike(['refund-abnormal', 'refund-closed'], target)
      endRefund(id, fault ? (fault.kind === 'refund-closed' ? 'CLOSED' : 'ABNORMAL') : 'SUCCESS')
    },
  }
}

const sameOrder = (trade: WechatTrade, wanted: WechatOrder): boolean =>
  (['appId', 'tradeType', 'total', 'description', 'attach', 'notifyUrl', 'timeExpire', 'openid'] as const).every(
    (name) => trade[name] === wanted[name],
  )
