/** Refund and refund query (Alipay, alipay.trade.refund, alipay.trade.fastpay.refund.query). */
import { maskedLogin } from '../buyers.ts'
import type { Merchant } from '../merchants.ts'
import { parseYuan, yuan } from '../money.ts'
import type { Sandbox } from '../sandbox.ts'
import { beijing } from '../time.ts'
import type { Refund } from '../trades/refunds.ts'
import { type Business, invalidField } from './business.ts'
import { businessError } from './errors.ts'
import { missingTradeName, namedTrade, type Outcome } from './trade-methods.ts'

const NOTHING = { refund_fee: '0.00', send_back_fee: '0.00' }

export function refundTrade(sandbox: Sandbox, merchant: Merchant, business: Business): Outcome {
  const missing = missingTradeName(business)
  if (missing) return missing
  const amount = parseYuan(business.text('refund_amount'))
  if (amount === undefined) return invalidField('refund_amount')
  if (amount === 0) return businessError('ACQ.REFUND_FEE_ERROR', NOTHING)
  const outRequestNo = business.text('out_request_no') || undefined
  if (outRequestNo !== undefined && outRequestNo.length > 64) return invalidField('out_request_no')
  const reason = business.text('refund_reason')
  if ([...reason].length > 256) return invalidField('refund_reason')
  const trade = namedTrade(sandbox, merchant, business)
  if (!trade) return businessError('ACQ.TRADE_NOT_EXIST', NOTHING)
  const result = sandbox.refunds.refund(trade, { amount, outRequestNo, reason })
  if (typeof result === 'string') return businessError(result, { out_trade_no: trade.outTradeNo, ...NOTHING })
  const buyer = sandbox.buyers.find(trade.buyerId)
  const detailed = business.list('query_options').includes('refund_detail_item_list')
  return {
    fields: {
      buyer_logon_id: buyer && maskedLogin(buyer.login),
      buyer_user_id: trade.buyerId,
      fund_change: result.moved ? 'Y' : 'N',
      gmt_refund_pay: beijing(result.refund.at),
      out_trade_no: trade.outTradeNo,
      refund_fee: yuan(result.trade.refunded),
      send_back_fee: detailed ? yuan(result.refund.amount) : '0.00',
      refund_detail_item_list: detailed ? items(result.refund) : undefined,
      trade_no: trade.tradeNo,
    },
  }
}

export function queryRefund(sandbox: Sandbox, merchant: Merchant, business: Business): Outcome {
  const missing = missingTradeName(business)
  if (missing) return missing
  const outRequestNo = business.text('out_request_no')
  if (outRequestNo === '' || outRequestNo.length > 64) return invalidField('out_request_no')
  const trade = namedTrade(sandbox, merchant, business)
  if (!trade) return businessError('ACQ.TRADE_NOT_EXIST')
  const refund = sandbox.refunds.find(trade.tradeNo, outRequestNo)
  if (!refund) return { fields: {} }
  const options = business.list('query_options')
  return {
    fields: {
      gmt_refund_pay: options.includes('gmt_refund_pay') ? beijing(refund.at) : undefined,
      out_request_no: outRequestNo,
      out_trade_no: trade.outTradeNo,
      refund_amount: yuan(refund.amount),
      refund_detail_item_list: options.includes('refund_detail_item_list') ? items(refund) : undefined,
      refund_status: 'REFUND_SUCCESS',
      send_back_fee: options.includes('refund_detail_item_list') ? yuan(refund.amount) : undefined,
      total_amount: yuan(trade.total),
      trade_no: trade.tradeNo,
    },
  }
}

function items(refund: Refund) {
  return [{ amount: yuan(refund.amount), fund_channel: 'ALIPAYACCOUNT' }]
}
