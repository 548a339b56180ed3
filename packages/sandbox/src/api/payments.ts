/** Payments without a browser, and the state of trades: `/sandbox/api/pay`, `/trades`, `/summary`. */
import { Type } from 'typebox'
import { isError } from '../alipay/gateway/business.ts'
import { readParameters } from '../alipay/gateway/parameters.ts'
import { openPaymentPage } from '../alipay/gateway/routes.ts'
import type { Refusal } from '../alipay/trades/payments.ts'
import type { Trade } from '../alipay/trades/trade.ts'
import { returnAddress } from '../cashier/return-address.ts'
import { refusalText } from '../cashier/texts.ts'
import { type Buyer, DEFAULT_LOGIN } from '../core/buyers.ts'
import { type Fen, parseYuan, subtract, yuan, ZERO } from '../core/money.ts'
import type { Sandbox } from '../sandbox.ts'
import { type Application, cursorOf, Refused } from './application.ts'
import { bodyOf, ErrorShape, PaymentPassword, page, TradeShape, tradeJson } from './shapes.ts'

const Paid = Type.Object({ trade: TradeShape, returnUrl: Type.Union([Type.String(), Type.Null()]) })
const Summary = Type.Object({
  items: Type.Array(
    Type.Object({
      appId: Type.String(),
      name: Type.String(),
      paidCount: Type.Integer(),
      paidAmount: Type.String(),
      refundedTradeCount: Type.Integer(),
      refundedAmount: Type.String(),
      netAmount: Type.String(),
    }),
  ),
  wechat: Type.Array(
    Type.Object({
      mchId: Type.String(),
      name: Type.String(),
      paidCount: Type.Integer(),
      paidAmount: Type.String(),
      refundedTradeCount: Type.Integer(),
      refundedAmount: Type.String(),
      netAmount: Type.String(),
    }),
  ),
})
const Link = {
  payUrl: Type.String({ description: 'A signed GET link to /gateway.do', maxLength: 32_768 }),
  buyer: Type.Optional(Type.String({ description: 'Login or id; the default buyer if absent' })),
}
const TradeParams = Type.Object({ tradeNo: Type.String({ maxLength: 64 }) })

export function paymentRoutes(app: Application, sandbox: Sandbox): void {
  const { trades, payments, buyers, merchants } = sandbox

  function buyerNamed(login: string | undefined): Buyer {
    const buyer = buyers.findByLogin(login ?? DEFAULT_LOGIN) ?? (login === undefined ? undefined : buyers.find(login))
    if (!buyer) throw new Refused(404, 'BUYER_NOT_FOUND', `there is no buyer ${login}`)
    return buyer
  }

  function tradeNumbered(tradeNo: string): Trade {
    const trade = payments.current(trades.find(tradeNo))
    if (!trade) throw new Refused(404, 'TRADE_NOT_FOUND', `there is no trade ${tradeNo}`)
    return trade
  }

  /** The request of a payment link, refused as Alipay’s page would, and when its number was first used. */
  function open(payUrl: string) {
    const mark = payUrl.indexOf('?')
    const query = mark < 0 ? '' : (payUrl.slice(mark + 1).split('#', 1)[0] ?? '')
    const opened = openPaymentPage(sandbox, readParameters(query, Buffer.alloc(0), ''))
    if (isError(opened)) throw new Refused(422, opened.subCode, opened.subMsg)
    return { opened, firstAt: sandbox.checkouts.firstAt(opened.sellerId, opened.order.outTradeNo) }
  }

  function done(result: Trade | Refusal): Trade {
    if (typeof result !== 'string') return result
    throw new Refused(409, result, refusalText(result, 'en'))
  }

  async function answer(trade: Trade, returnUrl: string | undefined) {
    const merchant = merchants.find(trade.appId)
    const back =
      merchant && trade.paidAt !== undefined && (await returnAddress(trade, returnUrl, merchant, sandbox.clock.now()))
    return { trade: tradeJson(trade), returnUrl: back || null }
  }

  app.post(
    '/sandbox/api/enter',
    {
      schema: {
        summary: 'Opens a payment link and logs the buyer in, as the cashier does; this creates the trade of page.pay',
        body: bodyOf(Link),
        response: { 200: TradeShape, '4xx': ErrorShape },
      },
    },
    ({ body }) => {
      const { opened, firstAt } = open(body.payUrl)
      const trade = payments.enter(opened, buyerNamed(body.buyer), firstAt)
      if (!trade)
        throw new Refused(409, 'TRADE_NOT_CREATED', 'a trade of wap.pay is created only by the payment password')
      return tradeJson(done(trade))
    },
  )

  app.post(
    '/sandbox/api/pay',
    {
      schema: {
        summary: 'Opens a payment link, logs the buyer in and pays, exactly as the cashier would',
        body: bodyOf({ ...Link, paymentPassword: PaymentPassword }),
        response: { 200: Paid, '4xx': ErrorShape },
      },
    },
    ({ body }) => {
      const { opened, firstAt } = open(body.payUrl)
      const buyer = buyerNamed(body.buyer)
      const password = body.paymentPassword ?? buyer.paymentPassword
      return answer(done(payments.enterAndPay(opened, buyer, firstAt, password)), opened.returnUrl)
    },
  )

  app.post(
    '/sandbox/api/trades/:tradeNo/pay',
    {
      schema: {
        summary: 'Pays a trade whose buyer is at the cashier',
        params: TradeParams,
        body: bodyOf({ paymentPassword: PaymentPassword }),
        response: { 200: Paid, '4xx': ErrorShape },
      },
    },
    ({ params, body }) => {
      const trade = tradeNumbered(params.tradeNo)
      const buyer = buyerNamed(trade.buyerId)
      const password = body.paymentPassword ?? buyer.paymentPassword
      return answer(done(payments.pay(trade, buyer, password)), trade.request.returnUrl)
    },
  )

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
      const trade = tradeNumbered(request.params.tradeNo)
      const closed = payments.close(trade.tradeNo, 'abandoned by the buyer')
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
      const trade = tradeNumbered(request.params.tradeNo)
      const { amount: text, outRequestNo } = request.body
      const amount = text === undefined ? subtract(trade.total, trade.refunded) : parseYuan(text)
      if (amount === undefined || amount === 0)
        throw new Refused(400, 'INVALID_AMOUNT', 'amount must be yuan, e.g. "1.00"')
      const result = sandbox.refunds.refund(trade, { amount, outRequestNo, reason: 'by /sandbox/api' })
      if (typeof result === 'string') throw new Refused(409, result, `the refund is refused with ${result}`)
      return tradeJson(result.trade)
    },
  )

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
      const { items, next } = trades.list({ appId, outTradeNo, status, before: cursorOf(cursor), limit })
      return { items: items.map((trade) => tradeJson(trade)), next: next === undefined ? null : String(next) }
    },
  )

  app.get(
    '/sandbox/api/trades/:tradeNo',
    { schema: { params: TradeParams, response: { 200: TradeShape, '4xx': ErrorShape } } },
    (request) => {
      const trade = tradeNumbered(request.params.tradeNo)
      return tradeJson(trade, trades.history(trade.tradeNo))
    },
  )

  app.get(
    '/sandbox/api/summary',
    { schema: { summary: 'Takings per merchant: paid, refunded, remaining', response: { 200: Summary } } },
    () => {
      const takings = new Map(trades.takings().map((each) => [each.appId, each]))
      const ofWechat = new Map(sandbox.wechat.trades.takings().map((each) => [each.mchId, each]))
      return {
        items: merchants.list().map(({ appId, name }) => ({ appId, name, ...sumsJson(takings.get(appId)) })),
        wechat: sandbox.wechat.merchants
          .list()
          .map(({ mchId, name }) => ({ mchId, name, ...sumsJson(ofWechat.get(mchId)) })),
      }
    },
  )
}

interface Takings {
  readonly paidCount: number
  readonly paid: Fen
  readonly refundCount: number
  readonly refunded: Fen
}

const sumsJson = (sums: Takings = { paidCount: 0, paid: ZERO, refundCount: 0, refunded: ZERO }) => ({
  paidCount: sums.paidCount,
  paidAmount: yuan(sums.paid),
  refundedTradeCount: sums.refundCount,
  refundedAmount: yuan(sums.refunded),
  netAmount: yuan(subtract(sums.paid, sums.refunded)),
})
