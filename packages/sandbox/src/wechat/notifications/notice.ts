/** Writes the notification of a trade's change, inside the transaction of that change. */
import { randomUUID } from 'node:crypto'
import { type Written, write } from '../../core/notifications/notifications.ts'
import type { WechatRefund } from '../trades/refunds.ts'
import type { WechatTrade } from '../trades/trades.ts'
import type { Wechat } from '../wechat.ts'
import { type Json, paymentNotice, refundNotice } from './messages.ts'

export function writePayment(wechat: Wechat, trade: WechatTrade): Written {
  return writeNotice(wechat, trade, 'TRANSACTION.SUCCESS', trade.notifyUrl, paymentNotice(trade))
}

/** Undefined if the refund has no notify address. */
export function writeRefund(wechat: Wechat, trade: WechatTrade, refund: WechatRefund): Written | undefined {
  const { notifyUrl, status } = refund
  if (notifyUrl === undefined) return undefined
  return writeNotice(wechat, trade, `REFUND.${status}`, notifyUrl, refundNotice(refund, trade))
}

function writeNotice(wechat: Wechat, trade: WechatTrade, event: string, url: string, said: Json): Written {
  return write(wechat.notifications, {
    notifyId: randomUUID(),
    appId: trade.mchId,
    tradeNo: trade.transactionId ?? '',
    outTradeNo: trade.outTradeNo,
    event,
    url,
    fields: [['content', JSON.stringify(said)]],
    createdAt: wechat.clock.now(),
  })
}
