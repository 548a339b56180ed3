/** How a trade ends: closed while unpaid, or finished once its refund period is over. */
import { schedule, type Written } from '../../core/notifications/notifications.ts'
import { DAY } from '../../core/time.ts'
import type { Alipay } from '../alipay.ts'
import type { MerchantRules } from '../merchants.ts'
import { writeNotice } from '../notifications/notice.ts'
import type { Trade } from './trade.ts'

/** Whether a closed or finished trade notifies its shop: for wap.pay always, for page.pay by the merchant's rule. */
export function notifiesClose(trade: Trade, rules: MerchantRules | undefined): boolean {
  return trade.request.method === 'alipay.trade.wap.pay' || rules?.notifyOnClose === true
}

/** Closes an unpaid trade; undefined if it is not unpaid. */
export function closeUnpaid(alipay: Alipay, tradeNo: string, why: string): Trade | undefined {
  const waiting = alipay.trades.find(tradeNo)
  const closed = waiting?.status === 'WAIT_BUYER_PAY' ? end(alipay, waiting, 'TRADE_CLOSED', why) : undefined
  if (!closed) return undefined
  alipay.agenda.forget('expire', tradeNo)
  alipay.changed()
  return closed
}

/** Finishes every trade whose refund period is over. */
export function finishDue(alipay: Alipay): void {
  for (const { appId, rules } of alipay.merchants.list()) {
    for (const trade of alipay.trades.paidUntil(appId, refundableSince(alipay, rules))) finish(alipay, trade)
  }
}

/** A trade's current state: applies an expiry or the end of its refund period first. */
export function current(alipay: Alipay, trade: Trade | undefined): Trade | undefined {
  const { trades, merchants, clock } = alipay
  if (trade?.status === 'TRADE_SUCCESS' && trade.paidAt !== undefined) {
    const rules = merchants.find(trade.appId)?.rules
    const over = rules !== undefined && trade.paidAt <= refundableSince(alipay, rules)
    return over ? (finish(alipay, trade) ?? trades.find(trade.tradeNo)) : trade
  }
  if (trade?.status !== 'WAIT_BUYER_PAY' || trade.paysAt !== undefined || trade.expiresAt > clock.now()) return trade
  return closeUnpaid(alipay, trade.tradeNo, 'timed out') ?? trades.find(trade.tradeNo)
}

/** The latest payment time whose refund period is over by now. */
const refundableSince = ({ clock }: Alipay, rules: MerchantRules): number => clock.now() - rules.refundDays * DAY

const finish = (alipay: Alipay, paid: Trade) => end(alipay, paid, 'TRADE_FINISHED', 'refund period over')

/** Undefined if it is no longer in the given state. */
function end(alipay: Alipay, before: Trade, to: 'TRADE_CLOSED' | 'TRADE_FINISHED', why: string): Trade | undefined {
  const { database, trades, merchants, notifications } = alipay
  let notice: Written | undefined
  const ended = database.transaction(() => {
    const trade = trades.move(before, to)
    if (!trade) return undefined
    trades.record(trade.tradeNo, to === 'TRADE_CLOSED' ? 'closed' : 'finished', why)
    if (notifiesClose(trade, merchants.find(trade.appId)?.rules)) notice = writeNotice(alipay, trade, to)
    return trade
  })
  schedule(notifications, notice)
  return ended
}
