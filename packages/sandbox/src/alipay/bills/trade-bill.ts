/** The acquiring bill, detail and summary, line by line as Alipay writes them (Alipay, bills, 业务明细 and 业务明细(汇总)). */
import { type Buyer, maskedLogin } from '../../core/buyers.ts'
import { type Fen, toFen, yuan, ZERO } from '../../core/money.ts'
import type { Period } from '../../core/period.ts'
import { beijing } from '../../core/time.ts'
import type { Trade } from '../trades/trade.ts'

export interface BillRow {
  readonly trade: Trade
  readonly buyer: Buyer | undefined
  /** Set for a refund; absent for a sale. */
  readonly refund?: { readonly amount: Fen; readonly at: number; readonly outRequestNo: string }
}

const TITLES =
  '支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注'
const SUMMARY_TITLES =
  '门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）'

/** `account` is the seller's number with its suffix 0156; `now` goes into the export time. */
export function tradeDetail(account: string, period: Period, rows: readonly BillRow[], now: number): string {
  const { sales, refunds, sold, returned } = totals(rows)
  return lines([
    '#支付宝业务明细查询',
    ...heading(account, period),
    `#${rule(41)}业务明细列表${rule(40)}`,
    TITLES,
    ...rows.map(detailLine),
    `#${rule(41)}业务明细列表结束${rule(36)}`,
    `#交易合计：${sales}笔，商家实收共${yuan(sold)}元，商家优惠共0.00元`,
    `#退款合计：${refunds}笔，商家实收退款共${yuan(returned)}元，商家优惠退款共0.00元`,
    `#导出时间：[${chinese(now)}]`,
  ])
}

export function tradeSummary(account: string, period: Period, rows: readonly BillRow[], now: number): string {
  const { sales, refunds, sold, returned, fees } = totals(rows)
  const received = yuan(toFen(sold + returned))
  const net = yuan(toFen(sold + returned - fees))
  const cells = [sales, refunds, received, received, '0.00', '0.00', '0.00', fee(fees), '0.00', net].join(',')
  return lines([
    '#支付宝业务汇总查询',
    ...heading(account, period),
    `#${rule(41)}业务汇总列表${rule(40)}`,
    SUMMARY_TITLES,
    `\t,\t,${cells}`,
    `合计,\t,${cells}`,
    `#${rule(40)}业务汇总列表结束${rule(37)}`,
    `#导出时间：[${chinese(now)}]`,
  ])
}

export function heading(account: string, { from, until }: Period): string[] {
  return [`#账号：[${account}]`, `#起始日期：[${chinese(from)}]   终止日期：[${chinese(until)}]`]
}

export function rule(length: number): string {
  return '-'.repeat(length)
}

export function lines(all: readonly string[]): string {
  return `${all.join('\r\n')}\r\n`
}

/** `2019年09月16日 00:00:00`. */
export function chinese(at: number): string {
  return beijing(at).replace(/^(\d{4})-(\d{2})-(\d{2})/, '$1年$2月$3日')
}

/** A buyer as bills show it: `*买家(buy***@sandbox.example)`. */
export function counterparty(buyer: Buyer | undefined): string {
  return buyer ? `*${[...buyer.name].slice(1).join('')}(${maskedLogin(buyer.login)})` : ''
}

/** Text for one cell: Alipay quotes nothing, so only line breaks are removed. */
export function cell(text: string): string {
  return text.replace(/[\r\n\t]+/g, ' ')
}

function detailLine({ trade, buyer, refund }: BillRow): string {
  const amount = yuan(refund ? toFen(-refund.amount) : trade.total)
  return [
    `${trade.tradeNo}\t`,
    `${trade.outTradeNo}\t`,
    refund ? '退款\t' : '交易\t',
    cell(trade.subject),
    beijing(trade.createdAt),
    beijing(refund?.at ?? trade.paidAt ?? trade.createdAt),
    '\t',
    '\t',
    '\t',
    '\t',
    `${counterparty(buyer)}\t`,
    amount,
    amount,
    '0.00',
    '0.00',
    '0.00',
    '0.00',
    '0.00',
    '',
    '0.00\t',
    '0.00',
    `${refund?.outRequestNo ?? ''}\t`,
    // Negative on sales; each merchant's contract says whether a refund returns it. Here it does not.
    refund ? '0.00' : fee(trade.fee),
    '0.00',
    cell(trade.request.order.body ?? ''),
  ].join(',')
}

const fee = (amount: Fen): string => (amount === 0 ? '0.00' : yuan(toFen(-amount)))

function totals(rows: readonly BillRow[]) {
  let sales = 0
  let refunds = 0
  let sold = ZERO
  let returned = ZERO
  let fees = ZERO
  for (const { trade, refund } of rows) {
    if (refund) {
      refunds += 1
      returned = toFen(returned - refund.amount)
    } else {
      sales += 1
      sold = toFen(sold + trade.total)
      fees = toFen(fees + trade.fee)
    }
  }
  return { sales, refunds, sold, returned, fees }
}
