/** Refunds in the database. */

import { type Fen, toFen } from '../../core/money.ts'
import type { Database } from '../../core/storage/database.ts'
import type { Trade } from './trade.ts'
import type { Trades } from './trades.ts'

export interface Refund {
  readonly tradeNo: string
  /** The request number, or the out_trade_no if the request gave none. */
  readonly outRequestNo: string
  readonly amount: Fen
  readonly at: number
}

export interface Refunds {
  find(tradeNo: string, outRequestNo: string): Refund | undefined
  latest(tradeNo: string): Refund | undefined
  /** `given` is whether the request had a number of its own. */
  insert(refund: Refund, given: boolean, reason: string): void
  /** A seller's refunds made from `from` until before `until`, in chronological order. */
  between(
    sellerId: string,
    from: number,
    until: number,
  ): { readonly trade: Trade; readonly refund: Refund; readonly given: boolean }[]
}

type Row = { trade_no: string; out_request_no: string; amount: number; given: number; at: number }

export function openRefunds(database: Database, trades: Trades): Refunds {
  const select = database.prepare<Row>('select * from refunds where trade_no = ? and out_request_no = ?')
  const selectLatest = database.prepare<Row>('select * from refunds where trade_no = ? order by id desc limit 1')
  const insert = database.prepare(
    'insert into refunds (trade_no, out_request_no, amount, given, reason, at) values (?, ?, ?, ?, ?, ?)',
  )
  const selectBetween = database.prepare<Row>(
    `select refunds.* from refunds join trades using (trade_no)
       where seller_id = ? and refunds.at >= ? and refunds.at < ? order by refunds.id`,
  )
  return {
    find: (tradeNo, outRequestNo) => read(select.get(tradeNo, outRequestNo)),
    latest: (tradeNo) => read(selectLatest.get(tradeNo)),
    insert: ({ tradeNo, outRequestNo, amount, at }, given, reason) =>
      void insert.run(tradeNo, outRequestNo, amount, given ? 1 : 0, reason, at),
    between: (sellerId, from, until) =>
      selectBetween.all(sellerId, from, until).flatMap((row) => {
        const trade = trades.find(row.trade_no)
        return trade ? [{ trade, refund: fromRow(row), given: row.given === 1 }] : []
      }),
  }
}

const read = (row: Row | undefined): Refund | undefined => row && fromRow(row)

function fromRow(row: Row): Refund {
  return { tradeNo: row.trade_no, outRequestNo: row.out_request_no, amount: toFen(row.amount), at: row.at }
}
