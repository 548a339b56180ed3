/** Refund and refund query (Alipay, alipay.trade.refund, alipay.trade.fastpay.refund.query). */
import { maskedLogin } from '../../core/buyers.ts'
import { parseYuan, yuan } from '../../core/money.ts'
import { beijing } from '../../core/time.ts'
import type { Sandbox } from '../../sandbox.ts'
import type { Merchant } from '../merchants.ts'
import { refund } from '../trades/refund.ts'
import type { Refund } from '../trades/refunds.ts'
import { type Business, invalidField } from './business.ts'
import { businessError } from './errors.ts'
import { missingTradeName, namedTrade, type Outcome } from './trade-methods.ts'

/** The fields that a refund may have: "other fields may make it fail, or refund twice". */
const REFUND_FIELDS = new Set([
  ...['trade_no', 'out_trade_no', 'refund_amount', 'out_request_no', 'refund_reason', 'refund_goods_detail'],
  ...['goods_detail', 'refund_royalty_parameters', 'query_options', 'operator_id', 'store_id', 'terminal_id'],
  ...['refund_currency', 'refund_advance_account', 'refund_advance_account_type', 'refund_trans_out'],
  ...['refund_trans_out_type', 'related_settle_confirm_no', 'org_pid'],
])
const LENGTHS = { out_request_no: 64, refund_reason: 256, operator_id: 30, store_id: 32, terminal_id: 32 } as const

const NOTHING = { refund_fee: '0.00', send_back_fee: '0.00' }

export function refundTrade(sandbox: Sandbox, merchant: Merchant, business: Business): Outcome {
  const missing = missingTradeName(business)
  if (missing) return missing
  const amount = parseYuan(business.text('refund_amount'))
  if (amount === undefined) return invalidField('refund_amount')
  if (amount === 0) return businessError('ACQ.REFUND_FEE_ERROR', NOTHING)
  const unknown = business.names().find((name) => !REFUND_FIELDS.has(name))
  if (unknown !== undefined) return invalidField(unknown)
  for (const [name, limit] of Object.entries(LENGTHS)) {
    if ([...business.text(name)].length > limit) return invalidField(name)
  }
  const outRequestNo = business.text('out_request_no') || undefined
  const reason = business.text('refund_reason')
  const trade = namedTrade(sandbox, merchant, business)
  if (!trade) return businessError('ACQ.TRADE_NOT_EXIST', NOTHING)
  const { refundGapSeconds: gapSeconds } = merchant.rules
  const result = refund(sandbox, trade, { amount, outRequestNo, reason, gapSeconds })
  if (result === 'ACQ.SYSTEM_ERROR') return businessError(result, NOTHING, TOO_SOON)
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

/** Which code Alipay uses is not documented; this one asks for the same request again, which then succeeds. */
const TOO_SOON = '同一笔交易的两次退款间隔需大于3秒，请稍后重试'

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
