/** Writes the notification of a trade's change. */
import { type Written, write } from '../../core/notifications/notifications.ts'
import type { Alipay } from '../alipay.ts'
import { newNotifyId, type Trade } from '../trades/trade.ts'
import { notificationFields, type RefundFacts } from './message.ts'

/**
 * Inside the transaction of that change. `event` is the trade status, or `REFUND`; undefined without a notify address.
 */
export function writeNotice(alipay: Alipay, trade: Trade, event: string, refund?: RefundFacts): Written | undefined {
  const buyer = alipay.buyers.find(trade.buyerId)
  const url = trade.request.notifyUrl
  if (!buyer || url === undefined) return undefined
  const now = alipay.clock.now()
  const notifyId = newNotifyId(now)
  return write(alipay.notifications, {
    notifyId,
    appId: trade.appId,
    tradeNo: trade.tradeNo,
    outTradeNo: trade.outTradeNo,
    event,
    url,
    fields: notificationFields(trade, buyer, notifyId, refund),
    createdAt: now,
  })
}
