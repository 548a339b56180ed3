/** `/sandbox/api/trades`: the state of trades, and what happens to them without a browser. */
import { Type } from 'typebox'
import { closeUnpaid, current } from '../alipay/trades/close.ts'
import { refund } from '../alipay/trades/refund.ts'
import type { Trade } from '../alipay/trades/trade.ts'
import { parseYuan, subtract } from '../core/money.ts'
import type { Sandbox } from '../sandbox.ts'
import { type Application, cursorOf, Refused } from './application.ts'
import { bodyOf, ErrorShape, page, TradeShape, tradeJson } from './shapes.ts'

export const TradeParams = Type.Object({ tradeNo: Type.String({ maxLength: 64 }) })

export function tradeNumbered(sandbox: Sandbox, tradeNo: string): Trade {
  const trade = current(sandbox, sandbox.trades.find(tradeNo))
  if (!trade) throw new Refused(404, 'TRADE_NOT_FOUND', `there is no trade ${tradeNo}`)
  return trade
}

export function tradeRoutes(app: Application, sandbox: Sandbox): void {
  app.get(
    '/sandbox/api/trades',
    {
      schema: {
        querystring: Type.Object({
          appId: Type.Optional(Type.String()),
          outTradeNo: Type.Optional(Type.String()),
          status: Type.Optional(Type.String()),
          cursor: Type.Optional(Type.String()),
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 50 })),
        }),
        response: { 200: page(TradeShape), '4xx': ErrorShape },
      },
    },
    (request) => {
      const { appId, outTradeNo, status, cursor, limit = 50 } = request.query
      const { items, next } = sandbox.trades.list({ appId, outTradeNo, status, before: cursorOf(cursor), limit })
      return { items: items.map((trade) => tradeJson(trade)), next: next === undefined ? null : String(next) }
    },
  )

  app.get(
    '/sandbox/api/trades/:tradeNo',
    { schema: { params: TradeParams, response: { 200: TradeShape, '4xx': ErrorShape } } },
    (request) => {
      const trade = tradeNumbered(sandbox, request.params.tradeNo)
      return tradeJson(trade, sandbox.trades.history(trade.tradeNo))
    },
  )
}

export function tradeActions(app: Application, sandbox: Sandbox): void {
  app.post(
    '/sandbox/api/trades/:tradeNo/abandon',
    {
      schema: {
        summary: 'The buyer leaves: closes an unpaid trade now, as its time-out would later',
        params: TradeParams,
        body: bodyOf({}),
        response: { 200: TradeShape, '4xx': ErrorShape },
      },
    },
    (request) => {
      const trade = tradeNumbered(sandbox, request.params.tradeNo)
      const closed = closeUnpaid(sandbox, trade.tradeNo, 'abandoned by the buyer')
      if (!closed) throw new Refused(409, 'TRADE_STATUS_ERROR', `the trade is ${trade.status}`)
      return tradeJson(closed)
    },
  )

  app.post(
    '/sandbox/api/trades/:tradeNo/refund',
    {
      schema: {
        summary: 'Refunds as the merchant would with alipay.trade.refund',
        params: TradeParams,
        body: bodyOf({
          amount: Type.Optional(Type.String({ description: 'Yuan; the remaining amount by default' })),
          outRequestNo: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
        }),
        response: { 200: TradeShape, '4xx': ErrorShape },
      },
    },
    (request) => {
      const trade = tradeNumbered(sandbox, request.params.tradeNo)
      const { amount: text, outRequestNo } = request.body
      const amount = text === undefined ? subtract(trade.total, trade.refunded) : parseYuan(text)
      if (amount === undefined || amount === 0)
        throw new Refused(400, 'INVALID_AMOUNT', 'amount must be yuan, e.g. "1.00"')
      const result = refund(sandbox, trade, { amount, outRequestNo, reason: 'by /sandbox/api' })
      if (typeof result === 'string') throw new Refused(409, result, `the refund is refused with ${result}`)
      return tradeJson(result.trade)
    },
  )
}
