/** A day's or month's trade bill: both files, read and checked against each other and against their own totals. */
import { BillError, readSignedAmount, readTime, writeTime } from '@xuecheng/client-kit'
import { type BillRow, readBillRow, TITLES } from './bill-row.ts'
import { type BillSummary, readBillSummary } from './bill-summary.ts'
import { unzip, type ZipEntry } from './unzip.ts'

export interface TradeBill {
  /** The merchant's account: its 2088… number and `0156`. */
  readonly account: string
  readonly from: Date
  /** The midnight after the last moment. */
  readonly until: Date
  /** When Alipay wrote it. */
  readonly exportedAt: Date | undefined
  /** Trades and refunds in the file's order. */
  readonly rows: readonly BillRow[]
  readonly summary: BillSummary
}

/** More than this could not become one string. */
const MAX_UNPACKED = 256 * 1024 * 1024

/**
 * Reads the archive that `downloadBill` returned.
 * @throws BillError when it is damaged (`BILL_ARCHIVE_DAMAGED`, `BILL_TOO_LARGE`), cannot be read
 * (`BILL_NOT_UNDERSTOOD`), or its totals do not match its rows (`BILL_DISAGREES`): do not use any of it then
 */
export async function readTradeBill(archive: Buffer, maxBytes: number = MAX_UNPACKED): Promise<TradeBill> {
  const files = await unzip(archive, maxBytes)
  const summaryFile = fileThat(files, /汇总/, '#支付宝业务汇总查询')
  const detailFile = fileThat(files, /明细(?!.*汇总)/, '#支付宝业务明细查询')
  const bill = readDetail(detailFile)
  const summary = readBillSummary(summaryFile)
  compare(bill.rows, summary)
  return { ...bill, summary }
}

/** Identifies a file by its first line, because names and order in the archive are not documented. */
function fileThat(files: readonly ZipEntry[], name: RegExp, firstLine: string): string {
  const texts = files.map((file) => ({ file, text: new TextDecoder('gbk').decode(file.content) }))
  const found = texts.find(({ text }) => text.startsWith(firstLine)) ?? texts.find(({ file }) => name.test(file.name))
  if (!found) throw unreadable(`${firstLine.slice(1)} is missing`)
  return found.text
}

/** @throws BillError when it covers another period. The address was signed, but the download itself is not. */
export function checkBillDate(bill: TradeBill, billDate: string): TradeBill {
  const [from, until] = [writeTime(bill.from), writeTime(bill.until)]
  const ofMonth = bill.until.getTime() - bill.from.getTime() > 27 * DAY_MS
  if (from === `${billDate.padEnd(10, '-01')} 00:00:00` && ofMonth === (billDate.length === 7)) return bill
  throw new BillError('BILL_OF_ANOTHER_DATE', `The bill covers ${from} to ${until}; ${billDate} was requested.`)
}

const DAY_MS = 86_400_000

function readDetail(text: string): Omit<TradeBill, 'summary'> {
  const lines = text.split(/\r?\n/)
  const comment = (pattern: RegExp) =>
    lines.flatMap((line) => (line.startsWith('#') ? [pattern.exec(line)] : [])).find((found) => found !== null)
  const account = comment(/^#账号：\[(\d+)\]/)?.[1]
  const [, from, until] = comment(/起始日期：\[([^\]]+)\]\s*终止日期：\[([^\]]+)\]/) ?? []
  const [start, end] = [readChineseTime(from), readChineseTime(until)]
  if (!account || !start || !end) throw unreadable('its heading has no account or dates')
  const titlesAt = lines.findIndex((line) => line.startsWith(TITLES[0] ?? ''))
  const titles = lines[titlesAt]?.split(',').map((title) => title.trim())
  if (titles?.join() !== TITLES.join()) throw unreadable('its columns are unknown')
  const rows: BillRow[] = []
  let at = titlesAt + 1
  for (; at < lines.length && !lines[at]?.startsWith('#'); at += 1) {
    if (lines[at]?.trim() === '') continue
    const row = readBillRow(lines[at] ?? '')
    if (!row) throw unreadable(`line ${at + 1} does not match the columns`)
    rows.push(row)
  }
  if (!/业务明细列表结束/.test(lines[at] ?? '')) throw unreadable('the end of its list is missing; it may be truncated')
  checkTrailer(lines.slice(at + 1), rows)
  const exportedAt = readChineseTime(comment(/导出时间：\[([^\]]+)\]/)?.[1])
  return { account, from: start, until: end, exportedAt, rows }
}

/** `2019年09月16日 00:00:00` in Beijing. */
const readChineseTime = (text: string | undefined): Date | undefined =>
  readTime(text?.replace(/^(\d{4})年(\d{2})月(\d{2})日/, '$1-$2-$3'))

/** The two lines under the list: the counts, the merchant's takings and its discounts. */
function checkTrailer(trailer: readonly string[], rows: readonly BillRow[]): void {
  const expected: readonly [BillRow['kind'], RegExp][] = [
    ['trade', /^#交易合计：(\d+)笔，商家实收共(-?[\d.]+)元，商家优惠共(-?[\d.]+)元/],
    ['refund', /^#退款合计：(\d+)笔，商家实收退款共(-?[\d.]+)元，商家优惠退款共(-?[\d.]+)元/],
  ]
  for (const [kind, pattern] of expected) {
    const found = trailer.map((line) => pattern.exec(line)).find((match) => match !== null)
    if (!found) throw unreadable('its totals are missing')
    const ours = rows.filter((row) => row.kind === kind)
    agree(`count of ${kind}s`, Number(found[1]), ours.length)
    agree(`takings of ${kind}s`, readSignedAmount(found[2]), sum(ours, 'receiptAmount'))
    agree(`discounts of ${kind}s`, readSignedAmount(found[3]), sum(ours, 'merchantDiscount'))
  }
}

/**
 * Compares the summary with the rows. It is not documented whether its money columns are after refunds, nor the sign of
 * its fees, and no complete sample is public: every such reading is accepted, and anything else refused.
 */
function compare(rows: readonly BillRow[], { total }: BillSummary): void {
  const trades = rows.filter((row) => row.kind === 'trade')
  agree('count of trades (summary)', total.tradeCount, trades.length)
  agree('count of refunds (summary)', total.refundCount, rows.length - trades.length)
  for (const column of ['orderAmount', 'receiptAmount', 'alipayDiscount', 'merchantDiscount', 'cardAmount'] as const) {
    if (total[column] !== sum(trades, column)) agree(`${column} (summary)`, total[column], sum(rows, column))
  }
  for (const column of ['serviceFee', 'royalty'] as const) {
    const said = Math.abs(total[column])
    if (said !== Math.abs(sum(trades, column))) agree(`${column} (summary)`, said, Math.abs(sum(rows, column)))
  }
}

type Summed =
  | 'orderAmount'
  | 'receiptAmount'
  | 'alipayDiscount'
  | 'merchantDiscount'
  | 'cardAmount'
  | 'serviceFee'
  | 'royalty'

const sum = (rows: readonly BillRow[], column: Summed): number => rows.reduce((soFar, row) => soFar + row[column], 0)

function agree(what: string, said: number | undefined, counted: number): void {
  if (said !== counted)
    throw new BillError(
      'BILL_DISAGREES',
      `The bill disagrees with itself: ${what} is ${said}, but its rows give ${counted}.`,
    )
}

const unreadable = (why: string) => new BillError('BILL_NOT_UNDERSTOOD', `The bill cannot be read: ${why}.`)
