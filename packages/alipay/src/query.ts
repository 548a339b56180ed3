/** alipay.trade.query: the gateway's view of a trade. Trusted only with a valid signature. */
import { type CallOptions, readAmount, readTime } from '@xuecheng/client-kit'
import { checkAbout, textOf, unexpected } from './about.ts'
import { GatewayRefusedError } from './errors.ts'
import { execute, type Transport } from './execute.ts'
import { checkedTradeRef, type TradeRef } from './fields.ts'
import { type FundBill, isTradeStatus, readFundBills, type TradeStatus } from './notification.ts'
import { businessRefusal, QUERY_SUB_CODES } from './sub-codes.ts'

/** Optional parts of the answer; without them Alipay gives the four amounts as 0.00 even for paid trades. */
export interface QueryOptions extends CallOptions {
  readonly queryOptions?: readonly string[] | undefined
}

export interface Trade {
  readonly exists: true
  readonly outTradeNo: string
  readonly tradeNo: string
  readonly tradeStatus: TradeStatus
  /** The order's amount, in fen. */
  readonly totalAmount: number
  /** When it was paid; undefined while unpaid. */
  readonly sendPayDate: Date | undefined
  /** Masked. */
  readonly buyerLogonId: string | undefined
  readonly buyerUserId: string | undefined
  /** In place of `buyerUserId` for applications on the openid scheme. */
  readonly buyerOpenId: string | undefined
  /** Only with `queryOptions: ['fund_bill_list']` or by contract. */
  readonly fundBillList: readonly FundBill[] | undefined
  /** Every member of the answer, unchanged. */
  readonly values: Readonly<Record<string, unknown>>
}

/** No trade has that number: the link was never opened, or no buyer has logged in there yet. */
export interface NoTrade {
  readonly exists: false
}

/** @throws UnknownOutcomeError, NotSentError, GatewayRefusedError. Retries by itself: a query changes nothing. */
export async function queryTrade(
  transport: Transport,
  trade: TradeRef,
  options: QueryOptions = {},
): Promise<Trade | NoTrade> {
  const bizContent = JSON.stringify({ ...checkedTradeRef(trade), query_options: options.queryOptions })
  const call = { method: 'alipay.trade.query', bizContent }
  const fields = await execute(transport, call, options, { repeatAfterUnknown: true })
  checkAbout(fields, trade)
  if (fields.subCode === 'ACQ.TRADE_NOT_EXIST') return { exists: false }
  if (fields.code !== '10000') {
    const { subCode, subMsg, meaning } = businessRefusal(fields, QUERY_SUB_CODES)
    throw new GatewayRefusedError(fields.code, { subCode, subMsg, verified: true, advice: meaning })
  }
  const totalAmount = readAmount(textOf(fields, 'total_amount'))
  const tradeStatus = textOf(fields, 'trade_status')
  const [outTradeNo, tradeNo] = [textOf(fields, 'out_trade_no'), textOf(fields, 'trade_no')]
  if (totalAmount === undefined || !isTradeStatus(tradeStatus) || !outTradeNo || !tradeNo) throw unexpected('trade')
  return {
    exists: true,
    outTradeNo,
    tradeNo,
    tradeStatus,
    totalAmount,
    sendPayDate: readTime(textOf(fields, 'send_pay_date')),
    buyerLogonId: textOf(fields, 'buyer_logon_id') || undefined,
    buyerUserId: textOf(fields, 'buyer_user_id') || undefined,
    buyerOpenId: textOf(fields, 'buyer_open_id') || undefined,
    fundBillList: readFundBills(fields.values['fund_bill_list']),
    values: fields.values,
  }
}
