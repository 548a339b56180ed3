/** One line of the detail file of a trade bill (Alipay, "Bills: detail file"), as typed fields in fen. */
import { readSignedAmount, readTime } from '@xuecheng/client-kit'

/** Amounts in fen, negative on refunds. */
export interface BillRow {
  /** 支付宝交易号 */
  readonly tradeNo: string
  /** 商户订单号 */
  readonly outTradeNo: string
  /** 业务类型: 交易 or 退款 */
  readonly kind: 'trade' | 'refund'
  /** 商品名称 */
  readonly subject: string
  /** 创建时间: when the trade was created, on refunds too */
  readonly createdAt: Date
  /** 完成时间: when it was paid, or refunded */
  readonly completedAt: Date
  /** 门店编号 */
  readonly storeNo: string
  /** 门店名称 */
  readonly storeName: string
  /** 操作员 */
  readonly operator: string
  /** 终端号 */
  readonly terminal: string
  /** 对方账户, masked */
  readonly account: string
  /** 订单金额 */
  readonly orderAmount: number
  /** 商家实收 */
  readonly receiptAmount: number
  /** 支付宝红包 */
  readonly alipayRedPacket: number
  /** 集分宝 */
  readonly pointAmount: number
  /** 支付宝优惠 */
  readonly alipayDiscount: number
  /** 商家优惠 */
  readonly merchantDiscount: number
  /** 券核销金额 */
  readonly voucherAmount: number
  /** 券名称 */
  readonly voucherName: string
  /** 商家红包消费金额 */
  readonly merchantRedPacket: number
  /** 卡消费金额 */
  readonly cardAmount: number
  /** 退款批次号/请求号: the refund's out_request_no; '' on trades */
  readonly refundRequestNo: string
  /** 服务费 */
  readonly serviceFee: number
  /** 分润 */
  readonly royalty: number
  /** 备注: the order's body */
  readonly remark: string
}

export const TITLES: readonly string[] =
  '支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注'.split(
    ',',
  )

const COLUMNS = 25
const SUBJECT = 3
const VOUCHER_NAME = 18
/** A line with more surplus commas than this is not a bill line. */
const MAX_EXTRA = 64

/**
 * A bill quotes nothing, so a comma in a subject or a remark looks like a column separator. Columns are counted from
 * both ends and every way to distribute the surplus commas over the free-text columns is tried; the row is the only way
 * in which every time and amount parses. Undefined when no way, or more than one, does.
 */
export function readBillRow(line: string): BillRow | undefined {
  const cells = line.split(',')
  const surplus = cells.length - COLUMNS
  if (surplus < 0 || surplus > MAX_EXTRA) return undefined
  const found: BillRow[] = []
  for (let inSubject = 0; inSubject <= surplus; inSubject += 1) {
    // The two times that follow show where the subject ends.
    if (!isTime(cells[SUBJECT + inSubject + 1]) || !isTime(cells[SUBJECT + inSubject + 2])) continue
    const first = joinAt(cells, SUBJECT, inSubject)
    for (let inVoucher = 0; inVoucher <= surplus - inSubject; inVoucher += 1) {
      const second = joinAt(first, VOUCHER_NAME, inVoucher)
      const row = readCells([...second.slice(0, COLUMNS - 1), second.slice(COLUMNS - 1).join(',')])
      if (row) found.push(row)
    }
  }
  return found.length === 1 ? found[0] : undefined
}

const isTime = (cell: string | undefined): boolean => readTime(cell?.trim()) !== undefined

const joinAt = (cells: readonly string[], at: number, more: number): string[] => [
  ...cells.slice(0, at),
  cells.slice(at, at + more + 1).join(','),
  ...cells.slice(at + more + 1),
]

const KINDS: Readonly<Record<string, BillRow['kind']>> = { 交易: 'trade', 退款: 'refund' }

function readCells(cells: readonly string[]): BillRow | undefined {
  const text = (column: number) => (cells[column] ?? '').replace(/\t+$/, '').trim()
  const amounts = [11, 12, 13, 14, 15, 16, 17, 19, 20, 22, 23].map((column) => readSignedAmount(text(column)))
  const kind = KINDS[text(2)]
  const [createdAt, completedAt] = [readTime(text(4)), readTime(text(5))]
  if (!kind || !createdAt || !completedAt || !text(0) || !areAll(amounts)) return undefined
  const amount = (index: number) => amounts[index] ?? 0
  return {
    tradeNo: text(0),
    outTradeNo: text(1),
    kind,
    subject: text(SUBJECT),
    createdAt,
    completedAt,
    storeNo: text(6),
    storeName: text(7),
    operator: text(8),
    terminal: text(9),
    account: text(10),
    orderAmount: amount(0),
    receiptAmount: amount(1),
    alipayRedPacket: amount(2),
    pointAmount: amount(3),
    alipayDiscount: amount(4),
    merchantDiscount: amount(5),
    voucherAmount: amount(6),
    voucherName: text(VOUCHER_NAME),
    merchantRedPacket: amount(7),
    cardAmount: amount(8),
    refundRequestNo: text(21),
    serviceFee: amount(9),
    royalty: amount(10),
    remark: text(24),
  }
}

const areAll = (amounts: readonly (number | undefined)[]): amounts is number[] =>
  amounts.every((amount) => amount !== undefined)
