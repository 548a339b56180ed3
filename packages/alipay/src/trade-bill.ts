/** A day's or month's trade bill: both its files, read, and checked against each other and against their own totals. */
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

/** More than that could not be one string. */
const MOST_UNPACKED = 256 * 1024 * 1024

/**
 * Reads the archive that `downloadBill` gave.
 * @throws BillError when it is damaged (`BILL_ARCHIVE_DAMAGED`, `BILL_TOO_LARGE`), cannot be read
 * (`BILL_NOT_UNDERSTOOD`), or its totals disagree with its rows (`BILL_DISAGREES`): then nothing in it may be used
 */
export async function readTradeBill(archive: Buffer, mostBytes: number = MOST_UNPACKED): Promise<TradeBill> {
  const files = await unzip(archive, mostBytes)
  const summaryFile = fileThat(files, /汇总/, '#支付宝业务汇总查询')
  const detailFile = fileThat(files, /明细(?!.*汇总)/, '#支付宝业务明细查询')
  const bill = readDetail(detailFile)
  const summary = readBillSummary(summaryFile)
  compare(bill.rows, summary)
  return { ...bill, summary }
}

/** By its first line; a name is only a name, and the order in the archive is not said. */
function fileThat(files: readonly ZipEntry[], name: RegExp, firstLine: string): string {
  const texts = files.map((file) => ({ file, text: new TextDecoder('gbk').decode(file.content) }))
  const found = texts.find(({ text }) => text.startsWith(firstLine)) ?? texts.find(({ file }) => name.test(file.name))
  if (!found) throw unreadable(`${firstLine.slice(1)} is not in it`)
  return found.text
}

/** @throws BillError where it is another day's or month's: it came over an open line, from an address that was signed */
export function checkBillDate(bill: TradeBill, billDate: string): TradeBill {
  const [from, until] = [writeTime(bill.from), writeTime(bill.until)]
  const ofMonth = bill.until.getTime() - bill.from.getTime() > 27 * DAY_MS
  if (from === `${billDate.padEnd(10, '-01')} 00:00:00` && ofMonth === (billDate.length === 7)) return bill
  throw new BillError('BILL_OF_ANOTHER_DATE', `The bill is of ${from} to ${until}; ${billDate} was asked for.`)
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
  if (titles?.join() !== TITLES.join()) throw unreadable('its columns are not the known ones')
  const rows: BillRow[] = []
  let at = titlesAt + 1
  for (; at < lines.length && !lines[at]?.startsWith('#'); at += 1) {
    if (lines[at]?.trim() === '') continue
    const row = readBillRow(lines[at] ?? '')
    if (!row) throw unreadable(`line ${at + 1} does not fall into its columns`)
    rows.push(row)
  }
  if (!/业务明细列表结束/.test(lines[at] ?? '')) throw unreadable('the end of its list is missing; it may be cut off')
  checkTrailer(lines.slice(at + 1), rows)
  const exportedAt = readChineseTime(comment(/导出时间：\[([^\]]+)\]/)?.[1])
  return { account, from: start, until: end, exportedAt, rows }
}

/** `2019年09月16日 00:00:00` in Beijing. */
const readChineseTime = (text: string | undefined): Date | undefined =>
  readTime(text?.replace(/^(\d{4})年(\d{2})月(\d{2})日/, '$1-$2-$3'))

/** The two lines under the list: how many, and what the merchant took and gave. */
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
 * The summary against the rows. Whether its money columns are after refunds is not documented, nor the sign of its fees,
 * and no complete sample is public: each reading is taken, and anything else refused.
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
      `The bill disagrees with itself: ${what} is ${said}, and its rows give ${counted}.`,
    )
}

const unreadable = (why: string) => new BillError('BILL_NOT_UNDERSTOOD', `The bill cannot be read: ${why}.`)
