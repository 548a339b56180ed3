/** The gateway's methods for one trade: query and close (Alipay, alipay.trade.query, alipay.trade.close). */
import { maskedLogin } from '../../core/buyers.ts'
import { yuan } from '../../core/money.ts'
import { beijing } from '../../core/time.ts'
import type { Sandbox } from '../../sandbox.ts'
import type { Merchant } from '../merchants.ts'
import { closeUnpaid, current } from '../trades/close.ts'
import type { Trade } from '../trades/trade.ts'
import type { Fields } from './answer.ts'
import { type Business, invalidField } from './business.ts'
import { businessError, type GatewayError } from './errors.ts'

export type Outcome = { readonly fields: Fields } | GatewayError

/** The trade named by a call, within its merchant's account; `trade_no` wins over `out_trade_no`. */
export function namedTrade(sandbox: Sandbox, merchant: Merchant, business: Business): Trade | undefined {
  const tradeNo = business.text('trade_no')
  const trade =
    tradeNo === ''
      ? sandbox.trades.findByNumber(merchant.sellerId, business.text('out_trade_no'))
      : sandbox.trades.find(tradeNo)
  return trade?.sellerId === merchant.sellerId ? current(sandbox, trade) : undefined
}

/** The refusal of a call that names no trade. */
export function missingTradeName(business: Business): GatewayError | undefined {
  const tradeNo = business.text('trade_no')
  const outTradeNo = business.text('out_trade_no')
  if (tradeNo === '' && outTradeNo === '') return invalidField('trade_no,out_trade_no', '不能同时为空')
  return tradeNo.length > 64 || outTradeNo.length > 64 ? invalidField('out_trade_no') : undefined
}

const NO_AMOUNTS = { buyer_pay_amount: '0.00', invoice_amount: '0.00', point_amount: '0.00', receipt_amount: '0.00' }

export function queryTrade(sandbox: Sandbox, merchant: Merchant, business: Business): Outcome {
  const missing = missingTradeName(business)
  if (missing) return missing
  const trade = namedTrade(sandbox, merchant, business)
  if (!trade) return businessError('ACQ.TRADE_NOT_EXIST', { ...NO_AMOUNTS, ...echo(business) })
  const buyer = sandbox.buyers.find(trade.buyerId)
  const withFunds = business.list('query_options').includes('fund_bill_list') && trade.paidAt !== undefined
  const total = yuan(trade.total)
  return {
    fields: {
      ...(withFunds
        ? { ...NO_AMOUNTS, buyer_pay_amount: total, invoice_amount: total, receipt_amount: total }
        : NO_AMOUNTS),
      buyer_logon_id: buyer && maskedLogin(buyer.login),
      buyer_user_id: trade.buyerId,
      buyer_user_type: 'PRIVATE',
      fund_bill_list: withFunds ? [{ amount: total, fund_channel: 'ALIPAYACCOUNT' }] : undefined,
      out_trade_no: trade.outTradeNo,
      send_pay_date: trade.paidAt === undefined ? undefined : beijing(trade.paidAt),
      total_amount: total,
      trade_no: trade.tradeNo,
      trade_status: trade.status,
    },
  }
}

export function closeTrade(sandbox: Sandbox, merchant: Merchant, business: Business): Outcome {
  const missing = missingTradeName(business)
  if (missing) return missing
  if (business.text('operator_id').length > 28) return invalidField('operator_id')
  const trade = namedTrade(sandbox, merchant, business)
  if (!trade) return businessError('ACQ.TRADE_NOT_EXIST', echo(business))
  const closed = closeUnpaid(sandbox, trade.tradeNo, 'closed by the merchant')
  if (!closed) return businessError('ACQ.TRADE_STATUS_ERROR', { out_trade_no: trade.outTradeNo })
  return { fields: { out_trade_no: trade.outTradeNo, trade_no: trade.tradeNo } }
}

/** A refusal repeats the trade numbers of the call. */
function echo(business: Business): Readonly<Record<string, string>> {
  const outTradeNo = business.text('out_trade_no')
  return outTradeNo === '' ? {} : { out_trade_no: outTradeNo }
}
