/** `/sandbox/api/wechat/trades` and `/refunds`: the state of trades, and what happens to them without a phone. */
import { Type } from 'typebox'
import { parseYuan, toFen } from '../core/money.ts'
import { isWechatError } from '../wechat/errors.ts'
import { closeUnpaid } from '../wechat/trades/close.ts'
import { failAttempt } from '../wechat/trades/pay.ts'
import { acceptRefund, endRefund } from '../wechat/trades/refund.ts'
import type { Wechat } from '../wechat/wechat.ts'
import { type Application, cursorOf, Refused } from './application.ts'
import { bodyOf, ErrorShape, page } from './shapes.ts'
import { linked, TradeShape, tradeJson, tradeNumbered } from './wechat-trade.ts'

const Numbered = Type.Object({ outTradeNo: Type.String({ minLength: 1, maxLength: 64 }) })
/** Needed when two merchants have a trade with the same number. */
const OfMerchant = bodyOf({ mchId: Type.Optional(Type.String({ maxLength: 32 })) })

export function wechatTradeRoutes(app: Application, wechat: Wechat): void {
  app.get(
    '/sandbox/api/wechat/trades',
    {
      schema: {
        querystring: Type.Object({
          mchId: Type.Optional(Type.String({ maxLength: 32 })),
          outTradeNo: Type.Optional(Type.String({ maxLength: 64 })),
          state: Type.Optional(Type.String({ maxLength: 16 })),
          link: Type.Optional(
            Type.String({ maxLength: 2048, description: 'Its newest code_url, h5_url or prepay_id' }),
          ),
          cursor: Type.Optional(Type.String({ maxLength: 20 })),
        }),
        response: { 200: page(TradeShape), '4xx': ErrorShape },
      },
    },
    ({ query: { cursor, link, ...filter } }) => {
      if (link !== undefined) {
        const trade = linked(wechat, link)
        return { items: trade ? [tradeJson(wechat, trade)] : [], next: null }
      }
      const { items, next } = wechat.trades.list({ ...filter, before: cursorOf(cursor), limit: 50 })
      return { items: items.map((trade) => tradeJson(wechat, trade)), next: next === undefined ? null : String(next) }
    },
  )

  app.get(
    '/sandbox/api/wechat/trades/:outTradeNo',
    { schema: { params: Numbered, querystring: OfMerchant, response: { 200: TradeShape, '4xx': ErrorShape } } },
    ({ params, query }) => tradeJson(wechat, tradeNumbered(wechat, query.mchId, params.outTradeNo)),
  )
}

export function wechatTradeActions(app: Application, wechat: Wechat): void {
  app.post(
    '/sandbox/api/wechat/trades/:outTradeNo/abandon',
    {
      schema: {
        summary: 'Closes an unpaid trade now, as WeChat does by itself after seven days',
        params: Numbered,
        body: OfMerchant,
        response: { 200: TradeShape, '4xx': ErrorShape },
      },
    },
    ({ params, body }) => {
      const trade = tradeNumbered(wechat, body.mchId, params.outTradeNo)
      if (!closeUnpaid(wechat, trade.id, 'abandoned'))
        throw new Refused(409, 'TRADE_STATE_ERROR', `the trade is ${trade.state}`)
      return tradeJson(wechat, tradeNumbered(wechat, trade.mchId, params.outTradeNo))
    },
  )

  app.post(
    '/sandbox/api/wechat/trades/:outTradeNo/fail',
    {
      schema: {
        summary: 'The buyer tries and fails: no money moves, and the trade stays NOTPAY',
        params: Numbered,
        body: bodyOf({ ...OfMerchant.properties, reason: Type.Optional(Type.String({ maxLength: 200 })) }),
        response: { 200: TradeShape, '4xx': ErrorShape },
      },
    },
    ({ params, body }) => {
      const trade = tradeNumbered(wechat, body.mchId, params.outTradeNo)
      if (trade.state !== 'NOTPAY') throw new Refused(409, 'TRADE_STATE_ERROR', `the trade is ${trade.state}`)
      failAttempt(wechat, trade, body.reason ?? 'the payer’s bank declined')
      return tradeJson(wechat, trade)
    },
  )
}

export function wechatRefundActions(app: Application, wechat: Wechat): void {
  app.post(
    '/sandbox/api/wechat/trades/:outTradeNo/refund',
    {
      schema: {
        summary:
          'Refunds as staff do in WeChat’s own console, the whole remainder unless an amount is given; notifies the trade’s address',
        params: Numbered,
        body: bodyOf({
          ...OfMerchant.properties,
          outRefundNo: Type.String({ pattern: '^[0-9A-Za-z_|*@-]{1,64}$' }),
          amount: Type.Optional(Type.String({ maxLength: 16, description: 'In yuan' })),
        }),
        response: { 200: TradeShape, '4xx': ErrorShape },
      },
    },
    ({ params, body }) => {
      const trade = tradeNumbered(wechat, body.mchId, params.outTradeNo)
      const amount = body.amount === undefined ? toFen(trade.total - trade.refunded) : parseYuan(body.amount)
      if (amount === undefined) throw new Refused(400, 'INVALID_AMOUNT', `${body.amount} is not an amount in yuan`)
      const { notifyUrl, total } = trade
      const made = acceptRefund(wechat, trade, { outRefundNo: body.outRefundNo, amount, total, reason: '', notifyUrl })
      if (isWechatError(made)) throw new Refused(409, made.code, made.message)
      return tradeJson(wechat, wechat.trades.find(trade.id) ?? trade)
    },
  )

  app.post(
    '/sandbox/api/wechat/refunds/:outRefundNo/end',
    {
      schema: {
        summary: 'Ends a pending refund with the given result',
        params: Type.Object({ outRefundNo: Type.String({ maxLength: 64 }) }),
        body: bodyOf({
          mchId: Type.String({ maxLength: 32 }),
          status: Type.Union([Type.Literal('SUCCESS'), Type.Literal('CLOSED'), Type.Literal('ABNORMAL')]),
        }),
        response: { 200: TradeShape, '4xx': ErrorShape },
      },
    },
    (request) => {
      const refund = wechat.refunds.findByNumber(request.body.mchId, request.params.outRefundNo)
      const trade = refund && wechat.trades.find(refund.tradeId)
      if (!refund || !trade) throw new Refused(404, 'REFUND_NOT_FOUND', 'there is no such refund')
      endRefund(wechat, refund.id, request.body.status)
      return tradeJson(wechat, wechat.trades.find(trade.id) ?? trade)
    },
  )
}
