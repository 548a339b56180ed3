/** The account ledger, detail and summary (Alipay, bills, signcustomer: 账务明细). */
import { type Fen, toFen, yuan, ZERO } from '../../core/money.ts'
import type { Period } from '../../core/period.ts'
import { beijing } from '../../core/time.ts'
import { type BillRow, cell, chinese, counterparty, heading, lines, rule } from './trade-bill.ts'

const TITLES =
  '账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注'

/** `opening` is the balance before the period's first movement. Rows must be in chronological order. */
export function accountDetail(
  account: string,
  period: Period,
  rows: readonly BillRow[],
  opening: Fen,
  now: number,
): string {
  const { income, expense, incomes, expenses } = sums(rows)
  let balance = opening
  const movements = rows.map((row, index) => {
    balance = toFen(row.refund ? balance - row.refund.amount : balance + row.trade.total)
    return movementLine(row, period, index, balance)
  })
  return lines([
    '#支付宝账务明细查询',
    ...heading(account, period),
    `#${rule(41)}账务明细列表${rule(40)}`,
    TITLES,
    ...movements,
    `#${rule(41)}账务明细列表结束${rule(36)}`,
    `#支出合计：${expenses}笔，共${yuan(toFen(-expense))}元`,
    `#收入合计：${incomes}笔，共${yuan(income)}元`,
    `#导出时间：[${chinese(now)}]`,
  ])
}

export function accountSummary(account: string, period: Period, rows: readonly BillRow[], now: number): string {
  const { income, expense, incomes, expenses } = sums(rows)
  return lines([
    '#支付宝账务汇总查询',
    ...heading(account, period),
    `#${rule(41)}账务汇总列表${rule(40)}`,
    '业务类型,收入笔数,收入金额（+元）,支出笔数,支出金额（-元）',
    `在线支付,${incomes},${yuan(income)},0,0.00`,
    `交易退款,0,0.00,${expenses},${yuan(toFen(-expense))}`,
    `合计,${incomes},${yuan(income)},${expenses},${yuan(toFen(-expense))}`,
    `#${rule(40)}账务汇总列表结束${rule(37)}`,
    `#导出时间：[${chinese(now)}]`,
  ])
}

function movementLine({ trade, buyer, refund }: BillRow, period: Period, index: number, balance: Fen): string {
  return [
    `${period.digits}${String(index + 1).padStart(9, '0')}\t`,
    `${trade.tradeNo}\t`,
    `${trade.outTradeNo}\t`,
    cell(trade.subject),
    beijing(refund?.at ?? trade.paidAt ?? trade.createdAt),
    `${counterparty(buyer)}\t`,
    refund ? '0.00' : yuan(trade.total),
    refund ? yuan(toFen(-refund.amount)) : '0.00',
    yuan(balance),
    '支付宝',
    refund ? '交易退款' : '在线支付',
    cell(trade.request.order.body ?? ''),
  ].join(',')
}

function sums(rows: readonly BillRow[]) {
  const income = rows.reduce((sum, { trade, refund }) => (refund ? sum : toFen(sum + trade.total)), ZERO)
  const expense = rows.reduce((sum, { refund }) => (refund ? toFen(sum + refund.amount) : sum), ZERO)
  const expenses = rows.filter(({ refund }) => refund).length
  return { income, expense, incomes: rows.length - expenses, expenses }
}
