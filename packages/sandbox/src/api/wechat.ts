/** `/sandbox/api/wechat/…`: payments without a phone, and the state of trades. */
import { type Static, Type } from 'typebox'
import { type Buyer, DEFAULT_LOGIN } from '../core/buyers.ts'
import { parseYuan, toFen, yuan } from '../core/money.ts'
import { rfc3339 } from '../core/time.ts'
import type { Sandbox } from '../sandbox.ts'
import { isWechatError } from '../wechat/errors.ts'
import { isPaySigned } from '../wechat/signing.ts'
import type { WechatTrade } from '../wechat/trades/trades.ts'
import { type Application, cursorOf, Refused } from './application.ts'
import { bodyOf, ErrorShape, PaymentPassword, page } from './shapes.ts'

const Nullable = (schema: Parameters<typeof Type.Union>[0][number]) => Type.Union([schema, Type.Null()])

const TradeShape = Type.Object({
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

const Numbered = Type.Object({ outTradeNo: Type.String({ minLength: 1, maxLength: 64 }) })
/** Needed when two merchants have a trade with the same number. */
const OfMerchant = bodyOf({ mchId: Type.Optional(Type.String({ maxLength: 32 })) })

/** The buyer who pays; by default the default buyer with the right password. */
interface Payer {
  readonly buyer?: string
  readonly paymentPassword?: string
}

const REFUSALS = {
  PAID: 'it is already paid',
  CLOSED: 'it is closed',
  EXPIRED: 'its time to pay has ended',
  LINK_ENDED: 'this link has expired; the shop can create a new one',
  OTHER_BUYER: 'another buyer has opened it',
  BALANCE_NOT_ENOUGH: "the buyer's balance is too low",
  PAYMENT_PASSWORD_ERROR: 'the payment password is wrong',
} as const

export function wechatApiRoutes(app: Application, sandbox: Sandbox): void {
  const { wechat, buyers } = sandbox
  const { merchants, trades, payments } = wechat

  const tradeJson = (trade: WechatTrade): Static<typeof TradeShape> => ({
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
    refunds: trades.refundsOf(trade.id).map(({ outRefundNo, amount, status, createdAt }) => ({
      outRefundNo,
      amount: yuan(amount),
      status,
      createdAt: rfc3339(createdAt),
    })),
    history: trades.history(trade.id).map((event) => ({ ...event, at: rfc3339(event.at) })),
  })

  function buyerNamed(login: string | undefined): Buyer {
    const buyer = buyers.findByLogin(login ?? DEFAULT_LOGIN)
    if (!buyer) throw new Refused(404, 'BUYER_NOT_FOUND', `there is no buyer ${login}`)
    return buyer
  }

  function linked(link: string): WechatTrade | undefined {
    const prepayId = URL.canParse(link) ? new URL(link).searchParams.get('prepay_id') : null
    return trades.findByLink(prepayId ?? link)
  }

  function pay(link: string, payer: Payer): WechatTrade {
    const trade = linked(link)
    if (!trade) throw new Refused(404, 'TRADE_NOT_FOUND', 'no order has this link')
    const buyer = buyerNamed(payer.buyer)
    const paid = payments.pay(trade, buyer, payer.paymentPassword ?? buyer.paymentPassword)
    if (typeof paid === 'string') throw new Refused(409, paid, REFUSALS[paid])
    return paid
  }

  function tradeNumbered(mchId: string | undefined, outTradeNo: string): WechatTrade {
    const { items } = trades.list({ mchId, outTradeNo, limit: 2 })
    const [trade, another] = items
    if (another) throw new Refused(409, 'MCH_ID_NEEDED', `more than one merchant has a trade ${outTradeNo}`)
    if (!trade) throw new Refused(404, 'TRADE_NOT_FOUND', `there is no trade ${outTradeNo}`)
    return trade
  }

  app.post(
    '/sandbox/api/wechat/pay',
    {
      schema: {
        summary: 'Scans a code, or opens an H5 address or a prepay_id, and pays, exactly as the phone would',
        body: bodyOf({
          link: Type.Optional(Type.String({ maxLength: 2048, description: 'code_url, h5_url or prepay_id' })),
          codeUrl: Type.Optional(Type.String({ maxLength: 2048, description: 'Alias of link' })),
          h5Url: Type.Optional(Type.String({ maxLength: 2048, description: 'Alias of link' })),
          prepayId: Type.Optional(Type.String({ maxLength: 64, description: 'Alias of link' })),
          buyer: Type.Optional(Type.String({ maxLength: 100 })),
          paymentPassword: PaymentPassword,
        }),
        response: { 200: TradeShape, '4xx': ErrorShape },
      },
    },
    ({ body: { link, codeUrl, h5Url, prepayId, ...payer } }) =>
      tradeJson(pay(link ?? codeUrl ?? h5Url ?? prepayId ?? '', payer)),
  )

  app.post(
    '/sandbox/api/wechat/jsapi',
    {
      schema: {
        summary: 'Does what WeixinJSBridge does for getBrandWCPayRequest: checks the paySign, and pays',
        body: bodyOf({
          appId: Type.String({ maxLength: 32 }),
          timeStamp: Type.String({ pattern: '^\\d{1,12}$' }),
          nonceStr: Type.String({ minLength: 1, maxLength: 32 }),
          package: Type.String({ pattern: '^prepay_id=.{1,128}$' }),
          signType: Type.Literal('RSA'),
          paySign: Type.String({ maxLength: 512 }),
          buyer: Type.Optional(Type.String({ maxLength: 100 })),
          paymentPassword: PaymentPassword,
        }),
        response: { 200: Type.Object({ errMsg: Type.String(), trade: TradeShape }), '4xx': ErrorShape },
      },
    },
    ({ body }) => {
      const prepayId = body.package.slice('prepay_id='.length)
      const trade = trades.findByLink(prepayId)
      const merchant = trade && merchants.find(trade.mchId)
      if (trade?.tradeType !== 'JSAPI' || !merchant)
        throw new Refused(404, 'TRADE_NOT_FOUND', 'no order has this prepay_id')
      if (body.appId !== trade.appId || !isPaySigned(merchant.merchantKey, body)) {
        throw new Refused(409, 'PAY_SIGN_WRONG', 'the paySign does not match these four values and the merchant’s key')
      }
      return { errMsg: 'get_brand_wcpay_request:ok', trade: tradeJson(pay(prepayId, body)) }
    },
  )

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
        const trade = linked(link)
        return { items: trade ? [tradeJson(trade)] : [], next: null }
      }
      const { items, next } = trades.list({ ...filter, before: cursorOf(cursor), limit: 50 })
      return { items: items.map(tradeJson), next: next === undefined ? null : String(next) }
    },
  )

  app.get(
    '/sandbox/api/wechat/trades/:outTradeNo',
    { schema: { params: Numbered, querystring: OfMerchant, response: { 200: TradeShape, '4xx': ErrorShape } } },
    ({ params, query }) => tradeJson(tradeNumbered(query.mchId, params.outTradeNo)),
  )

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
      const trade = tradeNumbered(body.mchId, params.outTradeNo)
      if (!payments.abandon(trade)) throw new Refused(409, 'TRADE_STATE_ERROR', `the trade is ${trade.state}`)
      return tradeJson(tradeNumbered(trade.mchId, params.outTradeNo))
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
      const trade = tradeNumbered(body.mchId, params.outTradeNo)
      if (trade.state !== 'NOTPAY') throw new Refused(409, 'TRADE_STATE_ERROR', `the trade is ${trade.state}`)
      payments.fail(trade, body.reason ?? 'the payer’s bank declined')
      return tradeJson(trade)
    },
  )

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
      const trade = tradeNumbered(body.mchId, params.outTradeNo)
      const amount = body.amount === undefined ? toFen(trade.total - trade.refunded) : parseYuan(body.amount)
      if (amount === undefined) throw new Refused(400, 'INVALID_AMOUNT', `${body.amount} is not an amount in yuan`)
      const { notifyUrl, total } = trade
      const made = payments.refund(trade, { outRefundNo: body.outRefundNo, amount, total, reason: '', notifyUrl })
      if (isWechatError(made)) throw new Refused(409, made.code, made.message)
      return tradeJson(trades.find(trade.id) ?? trade)
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
      const refund = trades.findRefundByNumber(request.body.mchId, request.params.outRefundNo)
      const trade = refund && trades.find(refund.tradeId)
      if (!refund || !trade) throw new Refused(404, 'REFUND_NOT_FOUND', 'there is no such refund')
      payments.endRefund(refund.id, request.body.status)
      return tradeJson(trades.find(trade.id) ?? trade)
    },
  )
}
