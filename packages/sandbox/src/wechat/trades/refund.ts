/** How a WeChat Pay trade is refunded: accepted first, ended a while later. */
import { digits } from '../../core/keys.ts'
import { add, type Fen, yuan } from '../../core/money.ts'
import { schedule, type Written } from '../../core/notifications/notifications.ts'
import { DAY, SECOND } from '../../core/time.ts'
import { type WechatError, wechatError } from '../errors.ts'
import { DEFAULT_WECHAT_RULES } from '../merchants.ts'
import { writeRefund } from '../notifications/notice.ts'
import type { Wechat } from '../wechat.ts'
import type { WechatRefund, WechatRefundStatus } from './refunds.ts'
import type { WechatTrade } from './trades.ts'

const REFUND_DAYS = 365
const MAX_REFUNDS = 50

export interface RefundWanted {
  readonly outRefundNo: string
  readonly amount: Fen
  readonly total: Fen
  readonly reason: string
  readonly notifyUrl: string | undefined
  /** The minimum time after another refund of the order; none by default. */
  readonly gapSeconds?: number
}

/** Accepts a refund, or finds an identical earlier one; it stays pending for a while. */
export function acceptRefund(wechat: Wechat, trade: WechatTrade, wanted: RefundWanted): WechatRefund | WechatError {
  const before = wechat.refunds.findByNumber(trade.mchId, wanted.outRefundNo)
  if (before) {
    const same =
      before.tradeId === trade.id &&
      (['amount', 'reason', 'notifyUrl'] as const).every((name) => before[name] === wanted[name])
    return same ? before : wechatError('INVALID_REQUEST', '退款单号已被使用，且参数不一致')
  }
  const refusal = refusalOf(wechat, trade, wanted)
  if (refusal) return refusal
  const made = wechat.database.transaction(() => accept(wechat, trade, wanted))
  wechat.agenda.add({ at: made.dueAt, kind: 'wechat-refund', id: String(made.id) })
  wechat.changed()
  return made
}

/** Gives a pending refund its final state. */
export function endRefund(wechat: Wechat, id: number, status: Exclude<WechatRefundStatus, 'PROCESSING'>): void {
  const { database, trades, refunds, buyers, notifications } = wechat
  const refund = refunds.find(id)
  const trade = refund && trades.find(refund.tradeId)
  if (!refund || !trade?.buyerId) return
  const { buyerId } = trade
  let written: Written | undefined
  database.transaction(() => {
    if (!refunds.end(id, status)) return
    if (status === 'SUCCESS') buyers.move(buyerId, refund.amount)
    // A closed refund returned no money; the amount can be refunded under another number.
    if (status === 'CLOSED') trades.takeBackRefund(trade.id, refund.amount)
    trades.record(trade.id, `refund ${status.toLowerCase()}`, `${yuan(refund.amount)} ${refund.outRefundNo}`)
    const ended = refunds.find(id)
    if (ended) written = writeRefund(wechat, trade, ended)
  })
  schedule(notifications, written)
  wechat.changed()
}

/** Completes a due refund: it succeeds, unless a fault says otherwise. */
export function refundDue(wechat: Wechat, id: number): void {
  const refund = wechat.refunds.find(id)
  const trade = refund && wechat.trades.find(refund.tradeId)
  if (refund?.status !== 'PROCESSING' || !trade) return
  const target = { appId: trade.mchId, outTradeNo: trade.outTradeNo }
  const fault = wechat.faults.strike(['refund-abnormal', 'refund-closed'], target)
  endRefund(wechat, id, fault ? (fault.kind === 'refund-closed' ? 'CLOSED' : 'ABNORMAL') : 'SUCCESS')
}

function refusalOf({ refunds, clock }: Wechat, trade: WechatTrade, wanted: RefundWanted): WechatError | undefined {
  const now = clock.now()
  if (trade.paidAt === undefined) return wechatError('RESOURCE_NOT_EXISTS', '订单未支付')
  if (wanted.total !== trade.total) return wechatError('INVALID_REQUEST', '订单金额不一致')
  if (add(trade.refunded, wanted.amount) > trade.total) return wechatError('INVALID_REQUEST', '退款金额大于可退金额')
  if (trade.paidAt + REFUND_DAYS * DAY < now) return wechatError('INVALID_REQUEST', '订单已超过可退款的期限')
  const earlier = refunds.of(trade.id)
  if (earlier.length >= MAX_REFUNDS) return wechatError('INVALID_REQUEST', '退款次数超过限制')
  const last = earlier.at(-1)
  if (last && last.createdAt + (wanted.gapSeconds ?? 0) * SECOND > now)
    return wechatError('FREQUENCY_LIMITED', '同一订单的退款间隔需大于1分钟')
  return undefined
}

function accept({ trades, refunds, merchants, clock }: Wechat, trade: WechatTrade, wanted: RefundWanted): WechatRefund {
  const { refundSeconds: seconds } = merchants.find(trade.mchId)?.rules ?? DEFAULT_WECHAT_RULES
  const now = clock.now()
  if (!trades.addRefund(trade.id, wanted.amount)) throw new Error(`trade ${trade.id} changed while it was refunded`)
  trades.record(trade.id, 'refund accepted', `${yuan(wanted.amount)} ${wanted.outRefundNo}`)
  return refunds.create({
    refundId: `503${digits(26)}`,
    tradeId: trade.id,
    mchId: trade.mchId,
    outRefundNo: wanted.outRefundNo,
    amount: wanted.amount,
    reason: wanted.reason,
    notifyUrl: wanted.notifyUrl,
    dueAt: now + seconds * SECOND,
    createdAt: now,
  })
}
