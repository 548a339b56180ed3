/** Refunds of a trade: duplicate requests, limits, and consequences (Alipay, alipay.trade.refund). */
import { add, type Fen, yuan } from '../../core/money.ts'
import { schedule, type Written } from '../../core/notifications/notifications.ts'
import { SECOND } from '../../core/time.ts'
import type { Alipay } from '../alipay.ts'
import type { BusinessCode } from '../gateway/errors.ts'
import { writeNotice } from '../notifications/notice.ts'
import { notifiesClose } from './close.ts'
import type { Refund } from './refunds.ts'
import type { Trade } from './trade.ts'

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

/**
 * Refunds once per request number; durable when it returns, including the notification. A code gives the reason of a
 * refusal; SYSTEM_ERROR means too soon.
 */
export function refund(alipay: Alipay, trade: Trade, request: RefundRequest): Refunded | BusinessCode {
  const { database, clock, merchants, refunds, notifications } = alipay
  const earlier = refunds.find(trade.tradeNo, request.outRequestNo ?? trade.outTradeNo)
  if (earlier)
    return earlier.amount === request.amount
      ? { trade, refund: earlier, moved: false }
      : 'ACQ.DISCORDANT_REPEAT_REQUEST'
  const refusal = refusalOf(trade, request, merchants.find(trade.appId)?.rules.partialRefunds ?? true)
  if (refusal) return refusal
  const latest = refunds.latest(trade.tradeNo)
  if (latest && latest.at + (request.gapSeconds ?? 0) * SECOND > clock.now()) return 'ACQ.SYSTEM_ERROR'
  let notice: Written | undefined
  const refunded = database.transaction(() => {
    const done = move(alipay, trade, request)
    notice = notify(alipay, done, request.outRequestNo !== undefined)
    return done
  })
  schedule(notifications, notice)
  alipay.changed()
  return refunded
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

function move(alipay: Alipay, trade: Trade, { amount, outRequestNo, reason }: RefundRequest): Refunded {
  const { trades, buyers, refunds, clock } = alipay
  const { tradeNo, outTradeNo } = trade
  if (!trades.addRefund(tradeNo, amount)) throw new Error(`trade ${tradeNo} changed while it was refunded`)
  buyers.move(trade.buyerId, amount)
  const refund = { tradeNo, outRequestNo: outRequestNo ?? outTradeNo, amount, at: clock.now() }
  refunds.insert(refund, outRequestNo !== undefined, reason)
  trades.record(tradeNo, 'refunded', `${yuan(amount)} ${refund.outRequestNo}`)
  const refunded = add(trade.refunded, amount)
  const closed = refunded === trade.total ? trades.move(trade, 'TRADE_CLOSED') : undefined
  if (closed) trades.record(tradeNo, 'closed', 'refunded in full')
  return { trade: { ...(closed ?? trade), refunded }, refund, moved: true }
}

function notify(alipay: Alipay, { trade, refund }: Refunded, given: boolean): Written | undefined {
  const rules = alipay.merchants.find(trade.appId)?.rules
  const wanted = trade.status === 'TRADE_CLOSED' ? notifiesClose(trade, rules) : rules?.notifyOnPartialRefund === true
  if (!wanted) return undefined
  const outRequestNo = given ? refund.outRequestNo : trade.tradeNo
  return writeNotice(alipay, trade, 'REFUND', { outRequestNo, at: refund.at, refundedSoFar: trade.refunded })
}
