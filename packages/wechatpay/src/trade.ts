/** A payment as WeChat tells of it: the same fields in a query's answer and in a notification. */
import { asObject, fenOf, type JsonObject, textOf } from './json.ts'
import { readMoment } from './time.ts'

/** `REVOKED`, `USERPAYING` and `PAYERROR` are of codes that a cashier scans; none of the three ways here has them. */
export type TradeState = 'NOTPAY' | 'SUCCESS' | 'REFUND' | 'CLOSED' | 'REVOKED' | 'USERPAYING' | 'PAYERROR' | 'ACCEPT'

const TRADE_STATES: readonly string[] = [
  'NOTPAY',
  'SUCCESS',
  'REFUND',
  'CLOSED',
  'REVOKED',
  'USERPAYING',
  'PAYERROR',
  'ACCEPT',
]

/** Amounts in fen. */
export interface TradeFields {
  readonly mchId: string
  readonly appId: string
  readonly outTradeNo: string
  /** Once it is paid. */
  readonly transactionId: string | undefined
  /** `REFUND` once any part was refunded: paid is `SUCCESS` or `REFUND`. */
  readonly tradeState: TradeState
  readonly tradeType: string | undefined
  /** The order's amount: what a price is compared with. */
  readonly total: number
  /** What the payer paid, less than `total` where a coupon helped; once it is paid. */
  readonly payerTotal: number | undefined
  readonly successTime: Date | undefined
  readonly attach: string | undefined
  /** Every member as it came; `payer.openid` among them. */
  readonly values: JsonObject
}

/** Undefined where something that a trade always has is missing or not readable, or where the money is not CNY. */
export function readTrade(values: JsonObject): TradeFields | undefined {
  const text = (name: string) => textOf(values, name) || undefined
  const amount = asObject(values['amount'])
  const [mchId, appId, outTradeNo, tradeState] = [
    text('mchid'),
    text('appid'),
    text('out_trade_no'),
    text('trade_state'),
  ]
  const total = fenOf(amount, 'total')
  if (!mchId || !appId || !outTradeNo || !tradeState || !isTradeState(tradeState) || total === undefined)
    return undefined
  if ((textOf(amount, 'currency') || 'CNY') !== 'CNY') return undefined
  const transactionId = text('transaction_id')
  const successTime = readMoment(text('success_time') ?? '')
  if (isPaid(tradeState) && (!transactionId || !successTime)) return undefined
  return {
    mchId,
    appId,
    outTradeNo,
    transactionId,
    tradeState,
    tradeType: text('trade_type'),
    total,
    payerTotal: fenOf(amount, 'payer_total'),
    successTime,
    attach: text('attach'),
    values,
  }
}

export const isPaid = (state: TradeState): boolean => state === 'SUCCESS' || state === 'REFUND'

const isTradeState = (text: string): text is TradeState => TRADE_STATES.includes(text)
