/** A day's trade bill (`GET /v3/bill/tradebill`, `ALL`): every payment and refund, checked against its own totals. */
import { BillError, writeTime } from '@xuecheng/client-kit'
import { checkedDay, type DownloadOptions, fetchBill } from './bill-file.ts'
import { agree, type BillTable, type Row, readBillTable, unreadable } from './bill-table.ts'
import type { Transport } from './execute.ts'
import type { BillCode, Refusal } from './refusals.ts'

/** Amounts in fen. */
export interface TradeBillRow {
  /** 交易状态: `SUCCESS`, `REFUND`, `REVOKED` */
  readonly kind: 'payment' | 'refund' | 'revocation'
  /** 交易时间: when it was paid, or the refund accepted */
  readonly time: Date
  /** 公众账号ID */
  readonly appId: string
  /** 商户号 */
  readonly mchId: string
  /** 微信订单号 */
  readonly transactionId: string
  /** 商户订单号 */
  readonly outTradeNo: string
  /** 用户标识 */
  readonly openid: string
  /** 交易类型: `NATIVE`, `JSAPI`, `MWEB` for H5, … */
  readonly tradeType: string
  /** 付款银行 */
  readonly bank: string
  /** 货币种类 */
  readonly currency: string
  /** 订单金额: the order's amount; 0 on refunds */
  readonly total: number
  /** 应结订单金额: the part of it that is settled with the merchant */
  readonly settlementTotal: number
  /** 代金券金额 */
  readonly coupon: number
  /** 微信退款单号; '' on payments */
  readonly refundId: string
  /** 商户退款单号; '' on payments */
  readonly outRefundNo: string
  /** 申请退款金额: the amount of this refund; 0 on payments */
  readonly refund: number
  /** 退款金额: the part of it that the merchant bears */
  readonly settlementRefund: number
  /** 充值券退款金额 */
  readonly couponRefund: number
  /** 退款类型: `ORIGINAL`, `BALANCE`, … */
  readonly refundChannel: string
  /** 退款状态 when the bill was made; it is never updated in a bill: `SUCCESS`, `PROCESSING`, `FAIL`, `CHANGE` */
  readonly refundStatus: string
  /** 商品名称 */
  readonly description: string
  /** 商户数据包 */
  readonly attach: string
  /** 手续费 */
  readonly fee: number
  /** 费率, as it is written: `0.60%` */
  readonly feeRate: string
}

export interface TradeBill {
  /** `yyyy-MM-dd`, in Beijing time. */
  readonly day: string
  /** In file order, which is not chronological. */
  readonly rows: readonly TradeBillRow[]
  /** The bill's own totals. */
  readonly summary: TradeBillSummary
}

export interface TradeBillSummary {
  /** 总交易单数 */
  readonly count: number
  /** 订单总金额 */
  readonly total: number
  /** 应结订单总金额 */
  readonly settlementTotal: number
  /** 申请退款总金额 */
  readonly refund: number
  /** 退款总金额 */
  readonly settlementRefund: number
  /** 充值券退款总金额 */
  readonly couponRefund: number
  /** 手续费总金额 */
  readonly fee: number
}

const TITLES =
  '交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注'.split(
    ',',
  )

const SUMMARY = '总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额'.split(
  ',',
)

/**
 * Requests, downloads and reads a day's bill; available from 10:00 of the next day, for three months.
 * @throws BillError when it is damaged, unreadable, of another day or merchant, or disagrees with its own totals: do
 * not use any of it then
 * @throws UnknownOutcomeError, NotSentError, GatewayRefusedError, FieldError
 */
export async function fetchTradeBill(
  transport: Transport,
  day: string,
  options?: DownloadOptions,
): Promise<TradeBill | Refusal<BillCode>> {
  const query = `tradebill?bill_date=${checkedDay(day)}&bill_type=ALL&tar_type=GZIP`
  const text = await fetchBill(transport, query, options)
  return typeof text === 'string' ? readTradeBill(text, day, transport.mchId) : text
}

/** @throws BillError, like `fetchTradeBill` */
export function readTradeBill(text: string, day: string, mchId: string): TradeBill {
  const table = readBillTable(text, TITLES, SUMMARY, '商品名称')
  const rows = table.rows.map(readRow)
  for (const row of rows) {
    const written = writeTime(row.time)
    if (!written.startsWith(day))
      throw new BillError('BILL_OF_ANOTHER_DATE', `The bill has a row dated ${written}; ${day} was requested.`)
    if (row.mchId !== mchId)
      throw new BillError('BILL_OF_ANOTHER_MERCHANT', `The bill has a row of the merchant ${row.mchId}.`)
  }
  const summary = readSummary(table)
  compare(rows, summary)
  return { day, rows, summary }
}

const KINDS: Readonly<Record<string, TradeBillRow['kind']>> = {
  SUCCESS: 'payment',
  REFUND: 'refund',
  REVOKED: 'revocation',
}

function readRow({ text, fen, time }: Row): TradeBillRow {
  const kind = KINDS[text('交易状态')]
  if (!kind || !text('微信订单号') || !text('商户订单号')) throw unreadable('a row has no state or numbers')
  // Payments have a 0 in the column of the refund number.
  const number = (title: string) => (text(title) === '0' ? '' : text(title))
  const row: TradeBillRow = {
    kind,
    time: time('交易时间'),
    appId: text('公众账号ID'),
    mchId: text('商户号'),
    transactionId: text('微信订单号'),
    outTradeNo: text('商户订单号'),
    openid: text('用户标识'),
    tradeType: text('交易类型'),
    bank: text('付款银行'),
    currency: text('货币种类'),
    total: fen('订单金额'),
    settlementTotal: fen('应结订单金额'),
    coupon: fen('代金券金额'),
    refundId: number('微信退款单号'),
    outRefundNo: number('商户退款单号'),
    refund: fen('申请退款金额'),
    settlementRefund: fen('退款金额'),
    couponRefund: fen('充值券退款金额'),
    refundChannel: text('退款类型'),
    refundStatus: text('退款状态'),
    description: text('商品名称'),
    attach: text('商户数据包'),
    fee: fen('手续费'),
    feeRate: text('费率'),
  }
  // Cells shifted by a surplus comma would show here.
  if ((row.kind === 'refund') !== (row.outRefundNo !== '') || row.currency !== 'CNY')
    throw unreadable('a row is neither a payment nor a refund, in CNY')
  return row
}

const readSummary = ({ summary: { count, fen } }: BillTable): TradeBillSummary => ({
  count: count('总交易单数'),
  total: fen('订单总金额'),
  settlementTotal: fen('应结订单总金额'),
  refund: fen('申请退款总金额'),
  settlementRefund: fen('退款总金额'),
  couponRefund: fen('充值券退款总金额'),
  fee: fen('手续费总金额'),
})

/** It is not documented which rows the totals count, nor the sign of a returned fee: every such reading is accepted. */
function compare(rows: readonly TradeBillRow[], summary: TradeBillSummary): void {
  const payments = rows.filter(({ kind }) => kind === 'payment')
  agree('count', summary.count, rows.length, payments.length)
  for (const name of ['total', 'settlementTotal', 'refund', 'settlementRefund', 'couponRefund'] as const)
    agree(name, summary[name], sum(rows, name))
  agree('fee', summary.fee, sum(rows, 'fee'), sum(payments, 'fee'))
}

const sum = (
  rows: readonly TradeBillRow[],
  name: 'total' | 'settlementTotal' | 'refund' | 'settlementRefund' | 'couponRefund' | 'fee',
): number => rows.reduce((soFar, row) => soFar + row[name], 0)
