/** A day's fund flow (`GET /v3/bill/fundflowbill`): every movement of the merchant's balance, fees among them. */
import { BillError, writeTime } from '@xuecheng/client-kit'
import { checkedDay, type DownloadOptions, fetchBill } from './bill-file.ts'
import { agree, type Row, readBillTable, unreadable } from './bill-table.ts'
import type { Transport } from './execute.ts'
import type { BillCode, Refusal } from './refusals.ts'

/** Amounts in fen. */
export interface FundFlowRow {
  /** 记账时间 */
  readonly time: Date
  /** 微信支付业务单号 */
  readonly businessNo: string
  /** 资金流水单号 */
  readonly flowNo: string
  /** 业务名称 */
  readonly name: string
  /** 业务类型 */
  readonly type: string
  /** 收支类型: 收入 or 支出 */
  readonly direction: 'in' | 'out'
  /** 收支金额, never negative */
  readonly amount: number
  /** 账户结余, after this movement */
  readonly balance: number
  /** 资金变更提交申请人 */
  readonly submittedBy: string
  /** 备注 */
  readonly remark: string
  /** 业务凭证号 */
  readonly voucherNo: string
}

export interface FundFlowBill {
  /** `yyyy-MM-dd`, in Beijing time. */
  readonly day: string
  readonly rows: readonly FundFlowRow[]
  /** The bill's own totals. */
  readonly summary: {
    readonly count: number
    readonly inCount: number
    readonly inAmount: number
    readonly outCount: number
    readonly outAmount: number
  }
}

export interface FundFlowOptions extends DownloadOptions {
  /** The merchant's account; `BASIC` by default. */
  readonly accountType?: 'BASIC' | 'OPERATION' | 'FEES' | undefined
}

const TITLES =
  '记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号'.split(
    ',',
  )

const SUMMARY = '资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额'.split(',')

/** @throws like `fetchTradeBill` */
export async function fetchFundFlowBill(
  transport: Transport,
  day: string,
  { accountType = 'BASIC', ...options }: FundFlowOptions = {},
): Promise<FundFlowBill | Refusal<BillCode>> {
  const query = `fundflowbill?bill_date=${checkedDay(day)}&account_type=${accountType}&tar_type=GZIP`
  const text = await fetchBill(transport, query, options)
  return typeof text === 'string' ? readFundFlowBill(text, day) : text
}

/** @throws BillError, like `fetchTradeBill` */
export function readFundFlowBill(text: string, day: string): FundFlowBill {
  const { rows: lines, summary } = readBillTable(text, TITLES, SUMMARY, '备注')
  const rows = lines.map(readRow)
  for (const { time } of rows) {
    const written = writeTime(time)
    if (!written.startsWith(day))
      throw new BillError('BILL_OF_ANOTHER_DATE', `The bill has a row dated ${written}; ${day} was requested.`)
  }
  const said = {
    count: summary.count('资金流水总笔数'),
    inCount: summary.count('收入笔数'),
    inAmount: summary.fen('收入金额'),
    outCount: summary.count('支出笔数'),
    outAmount: summary.fen('支出金额'),
  }
  const of = (direction: FundFlowRow['direction']) => rows.filter((row) => row.direction === direction)
  const sum = (some: readonly FundFlowRow[]) => some.reduce((soFar, { amount }) => soFar + amount, 0)
  agree('count', said.count, rows.length)
  agree('count of takings', said.inCount, of('in').length)
  agree('takings', said.inAmount, sum(of('in')))
  agree('count of payments', said.outCount, of('out').length)
  agree('payments', said.outAmount, sum(of('out')))
  return { day, rows, summary: said }
}

const DIRECTIONS: Readonly<Record<string, FundFlowRow['direction']>> = { 收入: 'in', 支出: 'out' }

function readRow({ text, fen, time }: Row): FundFlowRow {
  const direction = DIRECTIONS[text('收支类型')]
  const amount = fen('收支金额(元)')
  if (!direction || amount < 0) throw unreadable('a row is neither income nor expense')
  return {
    time: time('记账时间'),
    businessNo: text('微信支付业务单号'),
    flowNo: text('资金流水单号'),
    name: text('业务名称'),
    type: text('业务类型'),
    direction,
    amount,
    balance: fen('账户结余(元)'),
    submittedBy: text('资金变更提交申请人'),
    remark: text('备注'),
    voucherNo: text('业务凭证号'),
  }
}
