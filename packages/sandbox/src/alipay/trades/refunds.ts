/** Refunds of a trade: duplicate requests, limits, and consequences (Alipay, alipay.trade.refund). */
import type { Buyers } from '../../core/buyers.ts'
import type { Clock } from '../../core/clock.ts'
import type { Database } from '../../core/database.ts'
import { add, type Fen, toFen, yuan } from '../../core/money.ts'
import { SECOND } from '../../core/time.ts'
import type { BusinessCode } from '../gateway/errors.ts'
import type { Merchants } from '../merchants.ts'
import type { Notifications, Written } from '../notifications/notifications.ts'
import { notifiesClose } from './payments.ts'
import type { Trade } from './trade.ts'
import type { Trades } from './trades.ts'

export interface Refund {
  readonly tradeNo: string
  /** The request number, or the out_trade_no if the request gave none. */
  readonly outRequestNo: string
  readonly amount: Fen
  readonly at: number
}

export interface RefundRequest {
  readonly amount: Fen
  readonly outRequestNo: string | undefined
  readonly reason: string
  /** The minimum time after another refund of the trade; none by default. */
  readonly gapSeconds?: number
}

export interface Refunded {
  readonly trade: Trade
  readonly refund: Refund
  /** False for a repeated request: no money moved. */
  readonly moved: boolean
}

export interface Refunds {
  find(tradeNo: string, outRequestNo: string): Refund | undefined
  /**
   * Refunds once per request number; durable when it returns, including the notification. A code gives the reason of a
   * refusal; SYSTEM_ERROR means too soon.
   */
  refund(trade: Trade, request: RefundRequest): Refunded | BusinessCode
  /** A seller's refunds made from `from` until before `until`, in chronological order. */
  between(
    sellerId: string,
    from: number,
    until: number,
  ): { readonly trade: Trade; readonly refund: Refund; readonly given: boolean }[]
}

export interface RefundParts {
  readonly database: Database
  readonly clock: Clock
  readonly merchants: Merchants
  readonly buyers: Buyers
  readonly trades: Trades
  readonly notifications: Notifications
  readonly changed: () => void
}

type Row = { trade_no: string; out_request_no: string; amount: number; given: number; at: number }

export function createRefunds(parts: RefundParts): Refunds {
  const { database, clock, merchants, buyers, trades, notifications } = parts
  const select = database.prepare<Row>('select * from refunds where trade_no = ? and out_request_no = ?')
  const selectLatest = database.prepare<Row>('select * from refunds where trade_no = ? order by id desc limit 1')
  const insert = database.prepare(
    'insert into refunds (trade_no, out_request_no, amount, given, reason, at) values (?, ?, ?, ?, ?, ?)',
  )
  const selectBetween = database.prepare<Row>(
    `select refunds.* from refunds join trades using (trade_no)
       where seller_id = ? and refunds.at >= ? and refunds.at < ? order by refunds.id`,
  )

  const find = (tradeNo: string, outRequestNo: string) => {
    const row = select.get(tradeNo, outRequestNo)
    return row && fromRow(row)
  }

  function move(trade: Trade, { amount, outRequestNo, reason }: RefundRequest): Refunded {
    const number = outRequestNo ?? trade.outTradeNo
    const now = clock.now()
    if (!trades.addRefund(trade.tradeNo, amount))
      throw new Error(`trade ${trade.tradeNo} changed while it was refunded`)
    buyers.move(trade.buyerId, amount)
    insert.run(trade.tradeNo, number, amount, outRequestNo === undefined ? 0 : 1, reason, now)
    trades.record(trade.tradeNo, 'refunded', `${yuan(amount)} ${number}`)
    const refunded = add(trade.refunded, amount)
    const full = refunded === trade.total
    const closed = full ? trades.move(trade, 'TRADE_CLOSED') : undefined
    if (closed) trades.record(trade.tradeNo, 'closed', 'refunded in full')
    return {
      trade: { ...(closed ?? trade), refunded },
      refund: { tradeNo: trade.tradeNo, outRequestNo: number, amount, at: now },
      moved: true,
    }
  }

  function notice({ trade, refund }: Refunded, given: boolean): Written | undefined {
    const rules = merchants.find(trade.appId)?.rules
    const wanted = trade.status === 'TRADE_CLOSED' ? notifiesClose(trade, rules) : rules?.notifyOnPartialRefund === true
    if (!wanted) return undefined
    const outRequestNo = given ? refund.outRequestNo : trade.tradeNo
    return notifications.write(trade, 'REFUND', { outRequestNo, at: refund.at, refundedSoFar: trade.refunded })
  }

  return {
    find,
    refund(trade, request) {
      const earlier = find(trade.tradeNo, request.outRequestNo ?? trade.outTradeNo)
      if (earlier)
        return earlier.amount === request.amount
          ? { trade, refund: earlier, moved: false }
          : 'ACQ.DISCORDANT_REPEAT_REQUEST'
      const refusal = refusalOf(trade, request, merchants.find(trade.appId)?.rules.partialRefunds ?? true)
      if (refusal) return refusal
      const latest = selectLatest.get(trade.tradeNo)
      if (latest && latest.at + (request.gapSeconds ?? 0) * SECOND > clock.now()) return 'ACQ.SYSTEM_ERROR'
      let written: Written | undefined
      const refunded = database.transaction(() => {
        const done = move(trade, request)
        written = notice(done, request.outRequestNo !== undefined)
        return done
      })
      notifications.schedule(written)
      parts.changed()
      return refunded
    },
    between: (sellerId, from, until) =>
      selectBetween.all(sellerId, from, until).flatMap((row) => {
        const trade = trades.find(row.trade_no)
        return trade ? [{ trade, refund: fromRow(row), given: row.given === 1 }] : []
      }),
  }
}

function refusalOf(trade: Trade, { amount, outRequestNo }: RefundRequest, partial: boolean): BusinessCode | undefined {
  if (trade.status === 'WAIT_BUYER_PAY') return 'ACQ.TRADE_STATUS_ERROR'
  if (trade.status === 'TRADE_CLOSED') return 'ACQ.TRADE_HAS_CLOSE'
  if (trade.status === 'TRADE_FINISHED') return 'ACQ.TRADE_HAS_FINISHED'
  if (amount > trade.total) return 'ACQ.REFUND_AMT_NOT_EQUAL_TOTAL'
  if (outRequestNo === undefined && amount !== trade.total) return 'ACQ.REFUND_AMT_NOT_EQUAL_TOTAL'
  if (add(trade.refunded, amount) > trade.total) return 'ACQ.REASON_TRADE_REFUND_FEE_ERR'
  if (!partial && amount !== trade.total) return 'ACQ.NOT_ALLOW_PARTIAL_REFUND'
  return undefined
}

function fromRow(row: Row): Refund {
  return { tradeNo: row.trade_no, outRequestNo: row.out_request_no, amount: toFen(row.amount), at: row.at }
}
