/** A WeChat Pay trade as JSON. */
import { type Static, Type } from 'typebox'
import { yuan } from '../core/money.ts'
import { rfc3339 } from '../core/time.ts'
import type { WechatTrade } from '../wechat/trades/trades.ts'
import type { Wechat } from '../wechat/wechat.ts'
import { Refused } from './application.ts'
import { Nullable } from './shapes.ts'

export const TradeShape = Type.Object({
  mchId: Type.String(),
  outTradeNo: Type.String(),
  transactionId: Nullable(Type.String()),
  tradeType: Type.String(),
  state: Type.String(),
  totalAmount: Type.String(),
  refundedAmount: Type.String(),
  description: Type.String(),
  notifyUrl: Type.String(),
  createdAt: Type.String(),
  expiresAt: Type.String(),
  paidAt: Nullable(Type.String()),
  closedAt: Nullable(Type.String()),
  refunds: Type.Array(
    Type.Object({ outRefundNo: Type.String(), amount: Type.String(), status: Type.String(), createdAt: Type.String() }),
  ),
  history: Type.Array(Type.Object({ at: Type.String(), event: Type.String(), detail: Type.String() })),
})

export const tradeJson = ({ trades, refunds }: Wechat, trade: WechatTrade): Static<typeof TradeShape> => ({
  mchId: trade.mchId,
  outTradeNo: trade.outTradeNo,
  transactionId: trade.transactionId ?? null,
  tradeType: trade.tradeType,
  state: trade.state,
  totalAmount: yuan(trade.total),
  refundedAmount: yuan(trade.refunded),
  description: trade.description,
  notifyUrl: trade.notifyUrl,
  createdAt: rfc3339(trade.createdAt),
  expiresAt: rfc3339(trade.expiresAt),
  paidAt: trade.paidAt === undefined ? null : rfc3339(trade.paidAt),
  closedAt: trade.closedAt === undefined ? null : rfc3339(trade.closedAt),
  refunds: refunds.of(trade.id).map(({ outRefundNo, amount, status, createdAt }) => ({
    outRefundNo,
    amount: yuan(amount),
    status,
    createdAt: rfc3339(createdAt),
  })),
  history: trades.history(trade.id).map((event) => ({ ...event, at: rfc3339(event.at) })),
})

/** By its newest code_url, h5_url or prepay_id. */
export function linked({ trades }: Wechat, link: string): WechatTrade | undefined {
  const prepayId = URL.canParse(link) ? new URL(link).searchParams.get('prepay_id') : null
  return trades.findByLink(prepayId ?? link)
}

/** `mchId` is needed when two merchants have a trade with the same number. */
export function tradeNumbered({ trades }: Wechat, mchId: string | undefined, outTradeNo: string): WechatTrade {
  const { items } = trades.list({ mchId, outTradeNo, limit: 2 })
  const [trade, another] = items
  if (another) throw new Refused(409, 'MCH_ID_NEEDED', `more than one merchant has a trade ${outTradeNo}`)
  if (!trade) throw new Refused(404, 'TRADE_NOT_FOUND', `there is no trade ${outTradeNo}`)
  return trade
}
