/** How a buyer pays a WeChat Pay trade. */
import type { Buyer } from '../../core/buyers.ts'
import { digits } from '../../core/keys.ts'
import { toFen, yuan } from '../../core/money.ts'
import { schedule, type Written } from '../../core/notifications/notifications.ts'
import { beijingDigits, SECOND } from '../../core/time.ts'
import { writePayment } from '../notifications/notice.ts'
import type { Wechat } from '../wechat.ts'
import type { WechatTrade } from './trades.ts'

const PAY_LATE = 5

/** Why a buyer cannot pay. */
export type WechatRefusal =
  | 'PAID'
  | 'CLOSED'
  | 'EXPIRED'
  | 'LINK_ENDED'
  | 'OTHER_BUYER'
  | 'BALANCE_NOT_ENOUGH'
  | 'PAYMENT_PASSWORD_ERROR'

export function refusalOf({ clock }: Wechat, trade: WechatTrade, buyer: Buyer | undefined): WechatRefusal | undefined {
  if (trade.state === 'SUCCESS' || trade.state === 'REFUND') return 'PAID'
  if (trade.state === 'CLOSED') return 'CLOSED'
  // "The last moment at which the payer can pay."
  if (trade.expiresAt < clock.now()) return 'EXPIRED'
  if (trade.linkUntil !== undefined && trade.linkUntil < clock.now()) return 'LINK_ENDED'
  if (trade.paysAt !== undefined && trade.buyerId !== buyer?.id) return 'OTHER_BUYER'
  return undefined
}

/** Takes the money; durable when it returns, including the notification. */
export function payTrade(
  wechat: Wechat,
  trade: WechatTrade,
  buyer: Buyer,
  paymentPassword: string,
): WechatTrade | WechatRefusal {
  const { clock, trades, faults, agenda } = wechat
  const refusal = refusalOf(wechat, trade, buyer)
  if (refusal) return refusal
  if (paymentPassword !== buyer.paymentPassword) return 'PAYMENT_PASSWORD_ERROR'
  if (buyer.balance < trade.total) return 'BALANCE_NOT_ENOUGH'
  const late = faults.strike(['pay-late'], { appId: trade.mchId, outTradeNo: trade.outTradeNo })
  if (!late) return settle(wechat, trade, buyer)
  const at = clock.now() + (late.options.seconds ?? PAY_LATE) * SECOND
  trades.payLater(trade.id, at, buyer.id)
  agenda.add({ at, kind: 'wechat-pay', id: String(trade.id) })
  wechat.changed()
  return trades.find(trade.id) ?? trade
}

/** Completes a confirmed, delayed payment (fault: pay-late). */
export function payLate(wechat: Wechat, id: number): void {
  const trade = wechat.trades.find(id)
  const buyer = trade?.buyerId === undefined ? undefined : wechat.buyers.find(trade.buyerId)
  if (trade?.state === 'NOTPAY' && trade.paysAt !== undefined && buyer) settle(wechat, trade, buyer)
}

/** A failed attempt: the trade stays unpaid (WeChat Pay, "trade_state": NOTPAY). */
export function failAttempt({ trades, changed }: Wechat, trade: WechatTrade, why: string): void {
  trades.record(trade.id, 'attempt failed', why)
  changed()
}

function settle(wechat: Wechat, trade: WechatTrade, buyer: Buyer): WechatTrade | WechatRefusal {
  const { database, clock, merchants, buyers, trades, agenda, notifications } = wechat
  let written: Written | undefined
  const rate = merchants.find(trade.mchId)?.rules.feeRate ?? 0
  const paid = database.transaction(() => {
    const transactionId = `4200002300${beijingDigits(clock.now()).day}${digits(10)}`
    const fee = toFen(Math.floor((trade.total * rate + 5000) / 10_000))
    if (!buyers.move(buyer.id, toFen(-trade.total))) return 'BALANCE_NOT_ENOUGH' as const
    if (!trades.pay(trade.id, transactionId, buyer.id, fee))
      throw new Error(`trade ${trade.id} changed while it was paid`)
    trades.record(trade.id, 'paid', `${yuan(trade.total)} ${buyer.login}`)
    const now = trades.find(trade.id)
    if (!now) throw new Error(`trade ${trade.id} is gone`)
    written = writePayment(wechat, now)
    return now
  })
  if (typeof paid === 'string') return paid
  agenda.forget('wechat-expire', String(trade.id))
  schedule(notifications, written)
  wechat.changed()
  return paid
}
