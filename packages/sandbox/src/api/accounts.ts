/** `/sandbox/api/merchants` and `/sandbox/api/buyers`: the accounts that sell and pay. */
import { Type } from 'typebox'
import { generateKeys, readPublicKey } from '../core/keys.ts'
import { parseYuan } from '../core/money.ts'
import type { Sandbox } from '../sandbox.ts'
import { type Application, Refused } from './application.ts'
import { BuyerShape, bodyOf, buyerJson, ErrorShape, MerchantShape, merchantJson } from './shapes.ts'

const MerchantInput = bodyOf({
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
  sellerId: Type.Optional(Type.String({ pattern: '^2088\\d{12}$' })),
  appPublicKey: Type.Optional(Type.String({ maxLength: 4096 })),
  keyMode: Type.Optional(Type.Union([Type.Literal('key'), Type.Literal('cert')])),
  rules: Type.Optional(
    bodyOf({
      notifyOnPartialRefund: Type.Optional(Type.Boolean()),
      notifyOnClose: Type.Optional(Type.Boolean()),
      partialRefunds: Type.Optional(Type.Boolean()),
      refundGapSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 3600 })),
      emptyBills: Type.Optional(Type.Union([Type.Literal('file'), Type.Literal('error')])),
      billHour: Type.Optional(Type.Integer({ minimum: 0, maximum: 23 })),
      refundDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 3650 })),
      refundable: Type.Optional(Type.Boolean()),
      feeRate: Type.Optional(
        Type.Integer({ minimum: 0, maximum: 1000, description: 'Ten-thousandths of a payment; 60 is 0.6 %' }),
      ),
    }),
  ),
})

const BuyerInput = bodyOf({
  login: Type.String({ minLength: 3, maxLength: 100 }),
  name: Type.Optional(Type.String({ maxLength: 100 })),
  loginPassword: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
  paymentPassword: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
  balance: Type.Optional(Type.String()),
})

function checkKey(text: string | undefined): void {
  if (text === undefined || readPublicKey(text)) return
  throw new Refused(
    400,
    'INVALID_PUBLIC_KEY',
    'appPublicKey must be an RSA public key, as PEM or as the bare Base64 that Alipay’s key tool gives',
  )
}

/** `base` returns the address at which callers reach the sandbox. */
export function merchantRoutes(app: Application, sandbox: Sandbox, base: () => string): void {
  const { merchants } = sandbox

  app.get(
    '/sandbox/api/merchants',
    { schema: { response: { 200: Type.Object({ items: Type.Array(MerchantShape) }) } } },
    () => ({
      items: merchants.list().map((merchant) => merchantJson(merchant, base())),
    }),
  )

  app.post(
    '/sandbox/api/merchants',
    {
      schema: {
        summary: 'Creates a merchant; without appPublicKey also its key pair',
        body: MerchantInput,
        response: { 201: MerchantShape, '4xx': ErrorShape },
      },
    },
    async (request, reply) => {
      checkKey(request.body.appPublicKey)
      const pair = request.body.appPublicKey === undefined ? await generateKeys() : undefined
      const merchant = await merchants.put(merchants.freeAppId(), {
        ...request.body,
        ...(pair && { appPublicKey: pair.publicKey }),
      })
      sandbox.changed()
      return reply
        .code(201)
        .send({ ...merchantJson(merchant, base()), ...(pair && { appPrivateKey: pair.privateKey }) })
    },
  )

  app.put(
    '/sandbox/api/merchants/:appId',
    {
      schema: {
        summary: 'Registers or updates a merchant under a chosen application id; safe to repeat',
        params: Type.Object({ appId: Type.String({ pattern: '^\\d{16}$' }) }),
        body: MerchantInput,
        response: { 200: MerchantShape, '4xx': ErrorShape },
      },
    },
    async (request) => {
      checkKey(request.body.appPublicKey)
      const merchant = await merchants.put(request.params.appId, request.body)
      sandbox.changed()
      return merchantJson(merchant, base())
    },
  )
}

export function buyerRoutes(app: Application, sandbox: Sandbox): void {
  const { buyers } = sandbox

  app.get(
    '/sandbox/api/buyers',
    { schema: { response: { 200: Type.Object({ items: Type.Array(BuyerShape) }) } } },
    () => ({
      items: buyers.list().map(buyerJson),
    }),
  )

  app.post(
    '/sandbox/api/buyers',
    { schema: { body: BuyerInput, response: { 201: BuyerShape, '4xx': ErrorShape } } },
    async (request, reply) => {
      const { balance: text, ...input } = request.body
      const balance = text === undefined ? undefined : parseYuan(text)
      if (text !== undefined && balance === undefined)
        throw new Refused(400, 'INVALID_AMOUNT', 'balance must be yuan with two decimals, e.g. "100.00"')
      const buyer = buyers.create({ ...input, ...(balance !== undefined && { balance }) })
      if (!buyer) throw new Refused(409, 'LOGIN_TAKEN', `a buyer ${input.login} already exists`)
      sandbox.changed()
      return reply.code(201).send(buyerJson(buyer))
    },
  )
}
