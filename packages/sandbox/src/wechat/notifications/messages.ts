/** Trades and refunds as WeChat writes them in answers and notifications (WeChat Pay, "Query", "Refunds"). */
import type { Fen } from '../../core/money.ts'
import { rfc3339 } from '../../core/time.ts'
import type { WechatRefund } from '../trades/refunds.ts'
import type { WechatTrade } from '../trades/trades.ts'

export type Json = { readonly [name: string]: unknown }

const WORDS = { NOTPAY: '订单未支付', SUCCESS: '支付成功', REFUND: '转入退款', CLOSED: '订单已关闭' } as const

/** Whole seconds with +08:00. */
export const moment = (at: number): string => `${rfc3339(at).slice(0, 19)}+08:00`

/** An openid identifies the buyer under one application. */
export const openidOf = (buyerId: string): string => `oSim${buyerId}000000000000`.slice(0, 28)

export function tradeJson(trade: WechatTrade): Json {
  const base = {
    appid: trade.appId,
    mchid: trade.mchId,
    out_trade_no: trade.outTradeNo,
    promotion_detail: [],
    scene_info: { device_id: '' },
    trade_state: trade.state,
    trade_state_desc: WORDS[trade.state],
  }
  if (trade.paidAt === undefined || trade.buyerId === undefined) {
    return { ...base, amount: { payer_currency: 'CNY', total: trade.total } }
  }
  return {
    ...base,
    amount: { currency: 'CNY', payer_currency: 'CNY', payer_total: trade.total, total: trade.total },
    attach: trade.attach ?? '',
    bank_type: 'OTHERS',
    payer: { openid: openidOf(trade.buyerId) },
    success_time: moment(trade.paidAt),
    trade_type: trade.tradeType,
    transaction_id: trade.transactionId,
  }
}

/** A payment's notification; its state is that of the payment's time, even if it has changed since. */
export function paymentNotice(trade: WechatTrade): Json {
  const { promotion_detail: _, scene_info: __, ...said } = tradeJson({ ...trade, state: 'SUCCESS' })
  return said
}

export function refundJson(refund: WechatRefund, trade: WechatTrade): Json {
  const { amount } = refund
  return {
    refund_id: refund.refundId,
    out_refund_no: refund.outRefundNo,
    transaction_id: trade.transactionId,
    out_trade_no: trade.outTradeNo,
    channel: 'ORIGINAL',
    user_received_account: '支付用户零钱',
    create_time: moment(refund.createdAt),
    ...(refund.successAt === undefined ? {} : { success_time: moment(refund.successAt) }),
    status: refund.status,
    funds_account: 'AVAILABLE',
    amount: { ...amountsOf(trade.total, amount), ...settlementOf(trade.total, amount) },
    promotion_detail: [],
  }
}

export function refundNotice(refund: WechatRefund, trade: WechatTrade): Json {
  return {
    mchid: trade.mchId,
    out_trade_no: trade.outTradeNo,
    transaction_id: trade.transactionId,
    out_refund_no: refund.outRefundNo,
    refund_id: refund.refundId,
    refund_status: refund.status,
    ...(refund.successAt === undefined ? {} : { success_time: moment(refund.successAt) }),
    user_received_account: '支付用户零钱',
    amount: amountsOf(trade.total, refund.amount),
  }
}

const amountsOf = (total: Fen, refund: Fen) => ({ total, refund, payer_total: total, payer_refund: refund })

const settlementOf = (total: Fen, refund: Fen) => ({
  settlement_total: total,
  settlement_refund: refund,
  discount_refund: 0,
  refund_fee: 0,
  from: [],
  currency: 'CNY',
})
