/** `/sandbox/api/wechat/…`: merchants, paying without a phone, and what became of it. */
import { type Static, Type } from 'typebox'
import { type Buyer, DEFAULT_LOGIN } from '../buyers.ts'
import { yuan } from '../money.ts'
import type { Sandbox } from '../sandbox.ts'
import { readPublicKey } from '../signature.ts'
import { rfc3339 } from '../time.ts'
import type { WechatMerchant } from '../wechat/merchants.ts'
import type { WechatTrade } from '../wechat/trades.ts'
import { type Application, cursorOf, Refused } from './application.ts'
import { DeliveryShape, deliveryJson, ErrorShape, page } from './shapes.ts'

const Nullable = (schema: Parameters<typeof Type.Union>[0][number]) => Type.Union([schema, Type.Null()])

const MerchantShape = Type.Object({
  mchId: Type.String(),
  name: Type.String(),
  appId: Type.String(),
  serialNo: Type.String(),
  keyMode: Type.String(),
  publicKeyId: Type.String(),
  publicKey: Type.String({ description: 'WeChat Pay’s public key: bare Base64 of the SPKI' }),
  baseUrl: Type.String(),
})

const MerchantInput = Type.Object({
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
  appId: Type.String({ pattern: '^\\w{1,32}$' }),
  serialNo: Type.String({ pattern: '^[0-9A-Fa-f]{8,64}$' }),
  publicKey: Type.String({ maxLength: 4096 }),
  apiV3Key: Type.String({ pattern: '^[\\x21-\\x7e]{32}$' }),
  keyMode: Type.Optional(Type.Union([Type.Literal('public-key'), Type.Literal('certificate')])),
  rules: Type.Optional(
    Type.Object({
      feeRate: Type.Optional(Type.Integer({ minimum: 0, maximum: 1000 })),
      billHour: Type.Optional(Type.Integer({ minimum: 0, maximum: 23 })),
      refundSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 10 * 86_400 })),
    }),
  ),
})

const TradeShape = Type.Object({
  mchId: Type.String(),
  outTradeNo: Type.String(),
  transactionId: Nullable(Type.String()),
  tradeType: Type.String(),
  state: Type.String(),
  totalAmount: Type.String(),
  refundedAmount: Type.String(),
  description: Type.String(),
  createdAt: Type.String(),
  expiresAt: Type.String(),
  paidAt: Nullable(Type.String()),
  closedAt: Nullable(Type.String()),
  refunds: Type.Array(
    Type.Object({ outRefundNo: Type.String(), amount: Type.String(), status: Type.String(), createdAt: Type.String() }),
  ),
  history: Type.Array(Type.Object({ at: Type.String(), event: Type.String(), detail: Type.String() })),
})

const REFUSALS = {
  PAID: 'it is paid already',
  CLOSED: 'it is closed',
  EXPIRED: 'its time to pay has ended',
  LINK_ENDED: 'this link has ended; the shop can make a new one',
  OTHER_BUYER: 'another buyer has opened it',
  BALANCE_NOT_ENOUGH: 'the buyer has not enough money',
  PAYMENT_PASSWORD_ERROR: 'the payment password is wrong',
} as const

/** `base` gives the address callers reach the sandbox at. */
export function wechatApiRoutes(app: Application, sandbox: Sandbox, base: () => string): void {
  const { wechat, buyers } = sandbox
  const { merchants, trades, payments, deliveries } = wechat
  const mchId = Type.Object({ mchId: Type.String({ pattern: '^\\d{1,32}$' }) })

  const merchantJson = (merchant: WechatMerchant): Static<typeof MerchantShape> => ({
    mchId: merchant.mchId,
    name: merchant.name,
    appId: merchant.appId,
    serialNo: merchant.serialNo,
    keyMode: merchant.keyMode,
    publicKeyId: merchant.publicKeyId,
    publicKey: merchant.wechatPublicKey,
    baseUrl: base(),
  })

  const tradeJson = (trade: WechatTrade): Static<typeof TradeShape> => ({
    mchId: trade.mchId,
    outTradeNo: trade.outTradeNo,
    transactionId: trade.transactionId ?? null,
    tradeType: trade.tradeType,
    state: trade.state,
    totalAmount: yuan(trade.total),
    refundedAmount: yuan(trade.refunded),
    description: trade.description,
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

  app.get(
    '/sandbox/api/wechat/merchants',
    { schema: { response: { 200: Type.Object({ items: Type.Array(MerchantShape) }) } } },
    () => ({
      items: merchants.list().map(merchantJson),
    }),
  )

  app.put(
    '/sandbox/api/wechat/merchants/:mchId',
    {
      schema: {
        summary:
          'Registers a merchant with the public half of its key and its APIv3 key, or changes it; safe to repeat',
        params: mchId,
        body: MerchantInput,
        response: { 200: MerchantShape, '4xx': ErrorShape },
      },
    },
    async (request) => {
      if (!readPublicKey(request.body.publicKey)) {
        throw new Refused(400, 'INVALID_PUBLIC_KEY', 'publicKey must be an RSA public key, as PEM or bare Base64')
      }
      const merchant = await merchants.put(request.params.mchId, request.body)
      const { certificates } = wechat
      const isFirst = merchant.keyMode === 'certificate' && certificates.list(merchant.mchId).length === 0
      if (isFirst) await certificates.issue(merchant.mchId, 100)
      sandbox.changed()
      return merchantJson(merchant)
    },
  )

  app.post(
    '/sandbox/api/wechat/merchants/:mchId/rotate',
    {
      schema: {
        summary:
          'Issues the next platform certificate, which signs this share of what WeChat says; `next: false` changes the share of the newest',
        params: mchId,
        body: Type.Object({
          share: Type.Integer({ minimum: 0, maximum: 100 }),
          next: Type.Optional(Type.Boolean()),
        }),
        response: { 200: Type.Object({ serials: Type.Array(Type.String()) }), '4xx': ErrorShape },
      },
    },
    async (request) => {
      const merchant = merchants.find(request.params.mchId)
      if (merchant?.keyMode !== 'certificate') {
        throw new Refused(409, 'NO_CERTIFICATES', 'there is no such merchant in certificate mode')
      }
      const { certificates } = wechat
      if (request.body.next === false) certificates.share(merchant.mchId, request.body.share)
      else await certificates.issue(merchant.mchId, request.body.share)
      return { serials: certificates.list(merchant.mchId).map(({ serialNo }) => serialNo) }
    },
  )

  app.post(
    '/sandbox/api/wechat/pay',
    {
      schema: {
        summary: 'Scans a code, or opens an H5 address or a prepay_id, and pays, exactly as the phone would',
        body: Type.Object({
          link: Type.String({ maxLength: 2048, description: 'code_url, h5_url or prepay_id' }),
          buyer: Type.Optional(Type.String({ maxLength: 100 })),
        }),
        response: { 200: TradeShape, '4xx': ErrorShape },
      },
    },
    (request) => {
      const { link, buyer: login } = request.body
      const prepayId = URL.canParse(link) ? new URL(link).searchParams.get('prepay_id') : null
      const trade = trades.findByLink(prepayId ?? link)
      if (!trade) throw new Refused(404, 'TRADE_NOT_FOUND', 'no order has this link any more')
      const buyer = buyerNamed(login)
      const paid = payments.pay(trade, buyer, buyer.paymentPassword)
      if (typeof paid === 'string') throw new Refused(409, paid, REFUSALS[paid])
      return tradeJson(paid)
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
          cursor: Type.Optional(Type.String({ maxLength: 20 })),
        }),
        response: { 200: page(TradeShape), '4xx': ErrorShape },
      },
    },
    ({ query: { cursor, ...filter } }) => {
      const { items, next } = trades.list({ ...filter, before: cursorOf(cursor), limit: 50 })
      return { items: items.map(tradeJson), next: next === undefined ? null : String(next) }
    },
  )

  app.post(
    '/sandbox/api/wechat/refunds/:outRefundNo/end',
    {
      schema: {
        summary: 'Ends a refund that is on its way, one way or another',
        params: Type.Object({ outRefundNo: Type.String({ maxLength: 64 }) }),
        body: Type.Object({
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

  app.get(
    '/sandbox/api/wechat/deliveries',
    {
      schema: {
        querystring: Type.Object({
          outTradeNo: Type.Optional(Type.String({ maxLength: 64 })),
          state: Type.Optional(Type.String({ maxLength: 16 })),
          cursor: Type.Optional(Type.String({ maxLength: 20 })),
        }),
        response: { 200: page(DeliveryShape), '4xx': ErrorShape },
      },
    },
    ({ query: { cursor, ...filter } }) => {
      const { items, next } = deliveries.list({ ...filter, before: cursorOf(cursor), limit: 50 })
      return {
        items: items.map((delivery) => deliveryJson(delivery, deliveries.attempts(delivery.id))),
        next: next === undefined ? null : String(next),
      }
    },
  )

  app.post(
    '/sandbox/api/wechat/deliveries/:id/replay',
    {
      schema: {
        params: Type.Object({ id: Type.Integer({ minimum: 1 }) }),
        body: Type.Object({
          tamper: Type.Optional(
            Type.Union(
              (['corrupt-sign', 'wrong-amount', 'wrong-app-id', 'wrong-seller-id', 'probe'] as const).map((kind) =>
                Type.Literal(kind),
              ),
            ),
          ),
        }),
        response: {
          200: Type.Object({ status: Nullable(Type.Integer()), acknowledged: Type.Boolean() }),
          '4xx': ErrorShape,
        },
      },
    },
    async (request) => {
      const delivery = deliveries.find(request.params.id)
      if (!delivery) throw new Refused(404, 'DELIVERY_NOT_FOUND', 'there is no such delivery')
      const { answer, acknowledged } = await wechat.notifications.replay(delivery, request.body.tamper)
      return { status: answer.status ?? null, acknowledged }
    },
  )
}
