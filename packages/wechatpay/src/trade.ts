/** A payment as WeChat reports it: the same fields in a query's answer and in a notification. */
import { asObject, fenOf, type JsonObject, textOf } from './json.ts'
import { readMoment } from './time.ts'

/**
 * `REVOKED`, `USERPAYING` and `PAYERROR` occur only with codes that a cashier scans, which this client does not offer.
 */
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
  /** Set once it is paid. */
  readonly transactionId: string | undefined
  /** `REFUND` once any part was refunded: paid is `SUCCESS` or `REFUND`. */
  readonly tradeState: TradeState
  readonly tradeType: string | undefined
  /** The order's amount, to compare with the price. */
  readonly total: number
  /** What the payer paid: less than `total` when a coupon helped. Set once it is paid. */
  readonly payerTotal: number | undefined
  readonly successTime: Date | undefined
  readonly attach: string | undefined
  /** Every member, unchanged; `payer.openid` is among them. */
  readonly values: JsonObject
}

/** Undefined when a field that every trade has is missing or unreadable, or when the currency is not CNY. */
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
