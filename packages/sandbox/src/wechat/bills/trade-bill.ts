/** A day's payments and refunds: `ALL`, `SUCCESS` and `REFUND`, each with its own columns and totals. */
import { type Fen, toFen, yuan } from '../../core/money.ts'
import { beijing } from '../../core/time.ts'
import type { WechatMerchant } from '../merchants.ts'
import { openidOf } from '../notifications/messages.ts'
import type { WechatRefund } from '../trades/refunds.ts'
import { billFile, type Column, type Entry, escaped, feeOf, sum, type Total, ZERO } from './bill-file.ts'

export const TRADE_BILLS = ['ALL', 'SUCCESS', 'REFUND'] as const
export type TradeBillType = (typeof TRADE_BILLS)[number]

interface Row extends Entry {
  /** Negative if it is returned. */
  readonly fee: Fen
  readonly rate: string
}

const paidIn = ({ refund, trade }: Entry): Fen => (refund ? ZERO : trade.total)
const sentBack = ({ refund }: Entry): Fen => refund?.amount ?? ZERO
/** Whole fen, printed with five decimals. */
const feeText = (fee: Fen): string => `${yuan(fee)}000`

const TRADE: readonly Column<Row>[] = [
  ['交易时间', ({ at }) => beijing(at)],
  ['公众账号ID', ({ trade }) => trade.appId],
  ['商户号', ({ trade }) => trade.mchId],
  ['特约商户号', () => '0'],
  ['设备号', () => ''],
  ['微信订单号', ({ trade }) => trade.transactionId ?? ''],
  ['商户订单号', ({ trade }) => trade.outTradeNo],
  ['用户标识', ({ trade }) => openidOf(trade.buyerId ?? '')],
  ['交易类型', ({ trade }) => trade.tradeType],
  ['交易状态', ({ refund }) => (refund ? 'REFUND' : 'SUCCESS')],
  ['付款银行', () => 'OTHERS'],
  ['货币种类', () => 'CNY'],
  ['应结订单金额', (row) => yuan(paidIn(row))],
  ['代金券金额', () => '0.00'],
]
const TIMES: readonly Column<Row>[] = [
  ['退款申请时间', ({ refund }) => when(refund?.createdAt)],
  ['退款成功时间', ({ refund }) => when(refund?.successAt)],
]
const BACK: readonly Column<Row>[] = [
  ['微信退款单号', ({ refund }) => refund?.refundId ?? '0'],
  ['商户退款单号', ({ refund }) => refund?.outRefundNo ?? '0'],
  ['退款金额', (row) => yuan(sentBack(row))],
  ['充值券退款金额', () => '0.00'],
  ['退款类型', ({ refund }) => (refund ? 'ORIGINAL' : '')],
  ['退款状态', ({ refund }) => (refund ? statusOf(refund) : '')],
]
const GOODS: readonly Column<Row>[] = [
  ['商品名称', ({ trade }) => escaped(trade.description)],
  ['商户数据包', ({ trade }) => escaped(trade.attach ?? '')],
  ['手续费', ({ fee }) => feeText(fee)],
  ['费率', ({ rate }) => rate],
  ['订单金额', (row) => yuan(paidIn(row))],
]
const ASKED: Column<Row> = ['申请退款金额', (row) => yuan(sentBack(row))]
const NOTE: Column<Row> = ['费率备注', () => '']

const COLUMNS: Readonly<Record<TradeBillType, readonly Column<Row>[]>> = {
  ALL: [...TRADE, ...BACK, ...GOODS, ASKED, NOTE],
  SUCCESS: [...TRADE, ...GOODS, NOTE],
  REFUND: [...TRADE, ...TIMES, ...BACK, ...GOODS, ASKED, NOTE],
}

export function tradeBill(merchant: WechatMerchant, entries: readonly Entry[], type: TradeBillType): string {
  const { feeRate } = merchant.rules
  const rows = entries.map((entry): Row => {
    const { refund, trade } = entry
    const fee = refund ? toFen(-feeOf(refund.amount, feeRate)) : trade.fee
    return { ...entry, fee, rate: rateText(feeRate) }
  })
  return billFile(COLUMNS[type], rows, totalsOf(rows, type))
}

function totalsOf(rows: readonly Row[], type: TradeBillType): Total[] {
  const count: Total = ['总交易单数', String(rows.length)]
  const paid = yuan(sum(rows.map(paidIn)))
  const back = yuan(sum(rows.map(sentBack)))
  const fees: Total = ['手续费总金额', feeText(sum(rows.map(({ fee }) => fee)))]
  const ordered: Total = ['订单总金额', paid]
  if (type === 'SUCCESS') return [count, ['应结订单总金额', paid], fees, ordered]
  return [
    count,
    ['应结订单总金额', paid],
    ['退款总金额', back],
    ['充值券退款总金额', '0.00'],
    fees,
    ordered,
    ['申请退款总金额', back],
  ]
}

/** Bills use other words than answers. */
const statusOf = ({ status }: WechatRefund): string =>
  ({ SUCCESS: 'SUCCESS', PROCESSING: 'PROCESSING', CLOSED: 'FAIL', ABNORMAL: 'CHANGE' })[status]

const when = (at: number | undefined): string => (at === undefined ? '' : beijing(at))

const rateText = (rate: number): string => `${Math.floor(rate / 100)}.${String(rate % 100).padStart(2, '0')}%`
