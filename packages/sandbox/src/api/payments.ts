/** Payments without a browser: `/sandbox/api/enter`, `/pay`. */
import { Type } from 'typebox'
import { isError } from '../alipay/gateway/business.ts'
import { readParameters } from '../alipay/gateway/parameters.ts'
import { openPaymentPage } from '../alipay/gateway/routes.ts'
import { enter, enterAndPay, pay, type Refusal } from '../alipay/trades/pay.ts'
import type { Trade } from '../alipay/trades/trade.ts'
import { returnAddress } from '../cashier/return-address.ts'
import { refusalText } from '../cashier/texts.ts'
import { type Buyer, DEFAULT_LOGIN } from '../core/buyers.ts'
import type { Sandbox } from '../sandbox.ts'
import { type Application, Refused } from './application.ts'
import { bodyOf, ErrorShape, PaymentPassword, TradeShape, tradeJson } from './shapes.ts'
import { TradeParams, tradeNumbered } from './trades.ts'

const Paid = Type.Object({ trade: TradeShape, returnUrl: Type.Union([Type.String(), Type.Null()]) })
const Link = {
  payUrl: Type.String({ description: 'A signed GET link to /gateway.do', maxLength: 32_768 }),
  buyer: Type.Optional(Type.String({ description: 'Login or id; the default buyer if absent' })),
}

export function paymentRoutes(app: Application, sandbox: Sandbox): void {
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
      const { opened, firstAt } = open(sandbox, body.payUrl)
      const trade = enter(sandbox, opened, buyerNamed(sandbox, body.buyer), firstAt)
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
      const { opened, firstAt } = open(sandbox, body.payUrl)
      const buyer = buyerNamed(sandbox, body.buyer)
      const password = body.paymentPassword ?? buyer.paymentPassword
      return answer(sandbox, done(enterAndPay(sandbox, opened, buyer, firstAt, password)), opened.returnUrl)
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
      const trade = tradeNumbered(sandbox, params.tradeNo)
      const buyer = buyerNamed(sandbox, trade.buyerId)
      const password = body.paymentPassword ?? buyer.paymentPassword
      return answer(sandbox, done(pay(sandbox, trade, buyer, password)), trade.request.returnUrl)
    },
  )
}

function buyerNamed({ buyers }: Sandbox, login: string | undefined): Buyer {
  const buyer = buyers.findByLogin(login ?? DEFAULT_LOGIN) ?? (login === undefined ? undefined : buyers.find(login))
  if (!buyer) throw new Refused(404, 'BUYER_NOT_FOUND', `there is no buyer ${login}`)
  return buyer
}

/** The request of a payment link, refused as Alipay’s page would, and when its number was first used. */
function open(sandbox: Sandbox, payUrl: string) {
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

async function answer({ merchants, clock }: Sandbox, trade: Trade, returnUrl: string | undefined) {
  const merchant = merchants.find(trade.appId)
  const back = merchant && trade.paidAt !== undefined && (await returnAddress(trade, returnUrl, merchant, clock.now()))
  return { trade: tradeJson(trade), returnUrl: back || null }
}
