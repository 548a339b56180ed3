/**
 * The format of WeChat Pay's bills ("Bills: file format"): UTF-8 with a byte order mark, CRLF, a backquote before every
 * value.
 */
import { type Fen, toFen } from '../../core/money.ts'
import type { WechatRefund } from '../trades/refunds.ts'
import type { WechatTrade } from '../trades/trades.ts'

export interface Entry {
  readonly at: number
  readonly trade: WechatTrade
  /** Absent for the payment itself. */
  readonly refund: WechatRefund | undefined
}

/** A column's title, and its cell of a row. */
export type Column<Row> = readonly [title: string, cell: (row: Row) => string]

/** The title of a total in the last line, and its text. */
export type Total = readonly [title: string, text: string]

export const ZERO = toFen(0)
export const sum = (amounts: readonly Fen[]): Fen => toFen(amounts.reduce((all, each) => all + each, 0))

/** WeChat's fee of a payment, or the fee returned with a refund, rounded to the fen. */
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
