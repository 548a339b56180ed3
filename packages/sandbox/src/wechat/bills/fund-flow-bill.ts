/** A day's fund flow of the basic account: payments in, fees and refunds out. */
import { type Fen, subtract, toFen, yuan } from '../../core/money.ts'
import { beijing } from '../../core/time.ts'
import type { WechatMerchant } from '../merchants.ts'
import type { WechatTrade } from '../trades/trades.ts'
import { billFile, type Column, type Entry, feeOf, sum } from './bill-file.ts'

interface Flow {
  readonly at: number
  readonly trade: WechatTrade
  /** The payment's number, or the refund's. */
  readonly number: string
  readonly name: string
  readonly isIn: boolean
  readonly amount: Fen
  readonly remark: string
}

interface Row extends Flow {
  readonly balance: Fen
  readonly receipt: string
}

const COLUMNS: readonly Column<Row>[] = [
  ['记账时间', ({ at }) => beijing(at)],
  ['微信支付业务单号', ({ number }) => number],
  ['资金流水单号', ({ trade }) => trade.transactionId ?? ''],
  ['业务名称', ({ name }) => name],
  ['业务类型', ({ name }) => name],
  ['收支类型', ({ isIn }) => (isIn ? '收入' : '支出')],
  ['收支金额(元)', ({ amount }) => yuan(amount)],
  ['账户结余(元)', ({ balance }) => yuan(balance)],
  ['资金变更提交申请人', ({ trade }) => `${trade.mchId}API`],
  ['备注', ({ remark }) => remark],
  ['业务凭证号', ({ receipt }) => receipt],
]

export function fundFlowBill(merchant: WechatMerchant, entries: readonly Entry[]): string {
  let balance: number = 0
  const rows = entries
    .flatMap((entry) => flowsOf(entry, merchant.rules.feeRate))
    .map((flow, index): Row => {
      balance += flow.isIn ? flow.amount : -flow.amount
      return { ...flow, balance: toFen(balance), receipt: `S${String(index + 1).padStart(14, '0')}` }
    })
  const [inward, outward] = [rows.filter(({ isIn }) => isIn), rows.filter(({ isIn }) => !isIn)]
  return billFile(COLUMNS, rows, [
    ['资金流水总笔数', String(rows.length)],
    ['收入笔数', String(inward.length)],
    ['收入金额', yuan(sum(inward.map(({ amount }) => amount)))],
    ['支出笔数', String(outward.length)],
    ['支出金额', yuan(sum(outward.map(({ amount }) => amount)))],
  ])
}

function flowsOf({ at, trade, refund }: Entry, feeRate: number): Flow[] {
  if (refund) {
    // The fee that WeChat returns stays with the merchant: the account loses the rest, and the remark shows both.
    const fee = feeOf(refund.amount, feeRate)
    const remark = `退款总金额${yuan(refund.amount)}元;含手续费${yuan(fee)}元`
    const amount = subtract(refund.amount, fee)
    return [{ at, trade, number: refund.refundId, name: '退款', isIn: false, amount, remark }]
  }
  const common = { at, trade, number: trade.transactionId ?? '', remark: '' }
  const came: Flow = { ...common, name: '交易', isIn: true, amount: trade.total }
  const kept: Flow = { ...common, name: '扣除交易手续费', isIn: false, amount: trade.fee }
  return trade.fee > 0 ? [came, kept] : [came]
}
