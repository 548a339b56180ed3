/** The text of WeChat Pay's bills (WeChat Pay, "Bills: file format"): UTF-8 with a mark, CRLF, a backquote before every value. */
import { type Fen, toFen, yuan } from '../money.ts'
import { beijing } from '../time.ts'
import type { WechatMerchant } from './merchants.ts'
import { openidOf } from './messages.ts'
import type { WechatRefund, WechatTrade } from './trades.ts'

export interface Entry {
  readonly at: number
  readonly trade: WechatTrade
  /** Absent for the payment itself. */
  readonly refund: WechatRefund | undefined
}

const TITLES = [
  ...[
    '交易时间',
    '公众账号ID',
    '商户号',
    '特约商户号',
    '设备号',
    '微信订单号',
    '商户订单号',
    '用户标识',
    '交易类型',
    '交易状态',
  ],
  ...[
    '付款银行',
    '货币种类',
    '应结订单金额',
    '代金券金额',
    '微信退款单号',
    '商户退款单号',
    '退款金额',
    '充值券退款金额',
  ],
  ...['退款类型', '退款状态', '商品名称', '商户数据包', '手续费', '费率', '订单金额', '申请退款金额', '费率备注'],
]
const SUMMARY = [
  '总交易单数',
  '应结订单总金额',
  '退款总金额',
  '充值券退款总金额',
  '手续费总金额',
  '订单总金额',
  '申请退款总金额',
]

const FLOW_TITLES = [
  ...[
    '记账时间',
    '微信支付业务单号',
    '资金流水单号',
    '业务名称',
    '业务类型',
    '收支类型',
    '收支金额(元)',
    '账户结余(元)',
  ],
  ...['资金变更提交申请人', '备注', '业务凭证号'],
]
const FLOW_SUMMARY = ['资金流水总笔数', '收入笔数', '收入金额', '支出笔数', '支出金额']

const ZERO = toFen(0)
const sum = (amounts: readonly Fen[]): Fen => toFen(amounts.reduce((all, each) => all + each, 0))

/** What WeChat keeps of a payment, or gives back with a refund, to the fen. */
export const feeOf = (amount: Fen, rate: number): Fen => toFen(Math.floor((amount * rate + 5000) / 10_000))

/** The `ALL` bill: 27 columns. */
export function tradeBill(merchant: WechatMerchant, entries: readonly Entry[]): string {
  const { feeRate } = merchant.rules
  const fees = entries.map(({ trade, refund }) => (refund ? toFen(-feeOf(refund.amount, feeRate)) : trade.fee))
  const paid = sum(entries.flatMap(({ trade, refund }) => (refund ? [] : [trade.total])))
  const back = sum(entries.flatMap(({ refund }) => (refund ? [refund.amount] : [])))
  const rows = entries.map(({ at, trade, refund }, index) => [
    ...[beijing(at), trade.appId, trade.mchId, '0', '', trade.transactionId ?? '', trade.outTradeNo],
    ...[openidOf(trade.buyerId ?? ''), trade.tradeType, refund ? 'REFUND' : 'SUCCESS', 'OTHERS', 'CNY'],
    ...[yuan(refund ? ZERO : trade.total), '0.00', refund?.refundId ?? '0', refund?.outRefundNo ?? '0'],
    ...[yuan(refund?.amount ?? ZERO), '0.00', refund ? 'ORIGINAL' : '', refund ? statusOf(refund) : ''],
    ...[escaped(trade.description), escaped(trade.attach ?? ''), `${yuan(fees[index] ?? ZERO)}000`, rateOf(feeRate)],
    ...[yuan(refund ? ZERO : trade.total), yuan(refund?.amount ?? ZERO), ''],
  ])
  const totals = [
    String(entries.length),
    yuan(paid),
    yuan(back),
    '0.00',
    `${yuan(sum(fees))}000`,
    yuan(paid),
    yuan(back),
  ]
  return file(TITLES, rows, SUMMARY, totals)
}

/** The fund flow of the basic account: payments come in, fees and refunds go out. */
export function fundFlowBill(merchant: WechatMerchant, entries: readonly Entry[]): string {
  const { feeRate } = merchant.rules
  let balance: number = 0
  const flows = entries.flatMap(({ at, trade, refund }) => {
    const number = refund?.refundId ?? trade.transactionId ?? ''
    const fee = refund ? feeOf(refund.amount, feeRate) : trade.fee
    const main = {
      at,
      number,
      trade,
      name: refund ? '退款' : '交易',
      isIn: !refund,
      amount: refund?.amount ?? trade.total,
    }
    const kept = { at, number, trade, name: '扣除交易手续费', isIn: false, amount: fee }
    return fee > 0 && !refund ? [main, kept] : [main]
  })
  const rows = flows.map(({ at, number, trade, name, isIn, amount }, index) => {
    balance += isIn ? amount : -amount
    return [
      ...[beijing(at), number, trade.transactionId ?? '', name, name, isIn ? '收入' : '支出', yuan(amount)],
      ...[yuan(toFen(balance)), `${trade.mchId}API`, '', `S${String(index + 1).padStart(14, '0')}`],
    ]
  })
  const [inward, outward] = [flows.filter((flow) => flow.isIn), flows.filter((flow) => !flow.isIn)]
  const totals = [
    String(flows.length),
    ...[String(inward.length), yuan(sum(inward.map(({ amount }) => amount)))],
    ...[String(outward.length), yuan(sum(outward.map(({ amount }) => amount)))],
  ]
  return file(FLOW_TITLES, rows, FLOW_SUMMARY, totals)
}

/** The words of bills differ from those of answers. */
const statusOf = ({ status }: WechatRefund): string =>
  ({ SUCCESS: 'SUCCESS', PROCESSING: 'PROCESSING', CLOSED: 'FAIL', ABNORMAL: 'CHANGE' })[status]

const rateOf = (rate: number): string => `${Math.floor(rate / 100)}.${String(rate % 100).padStart(2, '0')}%`

const escaped = (text: string): string =>
  text.replace(/\\/g, '\\\\').replace(/,/g, '\\,').replace(/\r/g, '\\r').replace(/\n/g, '\\n')

const line = (cells: readonly string[]): string => cells.map((cell) => `\`${cell}`).join(',')

const file = (
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  summary: readonly string[],
  totals: readonly string[],
): string => `\uFEFF${[titles.join(','), ...rows.map(line), summary.join(','), line(totals)].join('\r\n')}\r\n`
