/** The summary file of a trade bill (Alipay, "Bills: summary file"): one row per store, and a total. */
import { BillError, readSignedAmount } from '@xuecheng/client-kit'

/** Amounts in fen. */
export interface BillSummaryRow {
  /** 门店编号; '' for trades without a store. */
  readonly storeNo: string
  /** 门店名称 */
  readonly storeName: string
  /** 交易订单总笔数 */
  readonly tradeCount: number
  /** 退款订单总笔数 */
  readonly refundCount: number
  /** 订单金额 */
  readonly orderAmount: number
  /** 商家实收 */
  readonly receiptAmount: number
  /** 支付宝优惠 */
  readonly alipayDiscount: number
  /** 商家优惠 */
  readonly merchantDiscount: number
  /** 卡消费金额 */
  readonly cardAmount: number
  /** 服务费 */
  readonly serviceFee: number
  /** 分润 */
  readonly royalty: number
  /** 实收净额 */
  readonly netAmount: number
}

export interface BillSummary {
  readonly stores: readonly BillSummaryRow[]
  readonly total: BillSummaryRow
}

const TITLES =
  '门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）'

/** @throws BillError when it cannot be read, or its total is not the sum of its rows */
export function readBillSummary(text: string): BillSummary {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'))
  if (lines[0]?.replace(/\t/g, '') !== TITLES) throw unreadable('its column titles are unknown')
  const rows = lines.slice(1).map(readRow)
  const total = rows.at(-1)
  if (!total?.storeNo.startsWith('合计')) throw unreadable('its total is missing')
  const stores = rows.slice(0, -1)
  // Without stores the total may be the only row; it is then checked against the detail file.
  for (const name of stores.length > 0 ? SUMMED : []) {
    const sum = stores.reduce((soFar, store) => soFar + store[name], 0)
    if (sum !== total[name])
      throw new BillError(
        'BILL_DISAGREES',
        `The summary's total (${name}: ${total[name]}) is not the sum of its rows (${sum}).`,
      )
  }
  return { stores, total }
}

const SUMMED = [
  'tradeCount',
  'refundCount',
  'orderAmount',
  'receiptAmount',
  'alipayDiscount',
  'merchantDiscount',
  'cardAmount',
  'serviceFee',
  'royalty',
  'netAmount',
] as const

/** Columns are counted from the right: only a store's name can contain a comma. */
function readRow(line: string): BillSummaryRow {
  const cells = line.split(',').map((cell) => cell.trim())
  const numbers = cells.slice(-10)
  const count = (index: number) => {
    const text = numbers[index] ?? ''
    if (!/^\d{1,9}$/.test(text)) throw unreadable('a count is not a number')
    return Number(text)
  }
  const amount = (index: number) => {
    const fen = readSignedAmount(numbers[index])
    if (fen === undefined) throw unreadable('an amount is not a number')
    return fen
  }
  if (cells.length < 12) throw unreadable('a row has too few columns')
  return {
    storeNo: cells[0] ?? '',
    storeName: cells.slice(1, -10).join(','),
    tradeCount: count(0),
    refundCount: count(1),
    orderAmount: amount(2),
    receiptAmount: amount(3),
    alipayDiscount: amount(4),
    merchantDiscount: amount(5),
    cardAmount: amount(6),
    serviceFee: amount(7),
    royalty: amount(8),
    netAmount: amount(9),
  }
}

const unreadable = (why: string) => new BillError('BILL_NOT_UNDERSTOOD', `The bill's summary cannot be read: ${why}.`)
