/** `/sandbox/api/wechat/pay` and `/jsapi`: payments without a phone. */
import { Type } from 'typebox'
import { DEFAULT_LOGIN } from '../core/buyers.ts'
import { isPaySigned } from '../wechat/signing.ts'
import { payTrade } from '../wechat/trades/pay.ts'
import type { WechatTrade } from '../wechat/trades/trades.ts'
import type { Wechat } from '../wechat/wechat.ts'
import { type Application, Refused } from './application.ts'
import { bodyOf, ErrorShape, PaymentPassword } from './shapes.ts'
import { linked, TradeShape, tradeJson } from './wechat-trade.ts'

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

export function wechatPaymentRoutes(app: Application, wechat: Wechat): void {
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
      tradeJson(wechat, pay(wechat, link ?? codeUrl ?? h5Url ?? prepayId ?? '', payer)),
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
      const trade = wechat.trades.findByLink(prepayId)
      const merchant = trade && wechat.merchants.find(trade.mchId)
      if (trade?.tradeType !== 'JSAPI' || !merchant)
        throw new Refused(404, 'TRADE_NOT_FOUND', 'no order has this prepay_id')
      if (body.appId !== trade.appId || !isPaySigned(merchant.merchantKey, body)) {
        throw new Refused(409, 'PAY_SIGN_WRONG', 'the paySign does not match these four values and the merchant’s key')
      }
      return { errMsg: 'get_brand_wcpay_request:ok', trade: tradeJson(wechat, pay(wechat, prepayId, body)) }
    },
  )
}

function pay(wechat: Wechat, link: string, { buyer: login, paymentPassword }: Payer): WechatTrade {
  const trade = linked(wechat, link)
  if (!trade) throw new Refused(404, 'TRADE_NOT_FOUND', 'no order has this link')
  const buyer = wechat.buyers.findByLogin(login ?? DEFAULT_LOGIN)
  if (!buyer) throw new Refused(404, 'BUYER_NOT_FOUND', `there is no buyer ${login}`)
  const paid = payTrade(wechat, trade, buyer, paymentPassword ?? buyer.paymentPassword)
  if (typeof paid === 'string') throw new Refused(409, paid, REFUSALS[paid])
  return paid
}
