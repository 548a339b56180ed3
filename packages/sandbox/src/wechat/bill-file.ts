/** How a bill of WeChat Pay is written (WeChat Pay, "Bills: file format"): UTF-8 with a mark, CRLF, a backquote before every value. */
import { type Fen, toFen } from '../money.ts'
import type { WechatRefund, WechatTrade } from './trades.ts'

export interface Entry {
  readonly at: number
  readonly trade: WechatTrade
  /** Absent for the payment itself. */
  readonly refund: WechatRefund | undefined
}

/** What a column is called, and what it says of a row. */
export type Column<Row> = readonly [title: string, cell: (row: Row) => string]

/** What a sum of the last line is called, and its text. */
export type Total = readonly [title: string, text: string]

export const ZERO = toFen(0)
export const sum = (amounts: readonly Fen[]): Fen => toFen(amounts.reduce((all, each) => all + each, 0))

/** What WeChat keeps of a payment, or gives back with a refund, to the fen. */
export const feeOf = (amount: Fen, rate: number): Fen => toFen(Math.floor((amount * rate + 5000) / 10_000))

export const escaped = (text: string): string =>
  text.replace(/\\/g, '\\\\').replace(/,/g, '\\,').replace(/\r/g, '\\r').replace(/\n/g, '\\n')

export function billFile<Row>(columns: readonly Column<Row>[], rows: readonly Row[], totals: readonly Total[]): string {
  const lines = [
    columns.map(([title]) => title).join(','),
    ...rows.map((row) => quoted(columns.map(([, cell]) => cell(row)))),
    totals.map(([title]) => title).join(','),
    quoted(totals.map(([, text]) => text)),
  ]
  return `\uFEFF${lines.join('\r\n')}\r\n`
}

const quoted = (cells: readonly string[]): string => cells.map((cell) => `\`${cell}`).join(',')
